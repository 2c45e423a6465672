//! Kafka's client gives up for good: it and the broker do not agree any more on what was sent. Only a new process has another.

use super::points::host;
use crate::audit::audit;
use crate::cluster::{Cluster, Plan};
use crate::drive::Load;
use crate::on_one_thread;
use crate::proxy::{Proxy, Speech};
use crate::role::Does;
use crate::stream::{Kind, Stream};

const SALES: usize = 60;
const STEPS: usize = 20;
const SAYS: &str = "the log's client can append nothing more: start this process again, nothing is lost";
/// Of a process that ends with an error.
const FAILED: i32 = 1;

/// What each appends last before it has to end.
const GIVEN_UP: [(Does, &str); 2] = [(Does::Ingest, ".events"), (Does::Process, ".decisions")];

#[test]
fn a_process_whose_client_of_kafka_gave_up_ends_and_says_so() {
    on_one_thread(async {
        let mut cluster = Cluster::prepare(Plan::DISTRIBUTED).await;
        let mut ways = Vec::new();
        for (does, topic) in GIVEN_UP {
            let number = cluster.those(does)[0];
            let way = Proxy::to(host(&cluster.servers().kafka), Speech::Kafka).await;
            cluster.roles[number].set("--kafka", &way.address.to_string());
            ways.push((number, topic, way));
        }
        for number in 0..cluster.roles.len() {
            cluster.start_role(number).await;
        }
        // Nothing has to be settled: whose append fails first is the one who gave up.
        let load = Load::begin(&cluster, Stream::of_one_kind("given-up", Kind::Plain, SALES)).await;
        // What the edge takes at its end is on its disk until it is started again.
        load.expect_late_clicks();
        for (number, topic, way) in &ways {
            way.refuse(topic);
            load.let_pass(STEPS);
            let (status, role) = (cluster.roles[*number].ended().await, &cluster.roles[*number]);
            assert_eq!(status.code(), Some(FAILED), "{}: {}", role.name, role.said());
            assert!(role.said().contains(SAYS), "{}: {}", role.name, role.said());
            cluster.start_role(*number).await;
        }
        let run = load.finish().await;
        audit(&cluster, &[run]).await;
    });
}
