//! SIGTERM under load: each role ends well, in its time, and leaves nothing behind that was acknowledged.
//! Ten times, or `REFMILL_ROLE_ENDS=500`.

use crate::audit::audit;
use crate::cluster::{Cluster, Plan};
use crate::drive::Load;
use crate::seeded::Seeded;
use crate::stream::Stream;
use crate::{on_one_thread, rounds};

const ENDS: usize = 10;
const STEPS: usize = 20;

#[test]
fn every_role_ends_well_under_load() {
    let ends = rounds("REFMILL_ROLE_ENDS", ENDS);
    on_one_thread(async {
        let mut cluster = Cluster::start(Plan::DISTRIBUTED).await;
        let load = Load::begin(&cluster, Stream::new(41, 20, 2 + ends * STEPS / 20)).await;
        let mut seeded = Seeded::new(41);
        for end in 0..ends {
            let already = load.done();
            load.let_pass(STEPS);
            load.until(already + seeded.below(STEPS as u64 / 2) as usize).await;
            let number = end % cluster.roles.len();
            cluster.stop_role(number).await;
            cluster.start_role(number).await;
        }
        let run = load.finish().await;
        audit(&cluster, &[run]).await;
        for does in [crate::role::Does::Ingest, crate::role::Does::Api, crate::role::Does::Process] {
            cluster.stop_all(does).await;
        }
    });
}
