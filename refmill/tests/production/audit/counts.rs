//! Counts: every accepted event has one outcome, and what is counted by status and partner is what is there.

use std::collections::{BTreeMap, BTreeSet};

use schemas::conversion::ReviewState;
use schemas::decision::{EventKind, Outcome};

use super::{Found, add_up};
use crate::books::Books;

/// How the ledger writes that a conversion is a sale.
const SALE: u8 = 1;

pub(super) fn compare(books: &Books, found: &mut Found) {
    outcomes(books, found);
    let counted = books.status_counts.iter().map(|(company, kind, status, n)| ((*company, *kind, *status), [*n]));
    let there = books.conversions.iter().map(|row| ((row.company, row.kind, row.house_status), [1]));
    found.compare("status counts", &add_up(counted), &add_up(there));
    let totals = books.partner_totals.iter().map(|(partner, company, n, sum)| ((*partner, *company), [*n, *sum]));
    let earning = books.conversions.iter().filter(|row| row.partner != 0 && row.review != ReviewState::Rejected as u8);
    let earned = earning.map(|row| ((row.partner, row.company), [1, row.commission_minor]));
    found.compare("partner totals", &add_up(totals), &add_up(earned));
}

fn outcomes(books: &Books, found: &mut Found) {
    let mut accepted: BTreeSet<(u64, u8, u128)> = BTreeSet::new();
    for logged in &books.log {
        if let Some(kind) = logged.kind {
            accepted.insert((logged.company, kind as u8, logged.event));
        }
    }
    let accepted = add_up(accepted.into_iter().map(|(company, kind, _)| ((company, kind), [1])));
    let edge = Outcome::EdgeRefused as u8;
    let counted = books.outcomes.iter().filter(|(_, _, outcome, _)| *outcome != edge);
    let counted = add_up(counted.map(|(company, kind, _, n)| ((*company, *kind), [*n])));
    found.compare("outcomes", &counted, &accepted);

    let mut of_facts: BTreeMap<(u64, u8, u8), [i64; 1]> = BTreeMap::new();
    for click in &books.facts.clicks {
        of_facts.entry((click.company, EventKind::Click as u8, click.outcome)).or_insert([0])[0] += 1;
    }
    for refund in &books.refunds {
        of_facts.entry((refund.company, EventKind::Refund as u8, Outcome::Applied as u8)).or_insert([0])[0] += 1;
    }
    for row in &books.conversions {
        let outcome = if row.partner == 0 { Outcome::Unattributed } else { Outcome::Attributed };
        let kind = if row.kind == SALE { EventKind::Sale } else { EventKind::Lead };
        of_facts.entry((row.company, kind as u8, outcome as u8)).or_insert([0])[0] += 1;
    }
    let last = [Outcome::Counted, Outcome::Bot, Outcome::Attributed, Outcome::Unattributed, Outcome::Applied];
    let is_checked = |kind: u8, outcome: u8| {
        (kind == EventKind::Click as u8 && outcome != edge)
            || (kind != EventKind::Review as u8 && last.iter().any(|known| *known as u8 == outcome))
    };
    let counted = books.outcomes.iter().filter(|(_, kind, outcome, _)| is_checked(*kind, *outcome));
    let counted = add_up(counted.map(|(company, kind, outcome, n)| ((*company, *kind, *outcome), [*n])));
    found.compare("outcomes and what is there", &counted, &of_facts);
    let parked = books.outcomes.iter().filter(|(_, _, outcome, _)| *outcome == Outcome::Parked as u8);
    found.check("outcomes", "parked", parked.map(|(_, _, _, n)| n).sum::<i64>(), 0);
}
