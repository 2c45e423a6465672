//! Kafka itself goes away and comes back, under the whole edge.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use schemas::event::Body;
use stores::{
    Servers,
    log::{Health, Log, LogLimits},
};
use tempfile::TempDir;
use tokio::sync::watch;

use super::{
    edge::{Reply, Site},
    scene::{folder, until},
};
use crate::spool::State;

/// No request takes longer, whatever Kafka does: the waits for the log and for a decision, and what a busy test machine adds.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
const PARTITIONS: u32 = 4;
/// A broker that has just started may take longer for its first records than an edge waits, but not so often.
const FIRST_TRIES: usize = 10;

/// A broker of this test's own, to be stopped and killed.
struct Broker {
    folder: TempDir,
    address: String,
}

impl Broker {
    fn start() -> Broker {
        let folder = folder();
        let said = services(&folder, &["up", "kafka"]);
        let line = said.lines().find_map(|line| line.strip_prefix("export REFMILL_TEST_KAFKA="));
        let address = line.expect("an address").trim_matches('\'').to_owned();
        Broker { folder, address }
    }

    fn does(&self, verb: &str) {
        services(&self.folder, &[verb, "kafka"]);
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        services(&self.folder, &["down", "--keep"]);
    }
}

fn services(folder: &TempDir, arguments: &[&str]) -> String {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../scripts/services");
    let output = Command::new(script)
        .args(arguments)
        .arg("--folder")
        .arg(folder.path())
        .env_remove("REFMILL_TEST_KAFKA")
        .output()
        .expect("scripts/services");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What was acknowledged: receipts of clicks, ids of conversions.
#[derive(Default)]
struct Acknowledged {
    names: Vec<String>,
    refused: usize,
}

impl Acknowledged {
    fn take(&mut self, reply: &Reply) {
        let data = &reply.body["data"];
        match reply.status {
            200 => self.names.push(data["clickId"].as_str().expect("a receipt").to_owned()),
            202 => self.names.push(data["conversionId"].as_str().expect("an id").to_owned()),
            503 => {
                assert!(reply.head.contains("retry-after:"), "{}", reply.head);
                self.refused += 1;
            }
            other => panic!("{other}: {}", reply.body),
        }
    }

    /// A click, a sale and a click again, each within bounds.
    async fn send(&mut self, site: &Site, order: &str) {
        let started = Instant::now();
        let (one, sale, other) = tokio::join!(site.click(), site.sale(order), site.click());
        assert!(started.elapsed() < ANSWERED_WITHIN, "{:?}", started.elapsed());
        [one, sale, other].iter().for_each(|reply| self.take(reply));
    }

    /// Until the log takes what is sent.
    async fn send_first(&mut self, site: &Site, orders: &str) {
        for number in 0..FIRST_TRIES {
            self.send(site, &format!("{orders}-{number}")).await;
            let refused = std::mem::take(&mut self.refused);
            if refused == 0 && site.spool.state() == State::Direct {
                return;
            }
            until("the log is well", || site.spool.state() == State::Direct).await;
        }
        panic!("Kafka is there, and takes nothing");
    }
}

async fn check(how: &str, rounds: usize) {
    let broker = Broker::start();
    let servers = Servers {
        kafka: broker.address.clone(),
        redis: String::new(),
        clickhouse: String::new(),
        postgres: String::new(),
        prefix: "outage".to_owned(),
        partitions: PARTITIONS,
        reply_partitions: 1,
        replication: 1,
        session: Duration::from_secs(10),
        postgres_connections: 1,
    };
    let log = Log::connect(&servers, LogLimits::default(), true).await.expect("it is there");
    let (unused, _) = watch::channel(Health::Well);
    let site = Site::on(64 << 20, Some(log.clone()), unused, |drain, log| tokio::spawn(drain.run(log))).await;
    let mut acknowledged = Acknowledged::default();
    acknowledged.send_first(&site, "first").await;
    for round in 0..rounds {
        acknowledged.send(&site, &format!("before-{round}")).await;
        assert_eq!(acknowledged.refused, 0, "Kafka is there");
        broker.does(how);
        let mut orders = 0..;
        while site.spool.state() == State::Direct {
            acknowledged.send(&site, &format!("turning-{round}-{:?}", orders.next())).await;
        }
        let refused = std::mem::take(&mut acknowledged.refused);
        println!("{how}: {refused} were told to come back before Kafka was known to be away");
        for order in 0..20 {
            acknowledged.send(&site, &format!("away-{round}-{order}")).await;
        }
        assert_eq!(acknowledged.refused, 0, "the spool takes everything");
        let visit = site.visit().await;
        assert!(visit.status == 302 && visit.head.contains("rm_click="), "{}", visit.head);
        broker.does("start");
        while site.spool.state() == State::Spooling {
            acknowledged.send(&site, &format!("back-{round}-{:?}", orders.next())).await;
        }
        until("it is well", || *log.health().borrow() == Health::Well).await;
        acknowledged.send_first(&site, &format!("well-{round}")).await;
    }
    acknowledged.send(&site, "after").await;
    assert_eq!(acknowledged.refused, 0, "back to normal without a restart");

    let mut seen = HashMap::<u128, Vec<bool>>::new();
    let mut names = HashSet::new();
    for event in site.logged().await {
        seen.entry(event.id.0).or_default().push(event.resent);
        names.insert(match &event.body {
            Body::Click(click) => click.receipt.to_string(),
            Body::Sale(sale) => sale.claim.conversion.to_string(),
            other => panic!("{other:?}"),
        });
    }
    for name in &acknowledged.names {
        assert!(names.contains(name), "{name} was acknowledged and is not in the log");
    }
    assert!(seen.values().all(|sends| sends.len() == 1 || sends.iter().all(|resent| *resent)), "copies are marked");
    site.stop().await;
    log.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kafka_is_killed_and_started_again() {
    check("kill", 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kafka_is_stopped_and_started_again() {
    check("stop", 1).await;
}
