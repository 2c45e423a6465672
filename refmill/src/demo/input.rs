//! The two input files as clicks and sales, within limits, and what is left out of them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use xxhash_rust::xxh3::xxh3_64;

use super::access_log::{self, NoClick};
use super::orders::{self, NoSale};
use super::plan::{Click, Sale};
use super::slices;
use crate::cli::DemoArgs;

/// What a file may be at most: it is held in memory.
const FILE_LIMIT_BYTES: u64 = 256 * 1024 * 1024;

pub(super) struct Input {
    pub(super) clicks: Vec<Click>,
    pub(super) sales: Vec<Sale>,
    lines_skipped: BTreeMap<NoClick, u64>,
    invoices_skipped: BTreeMap<NoSale, u64>,
}

impl Input {
    pub(super) fn load(args: &DemoArgs, links: usize) -> anyhow::Result<Self> {
        let log = bytes("--access-log", args.access_log.as_deref(), slices::ACCESS_LOG)?;
        let (clicks, lines_skipped) = clicks(&log, links, args.max_clicks);
        let csv = bytes("--orders", args.orders.as_deref(), slices::ORDERS)?;
        let orders = orders::read(&csv, args.max_orders).context("the orders could not be read")?;
        if clicks.is_empty() && orders.invoices.is_empty() {
            bail!("there is no GET in the log and no sale in the orders: is --access-log in Apache's combined format?");
        }
        Ok(Self {
            clicks,
            sales: orders.invoices.into_iter().map(|invoice| Sale::plan(invoice, links)).collect(),
            lines_skipped,
            invoices_skipped: orders.skipped,
        })
    }

    /// One line a file, or nothing.
    pub(super) fn left_out(&self) -> String {
        let lines = reasons(self.lines_skipped.iter().map(|(reason, count)| (reason.describe(), *count)));
        let invoices = reasons(self.invoices_skipped.iter().map(|(reason, count)| (reason.describe(), *count)));
        [("log's lines", lines), ("invoices", invoices)]
            .into_iter()
            .filter(|(_, reasons)| !reasons.is_empty())
            .map(|(what, reasons)| format!("left out of the {what}: {reasons}\n"))
            .collect()
    }
}

fn reasons(counted: impl Iterator<Item = (&'static str, u64)>) -> String {
    counted.map(|(reason, count)| format!("{count} {reason}")).collect::<Vec<_>>().join(", ")
}

fn clicks(log: &[u8], links: usize, at_most: usize) -> (Vec<Click>, BTreeMap<NoClick, u64>) {
    let file_hash = xxh3_64(log);
    let mut clicks = Vec::new();
    let mut skipped = BTreeMap::new();
    let lines = log.strip_suffix(b"\n").unwrap_or(log).split(|byte| *byte == b'\n');
    for (text, line) in lines.zip(1..) {
        let text = String::from_utf8_lossy(text.strip_suffix(b"\r").unwrap_or(text));
        match access_log::parse(line, &text) {
            Ok(hit) if clicks.len() < at_most => clicks.push(Click::plan(hit, links, file_hash)),
            Ok(_) => *skipped.entry(NoClick::OverLimit).or_default() += 1,
            Err(reason) => *skipped.entry(reason).or_default() += 1,
        }
    }
    (clicks, skipped)
}

fn bytes(flag: &str, path: Option<&Path>, slice: &'static [u8]) -> anyhow::Result<Cow<'static, [u8]>> {
    let Some(path) = path else {
        return Ok(Cow::Borrowed(slice));
    };
    let shown = path.display();
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_LIMIT_BYTES + 1).read_to_end(&mut bytes))
        .with_context(|| format!("{shown} ({flag}) could not be read"))?;
    if bytes.len() as u64 > FILE_LIMIT_BYTES {
        bail!("{shown} ({flag}) is over {} MiB: cut a slice from it", FILE_LIMIT_BYTES >> 20);
    }
    Ok(Cow::Owned(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_click_or_is_skipped_for_a_reason() {
        let (planned, skipped) = clicks(slices::ACCESS_LOG, 8, 1_000);
        assert_eq!(planned.len(), 1_000);
        assert_eq!(skipped, BTreeMap::from([(NoClick::NotGet, 6), (NoClick::OverLimit, 494)]));
        assert_eq!(planned[0].hit.line, 1);
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let said = bytes("--orders", Some(Path::new("no/such.csv")), b"").unwrap_err().to_string();
        assert!(said.contains("no/such.csv (--orders)"), "{said}");
    }
}
