//! Controls: damage of every kind that the audit has to see, in the books as they were read and in the stores themselves.

mod guards;
mod stage;
mod stores;
mod trusted;

use schemas::conversion::ReviewState;
use schemas::decision::Outcome;

use crate::audit::{audit, differences};
use crate::books::Books;
use crate::cluster::{Cluster, Plan};
use crate::drive::Load;
use crate::journal::Run;
use crate::on_one_thread;
use crate::stream::Stream;

/// What goes wrong, how it shows in the books, and under what the audit says so.
struct Damage {
    what: &'static str,
    done: fn(&mut Books),
    said: &'static str,
}

const DAMAGES: [Damage; 22] = [
    Damage { what: "an acknowledged click is gone", said: "clicks", done: |books| drop(books.facts.clicks.pop()) },
    Damage {
        what: "a click is there twice",
        said: "clicks",
        done: |books| books.facts.clicks.push(books.facts.clicks[0].clone()),
    },
    Damage {
        what: "a copy of a click counts as a duplicate",
        said: "clicks",
        done: |books| {
            let mut copy = books.facts.clicks[0].clone();
            (copy.outcome, copy.offset) = (3, copy.offset + 1_000_000);
            books.facts.clicks.push(copy);
        },
    },
    Damage {
        what: "a click that nobody sent",
        said: "clicks",
        done: |books| books.facts.clicks[0].path = "/nobody".to_owned(),
    },
    Damage { what: "rows that a merge would drop", said: "facts", done: |books| books.facts.clicks_final -= 1 },
    Damage {
        what: "a sum counts a block twice",
        said: "rollups",
        done: |books| books.facts.rollups[0].sums.iter_mut().for_each(|sum| *sum *= 2),
    },
    Damage {
        what: "a sum of sales counts a block twice",
        said: "rollups",
        done: |books| {
            let of_sales = books.facts.rollups.iter_mut().find(|rollup| rollup.table == "sales_by_day");
            of_sales.expect("sales").sums[1] += 1;
        },
    },
    Damage { what: "facts lack a change", said: "changes", done: |books| drop(books.facts.changes.pop()) },
    Damage {
        what: "facts have a change twice",
        said: "changes",
        done: |books| books.facts.changes.push(books.facts.changes[0].clone()),
    },
    Damage { what: "an order is gone", said: "orders", done: |books| drop(books.conversions.pop()) },
    Damage {
        what: "an order is there twice",
        said: "orders",
        done: |books| {
            let mut again = books.conversions[0].clone();
            again.id += 1;
            books.conversions.push(again);
        },
    },
    Damage { what: "an order under another id", said: "its id", done: |books| books.conversions[0].id += 1 },
    Damage {
        what: "an order decided for somebody else",
        said: "partner",
        done: |books| books.conversions.iter_mut().find(|row| row.partner != 0).expect("a winner").partner += 1,
    },
    Damage {
        what: "another commission",
        said: "commission",
        done: |books| {
            let mut earning = books.conversions.iter_mut().filter(|row| row.review != ReviewState::Rejected as u8);
            earning.next().expect("one that earns").commission_minor += 1;
        },
    },
    Damage {
        what: "a transfer is posted twice",
        said: "balances",
        done: |books| {
            let mut again = books.transfers[0].clone();
            again.id += 1;
            books.transfers.push(again);
        },
    },
    Damage { what: "a transfer is gone", said: "balances", done: |books| drop(books.transfers.pop()) },
    Damage { what: "a balance is off", said: "balances", done: |books| books.balances[0].amount_minor += 1 },
    Damage { what: "a refund is gone", said: "refunds", done: |books| drop(books.refunds.pop()) },
    Damage {
        what: "an event has two outcomes",
        said: "outcomes",
        done: |books| {
            let mut counts = books.outcomes.iter_mut();
            counts.find(|(_, _, outcome, _)| *outcome != Outcome::EdgeRefused as u8).expect("an outcome").3 += 1;
        },
    },
    Damage {
        what: "an event of the log has no outcome",
        said: "outcomes",
        done: |books| {
            let mut more = books.log.iter().find(|logged| logged.kind.is_some()).expect("an event").clone();
            // The next number would be the next event's.
            more.event = !more.event;
            books.log.push(more);
        },
    },
    Damage {
        what: "a partition is not decided to its end",
        said: "progress",
        done: |books| books.progress[0].next -= 1,
    },
    Damage { what: "a sale is still parked", said: "waiting", done: |books| books.parked = 1 },
];

fn check(plan: Plan) {
    on_one_thread(async {
        let cluster = Cluster::start(plan).await;
        let run = Load::run(&cluster, Stream::new(101, 12, 14)).await;
        let books = audit(&cluster, std::slice::from_ref(&run)).await;
        let runs = [run];
        every_damage_is_seen(&runs, &books);
        lost_answers_are_seen(runs, &books);
    });
}

fn every_damage_is_seen(runs: &[Run], books: &Books) {
    for Damage { what, done, said } in DAMAGES {
        let mut broken = books.clone();
        done(&mut broken);
        let found = differences(runs, &broken);
        assert!(found.iter().any(|wrong| wrong.contains(said)), "{what}: {found:?}");
    }
}

/// A reply before delivery: an answer was given for what is not there.
fn lost_answers_are_seen(mut runs: [Run; 1], books: &Books) {
    let journal = &mut runs[0].journal;
    let sent = journal.clicks.values_mut().next().expect("a click");
    let other = "A".repeat(64);
    sent.receipts.push(other);
    sent.tries += 1;
    let found = differences(&runs, books);
    assert!(found.iter().any(|wrong| wrong.contains("receipt")), "{found:?}");
}

#[test]
fn every_kind_of_damage_to_one_process_is_seen() {
    check(Plan::EMBEDDED);
}
