use std::time::{Duration, Instant};

use super::{columns::of_facts, kafka, ledger};
use crate::cluster::{Cluster, Shape};
use crate::wait::within;

/// For a backlog after an outage, on a busy machine.
const SETTLES_WITHIN: Duration = Duration::from_secs(150);

/// A block closes after a second. What is not planned by then needs no block: a tick at the end of the log has no facts.
const QUIET: Duration = Duration::from_secs(3);

const TICK_AGAIN: Duration = Duration::from_secs(2);

/// Waits until every partition has been decided to the log's end, all that was parked has settled, all decisions are told,
/// and facts hold everything. Says what is left where that does not come about.
pub(crate) async fn settled(cluster: &Cluster) -> Result<(), String> {
    let log = kafka::Ends::of(cluster)?;
    let mut ticked = Instant::now();
    let mut quiet: Option<(Vec<u64>, Instant)> = None;
    within(SETTLES_WITHIN, async || {
        let ends = log.now(cluster)?;
        let progress = ledger::progress(cluster).await?;
        let of = |partition: u32| progress.iter().find(|progress| progress.partition == partition);
        for (partition, end) in (0..).zip(&ends) {
            let next = of(partition).map_or(0, |progress| progress.next);
            if next != *end {
                return Err(format!("partition {partition} ends at {end} and is decided to {next}"));
            }
        }
        let waiting = ledger::waiting(cluster).await?;
        // Which replies were published is saved with the next batch: where there is none, that is the next minute's.
        let only_replies = waiting.iter().all(|(what, count)| (*what == "replies") == (*count > 0));
        if only_replies && cluster.plan.shape == Shape::Distributed && ticked.elapsed() > TICK_AGAIN {
            kafka::tick(cluster)?;
            ticked = Instant::now();
        }
        if waiting.iter().any(|(_, count)| *count > 0) {
            return Err(format!("still waiting: {waiting:?}"));
        }
        of_facts(cluster, "SELECT count(*) FROM clicks").await?;
        let planned: Vec<u64> = progress.iter().map(|progress| progress.planned).collect();
        if planned == ends {
            return Ok(());
        }
        match &quiet {
            Some((before, since)) if *before == planned && since.elapsed() > QUIET => Ok(()),
            Some((before, _)) if *before == planned => Err(format!("of {ends:?} planned to {planned:?}")),
            _ => {
                quiet = Some((planned, Instant::now()));
                Err(format!("of {ends:?} planned is {quiet:?}"))
            }
        }
    })
    .await
}
