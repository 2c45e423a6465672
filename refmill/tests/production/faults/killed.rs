//! `kill -9` of processors, edges and APIs at random moments: 30 times, or `REFMILL_ROLE_KILLS=1000`.

use crate::audit::audit;
use crate::cluster::{Cluster, Plan};
use crate::drive::Load;
use crate::seeded::Seeded;
use crate::stream::Stream;
use crate::{on_one_thread, rounds};

const KILLS: usize = 30;
/// Steps that begin from one kill to the next.
const STEPS: usize = 16;
const SEED: u64 = 20_261_121;

#[test]
fn kill_9_of_any_role_at_any_moment_loses_nothing_and_doubles_nothing() {
    let kills = rounds("REFMILL_ROLE_KILLS", KILLS);
    on_one_thread(async {
        let mut cluster = Cluster::start(Plan { session_ms: 1_500, ..Plan::DISTRIBUTED }).await;
        let lanes = 24;
        let load = Load::begin(&cluster, Stream::new(SEED, lanes, 2 + kills * STEPS / lanes)).await;
        kill_at_random(&mut cluster, &load, kills).await;
        let run = load.finish().await;
        audit(&cluster, &[run]).await;
    });
}

/// Two processes that each do everything.
#[test]
fn kill_9_of_all_in_one_process_loses_nothing_and_doubles_nothing() {
    let kills = rounds("REFMILL_ROLE_KILLS", KILLS) / 5;
    on_one_thread(async {
        let mut cluster = Cluster::start(Plan { session_ms: 1_500, ..Plan::UPS }).await;
        let load = Load::begin(&cluster, Stream::new(SEED + 1, 12, 2 + kills * STEPS / 12)).await;
        kill_at_random(&mut cluster, &load, kills).await;
        let run = load.finish().await;
        audit(&cluster, &[run]).await;
    });
}

/// Each time another role, some way into the steps that it lets begin; it comes back while they go on.
async fn kill_at_random(cluster: &mut Cluster, load: &Load, kills: usize) {
    let mut seeded = Seeded::new(SEED);
    for kill in 0..kills {
        let already = load.done();
        load.let_pass(STEPS);
        load.until(already + seeded.below(STEPS as u64 / 2) as usize).await;
        let number = seeded.below(cluster.roles.len() as u64) as usize;
        eprintln!("kill {kill}: {}", cluster.roles[number].name);
        cluster.kill_role(number);
        cluster.start_role(number).await;
    }
}
