//! No fault at all: if the audit found anything here, it would say nothing about faults.

use crate::audit::audit;
use crate::cluster::{Cluster, Plan};
use crate::drive::Load;
use crate::on_one_thread;
use crate::stream::Stream;

fn check(plan: Plan, seed: u64) {
    on_one_thread(async {
        let cluster = Cluster::start(plan).await;
        let run = Load::run(&cluster, Stream::new(seed, 18, 14)).await;
        audit(&cluster, &[run]).await;
    });
}

#[test]
fn a_good_run_of_one_process_is_in_order() {
    check(Plan::EMBEDDED, 11);
}

#[test]
fn a_good_run_of_all_roles_is_in_order() {
    check(Plan::DISTRIBUTED, 12);
}
