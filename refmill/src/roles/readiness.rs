//! What of a process is not ready, in words.

use std::{sync::Arc, time::Duration};

use api::Ready;
use ingest::{follower::Follower, spool::Spool};
use metrics::gauge;
use processor::{Stage, Status};
use stores::log::Health;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock::now;

/// How often the gauge is set.
const GAUGE_EVERY: Duration = Duration::from_secs(1);

/// The parts that a role has.
#[derive(Clone, Default)]
pub(super) struct Readiness {
    /// Of who knows the catalog from memory.
    pub(super) follower: Option<Follower>,
    /// Of who can do nothing while the log is away; an edge has its spool.
    pub(super) log: Option<watch::Receiver<Health>>,
    pub(super) spool: Option<Spool>,
    pub(super) processor: Option<watch::Receiver<Status>>,
}

impl Readiness {
    /// Nothing once all is ready.
    pub(super) fn waiting(&self) -> Vec<String> {
        let mut waiting = Vec::new();
        if let Some(follower) = &self.follower {
            if !follower.is_current() {
                waiting.push("the catalog is not current".to_owned());
            }
            if !follower.keys().are_there(now()) {
                waiting.push("the day's keys are not published".to_owned());
            }
        }
        if self.log.as_ref().is_some_and(|health| *health.borrow() != Health::Well) {
            waiting.push("the log is away".to_owned());
        }
        if self.spool.as_ref().is_some_and(|spool| spool.not_ready().is_some()) {
            waiting.push("the spool is full".to_owned());
        }
        if let Some(status) = &self.processor {
            waiting.extend(of_processor(&status.borrow()));
        }
        waiting
    }

    pub(super) fn asked(&self) -> Ready {
        let readiness = self.clone();
        Ready(Arc::new(move || readiness.waiting()))
    }

    /// Keeps the gauges current until told to stop.
    pub(super) async fn watch(self, shutdown: CancellationToken) {
        let mut due = tokio::time::interval(GAUGE_EVERY);
        while shutdown.run_until_cancelled(due.tick()).await.is_some() {
            gauge!("refmill_ready").set(if self.waiting().is_empty() { 1.0 } else { 0.0 });
            if let Some(status) = &self.processor {
                gauge!("refmill_partitions_owned").set(status.borrow().owned.len() as f64);
            }
        }
    }
}

/// A processor without a partition is ready: there may be more processors than partitions.
fn of_processor(status: &Status) -> Vec<String> {
    if !status.joined {
        return vec!["the processor has not joined the others".to_owned()];
    }
    let recovering = status.owned.iter().filter(|(_, stage)| **stage == Stage::Recovering);
    recovering.map(|(partition, _)| format!("partition {partition} is being recovered")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_processor_waits_for_is_named() {
        let status = |joined, owned: &[(u32, Stage)]| Status { joined, owned: owned.iter().copied().collect() };
        for (status, waiting) in [
            (status(false, &[]), &["the processor has not joined the others"] as &[&str]),
            (status(true, &[]), &[]),
            (status(true, &[(0, Stage::Deciding)]), &[]),
            (
                status(true, &[(0, Stage::Deciding), (3, Stage::Recovering), (7, Stage::Recovering)]),
                &["partition 3 is being recovered", "partition 7 is being recovered"],
            ),
        ] {
            assert_eq!(of_processor(&status), waiting, "{status:?}");
            assert_eq!(status.is_ready(), waiting.is_empty());
        }
    }

    #[test]
    fn each_part_that_is_not_ready_is_named() {
        let status = watch::Sender::new(Status::default());
        let log = watch::Sender::new(Health::Away);
        let readiness =
            Readiness { log: Some(log.subscribe()), processor: Some(status.subscribe()), ..Readiness::default() };
        assert_eq!(readiness.waiting(), ["the log is away", "the processor has not joined the others"]);
        log.send_replace(Health::Well);
        status.send_modify(|status| status.joined = true);
        assert!((readiness.asked().0)().is_empty());
    }
}
