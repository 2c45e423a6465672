//! From documents: one page that is read anywhere, the same as one document, and the tables that a README holds.
//! A run that was discarded has a name and a reason here, and no figure: `groups` lets none through.

mod audits;
mod comparisons;
mod costs;
mod discarded;
#[allow(
    clippy::float_arithmetic,
    reason = "where a line goes on the page is no figure: figures are printed from integers"
)]
mod draw;
mod figures;
mod groups;
mod growths;
mod labels;
mod latencies;
mod markdown;
mod markup;
mod merge;
pub(crate) mod numbers;
mod page;
mod runs;
mod speeds;
mod stages;
mod sweeps;
mod tables;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::ArgGroup;

pub(crate) use labels::load as load_in_words;
pub(crate) use markdown::table as markdown_table;
pub(crate) use merge::add_versions;

use crate::record::Document;

/// Show what was measured
#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("made").args(["html", "json", "table"]).required(true).multiple(true)))]
pub(crate) struct Args {
    /// What was measured, on one machine: several become one
    #[arg(value_name = "IN.json", required = true)]
    documents: Vec<PathBuf>,

    /// Write one HTML file that needs no other, no network and no script
    #[arg(long, value_name = "OUT")]
    html: Option<PathBuf>,

    /// Write the documents as one
    #[arg(long, value_name = "OUT")]
    json: Option<PathBuf>,

    /// Print Markdown: each target's loads, what each process costs, comparisons, knees, growth
    #[arg(long)]
    table: bool,
}

/// Makes what was asked for.
pub(crate) fn make(args: &Args) -> anyhow::Result<()> {
    let documents = args.documents.iter().map(|path| read(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let document = merge::merge(documents)?;
    if let Some(path) = &args.html {
        write(path, &page::page(&document))?;
    }
    if let Some(path) = &args.json {
        write(path, &(serde_json::to_string_pretty(&document)? + "\n"))?;
    }
    if args.table {
        print!("{}", markdown::tables(&document));
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Document> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} can't be read", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} holds no measurement", path.display()))
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("{} can't be written", path.display()))
}
