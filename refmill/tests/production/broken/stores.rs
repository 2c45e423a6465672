//! The same in the stores of the production shape: what a missing guard would have left there.

use crate::audit::{audit, differences};
use crate::books::{Books, settled};
use crate::cluster::{Cluster, Plan};
use crate::drive::Load;
use crate::journal::Run;
use crate::on_one_thread;
use crate::role::Does;
use crate::stream::Stream;

/// A good run whose roles have ended, so that nothing puts right what is broken now.
async fn good() -> (Cluster, [Run; 1]) {
    let mut cluster = Cluster::start(Plan { edges: 1, processors: 1, ..Plan::DISTRIBUTED }).await;
    let run = Load::run(&cluster, Stream::new(111, 12, 12)).await;
    let runs = [run];
    audit(&cluster, &runs).await;
    for does in [Does::Ingest, Does::Api, Does::Process] {
        cluster.stop_all(does).await;
    }
    (cluster, runs)
}

async fn caught(cluster: &Cluster, runs: &[Run], what: &str, said: &str) {
    let books = Books::read(cluster).await.expect("books");
    let found = differences(runs, &books);
    assert!(found.iter().any(|wrong| wrong.contains(said)), "{what}: {found:?}");
}

const MONEY: &str = "INSERT INTO ledger.transfers SELECT conversion, gen_random_uuid(), debit_kind, debit_company, debit_partner,
    credit_kind, credit_company, credit_partner, amount_minor, currency, reason, event, at_ms FROM ledger.transfers LIMIT 1";

/// Each of these leaves what it broke to the next, which is about something else.
#[test]
fn what_a_missing_guard_leaves_in_the_stores_is_seen() {
    on_one_thread(async {
        let (cluster, runs) = good().await;
        let place = cluster.place();
        let twice = "INSERT INTO conversion_changes SELECT * FROM conversion_changes WHERE log_offset >= 0 LIMIT 5";
        place.facts(twice).await.expect("a block without its token");
        caught(&cluster, &runs, "a block inserted without its token", "facts: changes").await;
        caught(&cluster, &runs, "a sum that counts it twice", "rollups").await;
        place.facts("INSERT INTO clicks SELECT * FROM clicks LIMIT 5").await.expect("a block without its token");
        caught(&cluster, &runs, "clicks inserted without their token", "facts: clicks").await;
        place.facts("ALTER TABLE clicks DELETE WHERE outcome = 'bot'").await.expect("deleted");
        caught(&cluster, &runs, "facts without some clicks", "of the log has 0 rows").await;
        place.sql(MONEY).await.expect("posted");
        caught(&cluster, &runs, "a transfer posted twice", "balances").await;
        place.sql("UPDATE ledger.outcomes SET n = n + 1 WHERE kind = 3").await.expect("counted");
        caught(&cluster, &runs, "a batch counted twice", "outcomes").await;
        place.sql("DELETE FROM ledger.refunds WHERE id = (SELECT id FROM ledger.refunds LIMIT 1)").await.expect("gone");
        caught(&cluster, &runs, "a lost refund", "refunds").await;
        let order = "DELETE FROM ledger.conversions WHERE id = (SELECT id FROM ledger.conversions LIMIT 1)";
        place.sql(order).await.expect("gone");
        caught(&cluster, &runs, "a lost order", "orders").await;
    });
}

/// Decisions stay, and the offset that belongs to them is set back: as if it were committed apart.
#[test]
fn an_offset_committed_apart_from_its_decisions_is_seen() {
    on_one_thread(async {
        let (mut cluster, runs) = good().await;
        let back = "UPDATE ledger.progress SET next = greatest(next - 40, 0), last_event = NULL, planned = greatest(planned - 40, 0)";
        cluster.place().sql(back).await.expect("set back");
        let number = cluster.those(Does::Process)[0];
        cluster.roles[number].spawn();
        // It may refuse to go on, and it may decide again; either way the audit has to see it.
        let _ = settled(&cluster).await;
        cluster.kill_role(number);
        caught(&cluster, &runs, "decided twice", "outcomes").await;
    });
}
