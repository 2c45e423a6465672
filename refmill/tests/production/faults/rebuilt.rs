//! Making facts and touches again by hand, beside processors that go on deciding.

use std::process::Child;
use std::time::Duration;

use crate::audit::{audit, differences};
use crate::books::{Books, settled};
use crate::cluster::{Cluster, Plan};
use crate::drive::Load;
use crate::on_one_thread;
use crate::stream::Stream;
use crate::wait::eventually;

/// Facts wait for what a lost owner may still be inserting, and then for the owner that came back.
const REBUILT_WITHIN: Duration = Duration::from_secs(240);

/// Of clicks a part is gone with their sums as they were, and of sales the sums alone.
const DAMAGE: [&str; 2] = [
    "ALTER TABLE clicks DELETE WHERE log_offset % 3 = 0 SETTINGS mutations_sync = 2",
    "ALTER TABLE sales_by_day DELETE WHERE 1 SETTINGS mutations_sync = 2",
];

#[test]
fn facts_and_touches_are_made_again_beside_running_processors() {
    on_one_thread(async {
        let cluster = Cluster::start(Plan { partitions: 1, ..Plan::DISTRIBUTED }).await;
        let mut runs = vec![Load::run(&cluster, Stream::new(81, 12, 6)).await];
        settled(&cluster).await.expect("it settles");
        for statement in DAMAGE {
            cluster.place().facts(statement).await.expect(statement);
        }
        let found = differences(&runs, &Books::read(&cluster).await.expect("books"));
        assert!(!found.is_empty(), "the audit sees that facts are gone");
        for what in ["touches", "facts"] {
            let load = Load::begin(&cluster, Stream::new(82 + runs.len() as u64, 12, 6)).await;
            let rebuilding = cluster.beside_roles(&["rebuild", what]);
            let (run, ()) = tokio::join!(load.finish(), ended_well(rebuilding, what));
            runs.push(run);
        }
        audit(&cluster, &runs).await;
    });
}

async fn ended_well(mut child: Child, what: &str) {
    let status = eventually(REBUILT_WITHIN, what, async || match child.try_wait() {
        Ok(Some(status)) => Ok(status),
        Ok(None) => Err("it goes on".to_owned()),
        Err(error) => Err(error.to_string()),
    });
    let status = status.await;
    assert!(status.success(), "rebuild {what} ended with {status}");
}
