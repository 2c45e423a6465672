//! A processor that is held past its session's end, whose partitions another one takes, and that then goes on as if nothing was.

use crate::audit::audit;
use crate::cluster::{Cluster, Plan};
use crate::drive::Load;
use crate::http::{Http, Request};
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
