//! Edges while Kafka is away: what they take is on their own disks, and comes to the log later, once.

use crate::audit::audit;
use crate::cluster::{Cluster, Plan};
use crate::drive::Load;
use crate::on_one_thread;
use crate::role::Does;
use crate::servers::Kind;
use crate::stream::Stream;

const STEPS: usize = 80;

#[test]
fn what_edges_take_while_kafka_is_away_is_decided_once_it_is_back() {
    check(61, false);
}

/// It has only the disk then, and finds on it what it had taken.
#[test]
fn an_edge_killed_on_its_spool_drains_it_after_its_next_start() {
    check(62, true);
}

fn check(seed: u64, edges_are_killed: bool) {
    on_one_thread(async {
        let mut cluster = Cluster::start(Plan { own_servers: &[Kind::Kafka], ..Plan::DISTRIBUTED }).await;
        let load = Load::begin(&cluster, Stream::new(seed, 20, 2 * STEPS / 20 + 2)).await;
        load.expect_late_clicks();
        load.let_pass(STEPS / 2);
        load.until(STEPS / 2 - 5).await;
        cluster.servers().stop(Kind::Kafka).await;
        load.let_pass(STEPS);
        load.until_acknowledged(STEPS / 4).await;
        if edges_are_killed {
            cluster.those(Does::Ingest).into_iter().for_each(|edge| cluster.kill_role(edge));
        }
        cluster.servers().start(Kind::Kafka).await;
        if edges_are_killed {
            cluster.start_all(Does::Ingest).await;
        }
        let run = load.finish().await;
        audit(&cluster, &[run]).await;
    });
}
