//! Facts: the ledger's changes and nothing else, without a row too many, and sums that are the sums of the rows.

use std::collections::BTreeMap;

use schemas::decision::Outcome;

use super::{Found, add_up};
use crate::books::{Books, Change, ClickFact, Rollup};

pub(super) fn compare(books: &Books, found: &mut Found) {
    let facts = &books.facts;
    found.check("facts", "clicks, all rows", facts.clicks.len(), facts.clicks_final);
    found.check("facts", "changes, all rows", facts.changes.len(), facts.changes_final);
    found.compare("changes", &counted(&facts.changes), &counted(&books.changes));
    // Of what the rows should be, each once: a row too many must not excuse a sum too high.
    let once: BTreeMap<u128, ClickFact> = facts.clicks.iter().map(|click| (click.event, click.clone())).collect();
    let mut wanted = of_clicks(&once.into_values().collect::<Vec<_>>());
    wanted.extend(of_changes(&books.changes));
    let is = facts.rollups.iter().map(|rollup| ((rollup.table, rollup.of.clone()), rollup.sums.clone())).collect();
    let wanted = wanted.into_iter().map(|rollup| ((rollup.table, rollup.of), rollup.sums)).collect();
    found.compare("rollups", &is, &wanted);
}

fn counted(changes: &[Change]) -> BTreeMap<&Change, usize> {
    let mut counted = BTreeMap::new();
    for change in changes {
        *counted.entry(change).or_insert(0) += 1;
    }
    counted
}

fn of_clicks(clicks: &[ClickFact]) -> Vec<Rollup> {
    let texts = |parts: &[&dyn ToString]| parts.iter().map(|part| part.to_string()).collect::<Vec<_>>();
    let counts = |click: &ClickFact| {
        [i64::from(click.outcome == Outcome::Counted as u8), i64::from(click.outcome == Outcome::Bot as u8)]
    };
    let by_day =
        clicks.iter().map(|click| (texts(&[&click.company, &click.day, &click.partner, &click.link]), counts(click)));
    let source = |click: &ClickFact| (texts(&[&click.company, &click.day, &click.source]), [counts(click)[0]]);
    let page = |click: &ClickFact| (texts(&[&click.company, &click.day, &click.path]), [counts(click)[0]]);
    let mut all = rollups("clicks_by_day", add_up(by_day));
    all.extend(rollups("sources_by_day", add_up(clicks.iter().map(source))));
    all.extend(rollups("pages_by_day", add_up(clicks.iter().map(page))));
    all
}

fn of_changes(changes: &[Change]) -> Vec<Rollup> {
    const DAY_MS: i64 = 86_400_000;
    let row = |change: &Change| {
        let day = change.at_ms.div_euclid(DAY_MS);
        let of: [&dyn ToString; 5] = [&change.company, &day, &change.partner, &change.link, &change.currency];
        let sums = [
            change.conversions,
            change.revenue_minor,
            change.commission_minor,
            change.approved_minor,
            change.partner_minor,
            change.partner_approved_minor,
        ];
        (of.iter().map(|part| part.to_string()).collect::<Vec<_>>(), sums)
    };
    rollups("sales_by_day", add_up(changes.iter().map(row)))
}

fn rollups<const N: usize>(table: &'static str, sums: BTreeMap<Vec<String>, [i64; N]>) -> Vec<Rollup> {
    sums.into_iter().map(|(of, sums)| Rollup { table, of, sums: sums.to_vec() }).collect()
}
