//! Clicks: every receipt that was given out is in the facts once, and every click counts once.

use std::collections::BTreeMap;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use schemas::decision::{EventKind, Outcome};

use super::{Found, company};
use crate::books::{Books, ClickFact};
use crate::journal::Run;
use crate::stream::{Click, Step};

pub(super) fn compare(runs: &[Run], books: &Books, found: &mut Found) {
    let mut by_page: BTreeMap<(u64, &str), Vec<&ClickFact>> = BTreeMap::new();
    for fact in &books.facts.clicks {
        by_page.entry((fact.company, &fact.path)).or_default().push(fact);
    }
    for run in runs {
        for lane in &run.stream.lanes {
            let of = company(&run.accounts[lane.shop].company);
            for step in &lane.steps {
                if let Step::Click(click) = step {
                    let rows = by_page.remove(&(of, click.page.as_str())).unwrap_or_default();
                    one_click(run, click, &rows, found);
                }
            }
        }
    }
    for ((_, page), rows) in by_page {
        found.say("clicks", format!("{} on {page}, which nobody clicked on", rows.len()));
    }
}

fn one_click(run: &Run, click: &Click, rows: &[&ClickFact], found: &mut Found) {
    let page = &click.page;
    let Some(sent) = run.journal.clicks.get(page) else {
        return found.check("clicks", format_args!("{page}, which was never sent"), rows.len(), 0);
    };
    for receipt in &sent.receipts {
        let bytes = BASE64URL_NOPAD.decode(receipt.as_bytes()).expect("a receipt");
        let times = rows.iter().filter(|row| row.receipt == HEXLOWER.encode(&bytes)).count();
        found.check("clicks", format_args!("{page}, receipt {receipt}, rows"), times, 1);
    }
    if rows.len() > sent.tries {
        found.say("clicks", format!("{page} is there {} times and was sent {} times", rows.len(), sent.tries));
    }
    let of_outcome = |outcome: Outcome| rows.iter().filter(|row| row.outcome == outcome as u8).count();
    let (first, other) = if click.bot { (Outcome::Bot, Outcome::Counted) } else { (Outcome::Counted, Outcome::Bot) };
    found.check("clicks", format_args!("{page}, {first:?}"), of_outcome(first), 1);
    found.check("clicks", format_args!("{page}, {other:?}"), of_outcome(other), 0);
    found.check("clicks", format_args!("{page}, refused"), of_outcome(Outcome::Refused), 0);
}

/// Facts hold the clicks of the log, all of them and nothing else, however often the log has one.
pub(super) fn every_record_once(books: &Books, found: &mut Found) {
    let mut of_log: BTreeMap<u128, &str> = BTreeMap::new();
    for logged in books.log.iter().filter(|logged| logged.kind == Some(EventKind::Click)) {
        of_log.insert(logged.event, logged.receipt.as_deref().unwrap_or_default());
    }
    let mut of_facts: BTreeMap<u128, Vec<&str>> = BTreeMap::new();
    for fact in &books.facts.clicks {
        of_facts.entry(fact.event).or_default().push(&fact.receipt);
    }
    for (event, receipt) in &of_log {
        let rows = of_facts.remove(event).unwrap_or_default();
        if rows != [*receipt] {
            found.say("clicks", format!("event {event:032x} of the log has {} rows in facts", rows.len()));
        }
    }
    for (event, rows) in of_facts {
        found.say("clicks", format!("event {event:032x} is not in the log and has {} rows in facts", rows.len()));
    }
}
