//! A processor that is held past its session's end, whose partitions another one takes, and that then goes on as if nothing was.
//! Ten times, and five between plan and insert; `REFMILL_FREEZES=500` does it so often, and half as often between the two.

use super::points::{host, led};
use crate::audit::audit;
use crate::cluster::{Cluster, Plan};
use crate::drive::Load;
use crate::http::{Http, Request};
use crate::proxy::{Moment, Proxy, Speech, Trap, What};
use crate::role::Does;
use crate::stream::Stream;
use crate::wait::{eventually, holds};
use crate::{on_one_thread, rounds};

const FREEZES: usize = 10;
const STEPS: usize = 24;
const TAKEN_OVER_WITHIN: std::time::Duration = std::time::Duration::from_secs(60);

#[test]
fn a_frozen_processor_is_replaced_and_does_no_harm_when_it_wakes() {
    let freezes = rounds("REFMILL_FREEZES", FREEZES);
    on_one_thread(async {
        let mut cluster = Cluster::start(Plan { session_ms: 1_500, ..Plan::DISTRIBUTED }).await;
        let load = Load::begin(&cluster, Stream::new(31, 24, 4 + freezes * STEPS / 24)).await;
        load.let_pass(STEPS);
        let processors = cluster.those(Does::Process);
        for freeze in 0..freezes {
            // The load begins before and goes on after, so that it is held in the middle of something.
            load.until((freeze * STEPS + 4).min(load.done() + 4)).await;
            let number = processors[freeze % processors.len()];
            cluster.roles[number].freeze();
            load.let_pass(STEPS);
            load.until((freeze + 1) * STEPS + STEPS / 2).await;
            cluster.roles[number].thaw();
            is_ready_again(&mut cluster, number).await;
        }
        let run = load.finish().await;
        audit(&cluster, &[run]).await;
    });
}

/// Frozen as it sends a planned block to facts: another has taken its partition and inserted that block when it comes after all.
#[test]
fn a_block_that_comes_late_from_a_frozen_processor_is_there_once() {
    let freezes = rounds("REFMILL_FREEZES", FREEZES) / 2;
    on_one_thread(async {
        let mut cluster = Cluster::prepare(Plan { session_ms: 1_500, ..Plan::DISTRIBUTED }).await;
        let (processors, url) = (cluster.those(Does::Process), cluster.servers().clickhouse.clone());
        let mut ways = Vec::new();
        for number in &processors {
            let way = Proxy::to(host(&url), Speech::Plain).await;
            cluster.roles[*number].set("--clickhouse", &led(&url, &way));
            ways.push(way);
        }
        for number in 0..cluster.roles.len() {
            cluster.start_role(number).await;
        }
        let load = Load::begin(&cluster, Stream::new(32, 24, 4 + freezes * STEPS / 12)).await;
        for freeze in 0..freezes {
            let (number, way) = (processors[freeze % processors.len()], &ways[freeze % ways.len()]);
            let victim = cluster.roles[number].pid().expect("it runs");
            let what = What { parts: &["insert_deduplication_token"], ..What::default() };
            way.set(Trap { what, moment: Moment::Held, victim, then: None });
            load.let_pass(STEPS);
            eventually(TAKEN_OVER_WITHIN, "it inserts a block", async || holds(way.has_sprung(), load.done())).await;
            let already = load.done();
            load.let_pass(STEPS / 2);
            load.until(already + STEPS / 4).await;
            all_is_in_facts(&cluster).await;
            cluster.roles[number].thaw();
            way.let_go();
            is_ready_again(&mut cluster, number).await;
        }
        let run = load.finish().await;
        audit(&cluster, &[run]).await;
    });
}

/// Whoever has the partitions now has inserted what was planned there.
async fn all_is_in_facts(cluster: &Cluster) {
    eventually(TAKEN_OVER_WITHIN, "every planned block is marked", async || {
        let left = cluster.place().sql("SELECT partition, from_offset FROM ledger.plans WHERE NOT marked").await?;
        holds(left.is_empty(), left)
    })
    .await;
}

/// Whoever lost its partitions may end or may go on without them; who ended is started again.
async fn is_ready_again(cluster: &mut Cluster, number: usize) {
    let http = Http::new();
    let address = cluster.roles[number].address.expect("it ran");
    let ended = eventually(TAKEN_OVER_WITHIN, "it is ready again, or has ended", async || {
        if cluster.roles[number].has_ended() {
            return Ok(true);
        }
        let reply = http.send(address, &Request::get("/readyz")).await?;
        holds(reply.status == 200, reply.text).map(|()| false)
    });
    assert!(!ended.await, "a processor that lost its partitions goes on:\n{}", cluster.roles[number].said());
}
