//! What of a process is not ready, in words.

use std::{sync::Arc, time::Duration};

use api::{Condition, Ready};
use ingest::{follower::Follower, spool::Spool};
use metrics::gauge;
use processor::{Stage, Status};
use stores::log::Health;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::servers::Away;
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
    /// Of who decides or shows.
    pub(super) servers: Option<watch::Receiver<Away>>,
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
        if self.away().postgres {
            waiting.push("Postgres is away".to_owned());
        }
        waiting
    }

    /// What does less than it should, and keeps nobody from what is to be done at once.
    fn degraded(&self) -> Vec<String> {
        let Away { clickhouse, redis, .. } = self.away();
        let of_clickhouse = "ClickHouse is away: facts wait to be written, and what is read from them is not answered";
        let of_redis = "Redis is away: touches wait to be kept, and a partition that is taken waits for it";
        let named = [(clickhouse, of_clickhouse), (redis, of_redis)];
        named.into_iter().filter(|(is_away, _)| *is_away).map(|(_, text)| text.to_owned()).collect()
    }

    fn away(&self) -> Away {
        self.servers.as_ref().map(|away| *away.borrow()).unwrap_or_default()
    }

    pub(super) fn asked(&self) -> Ready {
        let readiness = self.clone();
        Ready(Arc::new(move || Condition { waiting: readiness.waiting(), degraded: readiness.degraded() }))
    }

    /// Keeps the gauges current until told to stop.
    pub(super) async fn watch(self, shutdown: CancellationToken) {
        let mut due = tokio::time::interval(GAUGE_EVERY);
        while shutdown.run_until_cancelled(due.tick()).await.is_some() {
            gauge!("refmill_ready").set(if self.waiting().is_empty() { 1.0 } else { 0.0 });
            if let Some(status) = &self.processor {
                let status = status.borrow();
                let held = status.owned.values().filter(|stage| **stage == Stage::Held).count();
                gauge!("refmill_partitions_owned").set(status.owned.len() as f64);
                gauge!("refmill_partitions_held").set(held as f64);
            }
        }
    }
}

/// A processor without a partition is ready: there may be more processors than partitions.
fn of_processor(status: &Status) -> Vec<String> {
    if !status.joined {
        return vec!["the processor has not joined the others".to_owned()];
    }
    let of_partition = |(partition, stage): (&u32, &Stage)| match stage {
        Stage::Recovering => Some(format!("partition {partition} is being recovered")),
        Stage::Held => Some(format!(
            "partition {partition} waits for a newer version of Refmill, which wrote what comes next: start that"
        )),
        Stage::Deciding => None,
    };
    status.owned.iter().filter_map(of_partition).collect()
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
            (
                status(true, &[(0, Stage::Deciding), (4, Stage::Held)]),
                &["partition 4 waits for a newer version of Refmill, which wrote what comes next: start that"],
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
        assert!((readiness.asked().0)().waiting.is_empty());
    }

    #[test]
    fn a_server_that_is_away_is_named_and_only_postgres_keeps_from_work() {
        let away = watch::Sender::new(Away { clickhouse: true, redis: true, postgres: false });
        let readiness = Readiness { servers: Some(away.subscribe()), ..Readiness::default() };
        let Condition { waiting, degraded } = (readiness.asked().0)();
        assert!(waiting.is_empty(), "{waiting:?}");
        let named: Vec<_> = degraded.iter().filter_map(|text| text.split_once(" is away: ")).collect();
        assert_eq!(named.iter().map(|(server, _)| *server).collect::<Vec<_>>(), ["ClickHouse", "Redis"]);
        away.send_replace(Away { postgres: true, ..Away::default() });
        let Condition { waiting, degraded } = (readiness.asked().0)();
        assert_eq!((waiting.as_slice(), degraded.len()), (&["Postgres is away".to_owned()][..], 0));
    }
}
