//! The tables at the end of a run.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Cell, CellAlignment, Table};
use indicatif::HumanCount;
use schemas::money::Currency;

use super::figures::{Ledger, Partner};
use super::outcomes::{Counts, Kind};
use super::tally::{Sent, Tally};

type Column = (&'static str, fn(&Counts) -> i64);

const COLUMNS: [Column; 9] = [
    ("counted", |counts| counts.counted),
    ("bot", |counts| counts.bot),
    ("attributed", |counts| counts.attributed),
    ("unattributed", |counts| counts.unattributed),
    ("applied", |counts| counts.applied),
    ("parked", |counts| counts.parked),
    ("duplicate", |counts| counts.duplicate),
    ("refused", |counts| counts.refused),
    ("refused at edge", |counts| counts.edge_refused),
];

/// A row a kind of event: what was sent, and what the server says became of it.
pub(super) fn outcomes(tally: &Tally, kinds: &[(Kind, Counts)]) -> Table {
    let middle = COLUMNS.iter().map(|(name, _)| *name);
    let header = ["event", "sent"].into_iter().chain(middle).chain(["unknown code", "adds up"]);
    let mut table = table(header);
    for (kind, counts) in kinds {
        let nothing = Sent::default();
        let sent = tally.of(*kind).unwrap_or(&nothing);
        let mut row = vec![Cell::new(name(*kind)), number(sent.requests)];
        row.extend(COLUMNS.iter().map(|(_, of)| number(of(counts))));
        row.extend([number(sent.unknown), mark(sent.adds_up(*counts))]);
        table.add_row(row);
    }
    table
}

/// Answers that should not have come, a line each.
pub(super) fn surprises(tally: &Tally) -> String {
    let of = |(kind, sent): (Kind, &Sent)| {
        let line = |((status, code), (count, message)): (&(u16, String), &(u64, String))| {
            format!("{count} × {} answered {status} {code}: {message}\n", name(kind))
        };
        sent.surprises.iter().map(line).collect::<String>()
    };
    tally.iter().map(of).collect()
}

pub(super) fn partners(partners: &[Partner], email: impl Fn(&str) -> Option<String>) -> Table {
    let mut table = table(["partner", "conversions", "revenue", "earned"]);
    for partner in partners {
        let who = email(&partner.affiliate_id).unwrap_or_else(|| partner.affiliate_id.clone());
        table.add_row([
            Cell::new(who),
            number(partner.conversions),
            money(Currency::GBP, partner.revenue),
            money(Currency::GBP, partner.earned),
        ]);
    }
    table
}

pub(super) fn ledger(ledger: &[Ledger]) -> Table {
    let mut table = table(["currency", "transfers", "debits", "credits", "sum", "zero"]);
    for entry in ledger {
        table.add_row([
            Cell::new(entry.currency),
            number(entry.transfers),
            money(entry.currency, entry.debits),
            money(entry.currency, entry.credits),
            money(entry.currency, entry.sum),
            mark(entry.is_zero()),
        ]);
    }
    table
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Click => "click",
        Kind::Lead => "lead",
        Kind::Sale => "sale",
        Kind::Refund => "refund",
        Kind::Review => "review",
    }
}

fn table<'a>(header: impl IntoIterator<Item = &'a str>) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(header);
    table
}

fn number(count: i64) -> Cell {
    let sign = if count < 0 { "-" } else { "" };
    right(format!("{sign}{}", HumanCount(count.unsigned_abs())))
}

fn money(currency: Currency, amount_minor: i64) -> Cell {
    right(currency.format_major(amount_minor))
}

fn mark(good: bool) -> Cell {
    Cell::new(if good { "✓" } else { "✗" }).set_alignment(CellAlignment::Center)
}

fn right(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}
