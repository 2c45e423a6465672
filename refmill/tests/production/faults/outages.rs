//! Servers that go away and come back, all at once or with less than they had.
//! Each once, or with `REFMILL_OUTAGES=20` so often in one deployment.

use crate::audit::audit;
use crate::cluster::{Cluster, Plan};
use crate::drive::Load;
use crate::servers::{Kind, copy_folder, redis};
use crate::stream::Stream;
use crate::{on_one_thread, rounds};

const STEPS: usize = 60;

/// A fault of one server, and what is done while it lasts.
struct Outage {
    of: &'static [Kind],
    seed: u64,
    late_clicks: bool,
}

impl Outage {
    /// A third of the stream before, what `fault` lets pass while it does its work, and the rest after.
    fn check(&self, fault: impl AsyncFn(&Cluster, &Load)) {
        on_one_thread(async {
            let cluster = Cluster::start(Plan { own_servers: self.of, ..Plan::DISTRIBUTED }).await;
            let mut runs = Vec::new();
            for round in 0..rounds("REFMILL_OUTAGES", 1) {
                let load = Load::begin(&cluster, Stream::new(self.seed + round as u64 * 100, 18, 3 * STEPS / 18)).await;
                if self.late_clicks {
                    load.expect_late_clicks();
                }
                load.let_pass(STEPS);
                load.until(STEPS - 10).await;
                fault(&cluster, &load).await;
                runs.push(load.finish().await);
            }
            audit(&cluster, &runs).await;
        });
    }
}

#[test]
fn kafka_is_stopped_and_started() {
    Outage { of: &[Kind::Kafka], seed: 51, late_clicks: true }.check(async |cluster, load| {
        cluster.servers().stop(Kind::Kafka).await;
        load.let_pass(STEPS);
        load.until_acknowledged(STEPS / 6).await;
        cluster.servers().start(Kind::Kafka).await;
    });
}

#[test]
fn postgres_is_restarted_and_killed() {
    Outage { of: &[Kind::Postgres], seed: 52, late_clicks: false }.check(async |cluster, load| {
        cluster.servers().stop(Kind::Postgres).await;
        load.let_pass(STEPS / 2);
        load.until_acknowledged(STEPS / 6).await;
        cluster.servers().start(Kind::Postgres).await;
        load.let_pass(STEPS / 2);
        load.until_acknowledged(STEPS / 6).await;
        cluster.servers().kill(Kind::Postgres).await;
        cluster.servers().start(Kind::Postgres).await;
    });
}

#[test]
fn redis_is_flushed_restarted_and_rolled_back() {
    Outage { of: &[Kind::Redis], seed: 53, late_clicks: false }.check(async |cluster, load| {
        let servers = cluster.servers();
        load.let_pass(STEPS / 3);
        load.until_acknowledged(STEPS / 12).await;
        redis(&servers.redis, &["FLUSHALL"]).expect("flushed");
        load.let_pass(STEPS / 6);
        load.until_acknowledged(STEPS / 12).await;
        servers.stop(Kind::Redis).await;
        let (folder, copy) = (servers.folder(Kind::Redis), cluster.beside("older-redis"));
        copy_folder(&folder, &copy);
        load.let_pass(STEPS / 3);
        load.until_acknowledged(STEPS / 12).await;
        servers.start(Kind::Redis).await;
        load.let_pass(STEPS / 3);
        load.until_acknowledged(STEPS / 6).await;
        servers.kill(Kind::Redis).await;
        std::fs::remove_dir_all(&folder).expect("it goes");
        copy_folder(&copy, &folder);
        servers.start(Kind::Redis).await;
    });
}

#[test]
fn clickhouse_is_away_for_the_middle_third() {
    Outage { of: &[Kind::ClickHouse], seed: 54, late_clicks: false }.check(async |cluster, load| {
        cluster.servers().stop(Kind::ClickHouse).await;
        load.let_pass(STEPS);
        load.until_acknowledged(STEPS / 3).await;
        cluster.servers().start(Kind::ClickHouse).await;
    });
}
