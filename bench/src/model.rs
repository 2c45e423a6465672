//! The paper model: measured costs, carried to what a billion clicks a day and more would need. Integers all the way.

mod measured;
mod sizing;

use std::path::PathBuf;

use anyhow::Context as _;

use crate::{
    record::Document,
    report::{
        markdown_table as table,
        numbers::{bytes, cost, count, decimal},
    },
};
use measured::Measured;
use sizing::{Assumed, Needed};

const CLICKS_A_DAY: [u64; 3] = [1_000_000_000, 10_000_000_000, 100_000_000_000];

/// Carry measured costs to 1, 10 and 100 billion clicks a day
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What `bench grow --contestant refmill-servers` has left, and what else was measured on the same machine: `bench report --json` makes
    /// one document of several
    #[arg(value_name = "IN.json")]
    document: PathBuf,

    #[command(flatten)]
    assumed: Assumed,
}

pub(crate) fn print(args: &Args) -> anyhow::Result<()> {
    let path = &args.document;
    let text = std::fs::read_to_string(path).with_context(|| format!("{} can't be read", path.display()))?;
    let document: Document =
        serde_json::from_str(&text).with_context(|| format!("{} holds no measurement", path.display()))?;
    print!("{}", tables(&Measured::of(&document)?, &args.assumed));
    Ok(())
}

fn tables(measured: &Measured, assumed: &Assumed) -> String {
    let mut text = String::new();
    let machine = format!("machines of {} cores", assumed.cores_a_machine);
    let days = CLICKS_A_DAY.map(|clicks| (clicks, sizing::needed(measured, assumed, clicks)));
    let mut heads = vec!["".to_owned(), "measured".to_owned()];
    heads.extend(days.iter().map(|(clicks, _)| format!("{} G clicks a day", count(clicks / 1_000_000_000))));
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    table(&mut text, &format!("What a day's clicks need, in {machine}"), &heads, rows(measured, &days).into_iter());
    text.push_str(&assumed.to_string());
    text
}

fn rows(measured: &Measured, days: &[(u64, Needed)]) -> Vec<Vec<String>> {
    let row = |what: &str, measured: String, each: &dyn Fn(&Needed) -> String| {
        [what.to_owned(), measured].into_iter().chain(days.iter().map(|(_, needed)| each(needed))).collect()
    };
    let us = |ns: u64| format!("{} an event", cost(ns));
    let disk = |millibytes: u64| format!("{} B an event", decimal(millibytes, 1_000, 2));
    let machines = |n: u64, cores: u64| format!("{} ({} cores)", count(n), count(cores));
    vec![
        row("events a second, mean and peak", String::new(), &|of| {
            format!("{} and {}", count(of.mean_a_second), count(of.peak_a_second))
        }),
        row("edges", us(measured.edge_ns), &|of| machines(of.edge.machines, of.edge.cores)),
        row("links in an edge's memory", format!("{} a link", bytes(measured.bytes_a_link)), &|of| {
            bytes(of.links_bytes)
        }),
        row("processors", us(measured.processor_ns), &|of| machines(of.processor.machines, of.processor.cores)),
        row("partitions", String::new(), &|of| count(of.partitions)),
        row("brokers", us(measured.broker_ns), &|of| machines(of.broker.machines, of.broker.cores)),
        row("disk of the topics, all replicas", disk(measured.broker_millibytes), &|of| tera(of.broker_bytes)),
        row("ClickHouse servers", us(measured.facts_ns), &|of| machines(of.facts.machines, of.facts.cores)),
        row("disk of the facts, all replicas", disk(measured.facts_millibytes), &|of| tera(of.facts_bytes)),
        row("Postgres", us(measured.ledger_ns), &|of| machines(of.ledger.machines, of.ledger.cores)),
        row("disk of the ledger a year, all replicas", disk(measured.ledger_millibytes), &|of| tera(of.ledger_bytes)),
        row("Redis", us(measured.touches_ns), &|of| machines(of.touches.machines, of.touches.cores)),
    ]
}

fn tera(bytes: u128) -> String {
    let giga = u64::try_from(bytes / 1_000_000_000).unwrap_or(u64::MAX);
    if giga < 1_000 { format!("{} GB", count(giga)) } else { format!("{} TB", decimal(giga, 1_000, 1)) }
}
