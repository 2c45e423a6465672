//! The same in the stores of the production shape: what a missing guard would have left there.

use crate::audit::{audit, differences};
use crate::books::Books;
use crate::cluster::{Cluster, Plan};
use crate::drive::Load;
use crate::hands::Hands;
use crate::journal::Run;
use crate::on_one_thread;
use crate::role::Does;
use crate::stream::Stream;

/// What goes wrong, as statements to one of the servers, and under what the audit says so.
struct Damage {
    what: &'static str,
    to: Server,
    done: &'static [&'static str],
    said: &'static [&'static str],
}

#[derive(Clone, Copy)]
enum Server {
    ClickHouse,
    Postgres,
}

/// A merge would drop the row that is there twice; sums it leaves as they are.
const NO_MERGE: [&str; 2] = ["SYSTEM STOP MERGES clicks", "SYSTEM STOP MERGES conversion_changes"];

/// Each leaves what it broke to the next, which is about something else.
const DAMAGES: [Damage; 7] = [
    Damage {
        what: "a block of changes inserted without its token",
        to: Server::ClickHouse,
        done: &[NO_MERGE[0], NO_MERGE[1], "INSERT INTO conversion_changes SELECT * FROM conversion_changes LIMIT 5"],
        said: &["facts: changes, all rows", "rollups: (\"sales_by_day\""],
    },
    Damage {
        what: "a block of clicks inserted without its token",
        to: Server::ClickHouse,
        done: &["INSERT INTO clicks SELECT * FROM clicks LIMIT 5"],
        said: &["facts: clicks, all rows", "rollups: (\"clicks_by_day\""],
    },
    Damage {
        what: "facts without some clicks",
        to: Server::ClickHouse,
        done: &["SYSTEM START MERGES clicks", "ALTER TABLE clicks DELETE WHERE outcome = 'bot'"],
        said: &["of the log has 0 rows"],
    },
    Damage {
        what: "a transfer posted twice",
        to: Server::Postgres,
        done: &[
            "INSERT INTO ledger.transfers SELECT conversion, gen_random_uuid(), debit_kind, debit_company, debit_partner, credit_kind,
             credit_company, credit_partner, amount_minor, currency, reason, event, at_ms FROM ledger.transfers LIMIT 1",
        ],
        said: &["balances: "],
    },
    Damage {
        what: "a batch counted twice",
        to: Server::Postgres,
        done: &["UPDATE ledger.outcomes SET n = n + 1 WHERE kind = 3"],
        said: &["outcomes: "],
    },
    Damage {
        what: "a lost refund",
        to: Server::Postgres,
        done: &["DELETE FROM ledger.refunds WHERE id = (SELECT id FROM ledger.refunds LIMIT 1)"],
        said: &["refunds: "],
    },
    Damage {
        what: "a lost order",
        to: Server::Postgres,
        done: &["DELETE FROM ledger.conversions WHERE id = (SELECT id FROM ledger.conversions LIMIT 1)"],
        said: &["orders: "],
    },
];

#[test]
fn what_a_missing_guard_leaves_in_the_stores_is_seen() {
    on_one_thread(async {
        let mut cluster = Cluster::start(Plan { edges: 1, processors: 1, ..Plan::DISTRIBUTED }).await;
        let run = Load::run(&cluster, Stream::new(111, 12, 12)).await;
        let mut runs = [run];
        audit(&cluster, &runs).await;
        answered_first(&cluster, &mut runs).await;
        // So that nothing puts right what is broken now.
        for does in [Does::Ingest, Does::Api, Does::Process] {
            cluster.stop_all(does).await;
        }
        for Damage { what, to, done, said } in DAMAGES {
            let before = found(&cluster, &runs).await;
            let says = |found: &[String], of: &str| found.iter().any(|wrong| wrong.contains(of));
            assert!(!said.iter().any(|of| says(&before, of)), "before {what}: {before:?}");
            for statement in done {
                let told = match to {
                    Server::ClickHouse => cluster.place().facts(statement).await,
                    Server::Postgres => cluster.place().sql(statement).await,
                };
                told.expect("done");
            }
            let after = found(&cluster, &runs).await;
            assert!(said.iter().all(|of| says(&after, of)), "{what}: {after:?}");
        }
    });
}

/// A reply before delivery: an edge signs a receipt, gives it out, and ends before the click is in the log.
async fn answered_first(cluster: &Cluster, runs: &mut [Run; 1]) {
    let hands = Hands::on(cluster).await;
    let lane = &runs[0].stream.lanes[0];
    let link = schemas::ids::LinkId(schemas::code::Code::parse(&lane.code).expect("a code").route());
    let receipt = hands.receipt_of(link, hands.number()).to_string();
    hands.close().await;
    let journal = &mut runs[0].journal;
    let (page, good) = journal.clicks.iter().next().map(|(page, sent)| (page.clone(), sent.clone())).expect("a click");
    let mut sent = good.clone();
    sent.receipts.push(receipt.clone());
    sent.tries += 1;
    journal.clicks.insert(page.clone(), sent);
    let found = found(cluster, runs).await;
    assert!(found.iter().any(|wrong| wrong.contains(&receipt)), "a reply before delivery: {found:?}");
    runs[0].journal.clicks.insert(page, good);
}

async fn found(cluster: &Cluster, runs: &[Run]) -> Vec<String> {
    differences(runs, &Books::read(cluster).await.expect("books"))
}
