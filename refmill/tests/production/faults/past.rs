//! Time that goes back: a log that is not the one that was read, and a ledger that does not know what it had decided.
//! Each once, or `REFMILL_PASTS=5` times, every time in a new deployment.

use std::time::Duration;

use super::points::{host, led};
use crate::audit::audit;
use crate::books::Books;
use crate::cluster::{Cluster, Plan};
use crate::drive::Load;
use crate::journal::Run;
use crate::proxy::{Moment, Proxy, Speech, Trap, What};
use crate::role::Does;
use crate::stream::Stream;
use crate::wait::{eventually, holds};
use crate::{on_one_thread, rounds};

const NOTICED_WITHIN: Duration = Duration::from_secs(60);

/// Nothing is decided from a log that begins anew: the processors say so and end, and the ledger stays as it was.
#[test]
fn a_topic_that_is_made_anew_is_noticed() {
    each_round(async || {
        let mut cluster = Cluster::start(Plan::DISTRIBUTED).await;
        let run = Load::run(&cluster, Stream::new(71, 12, 10)).await;
        let before = audit(&cluster, &[run]).await;
        for does in [Does::Ingest, Does::Api, Does::Process] {
            cluster.stop_all(does).await;
        }
        let partitions = cluster.plan.partitions;
        cluster.place().make_topic_anew("events", partitions.cast_signed()).await;
        for number in cluster.those(Does::Process) {
            cluster.roles[number].spawn();
        }
        let roles = &mut cluster.roles;
        eventually(NOTICED_WITHIN, "a processor says that the log is another one, and ends", async || {
            let processors = roles.iter_mut().filter(|role| role.does == Does::Process);
            let told: Vec<(bool, String)> = processors.map(|role| (role.has_ended(), role.said())).collect();
            let noticed = told.iter().any(|(ended, said)| *ended && said.contains("log"));
            if noticed { Ok(()) } else { Err(format!("{told:?}")) }
        })
        .await;
        cluster.those(Does::Process).into_iter().for_each(|number| cluster.kill_role(number));
        let after = Books::read(&cluster).await.expect("books");
        assert_eq!(money(&after), money(&before), "the ledger is as it was");
    });
}

/// Facts, touches and decisions are ahead of a ledger that was restored: it decides again, and they follow it.
#[test]
fn a_restored_ledger_decides_again_what_it_does_not_know() {
    each_round(async || {
        let mut cluster = Cluster::start(Plan::DISTRIBUTED).await;
        let runs = run_and_restore(&mut cluster).await;
        start_all(&mut cluster).await;
        audit(&cluster, &runs).await;
    });
}

/// The rows have gone, and their sums have not: whoever is next finds nothing in facts that the ledger does not know of.
#[test]
fn facts_that_are_half_taken_out_are_made_whole_by_the_next_owner() {
    each_round(async || {
        let mut cluster = Cluster::start(Plan { processors: 1, ..Plan::DISTRIBUTED }).await;
        let runs = run_and_restore(&mut cluster).await;
        let (number, url) = (cluster.those(Does::Process)[0], cluster.servers().clickhouse.clone());
        let way = Proxy::to(host(&url), Speech::Plain).await;
        cluster.roles[number].set("--clickhouse", &led(&url, &way));
        cluster.roles[number].spawn();
        let victim = cluster.roles[number].pid().expect("it runs");
        let what = What { parts: &["ALTER TABLE pages_by_day DELETE"], ..What::default() };
        way.set(Trap { what, moment: Moment::After, victim, then: None });
        eventually(NOTICED_WITHIN, "facts go", async || holds(way.has_sprung(), cluster.roles[number].said())).await;
        cluster.roles[number].ended().await;
        start_all(&mut cluster).await;
        audit(&cluster, &runs).await;
    });
}

/// Two runs, of which the ledger has one; nobody runs any more.
async fn run_and_restore(cluster: &mut Cluster) -> [Run; 2] {
    let first = Load::begin(cluster, Stream::new(72, 12, 6)).await;
    let second = Load::begin(cluster, Stream::new(73, 12, 6)).await;
    let first = first.finish().await;
    crate::books::settled(cluster).await.expect("it settles");
    stop_all(cluster).await;
    cluster.place().copy_database("older").await;
    start_all(cluster).await;
    let second = second.finish().await;
    crate::books::settled(cluster).await.expect("it settles");
    stop_all(cluster).await;
    cluster.place().restore_database("older").await;
    [first, second]
}

fn each_round(test: impl AsyncFn()) {
    for _ in 0..rounds("REFMILL_PASTS", 1) {
        on_one_thread(test());
    }
}

async fn stop_all(cluster: &mut Cluster) {
    for does in [Does::Ingest, Does::Api, Does::Process] {
        cluster.stop_all(does).await;
    }
}

async fn start_all(cluster: &mut Cluster) {
    for does in [Does::Process, Does::Api, Does::Ingest] {
        cluster.start_all(does).await;
    }
}

fn money(books: &Books) -> (usize, usize, i64) {
    let moved = books.transfers.iter().map(|transfer| transfer.amount_minor).sum();
    (books.conversions.len(), books.transfers.len(), moved)
}
