use std::time::{Duration, Instant};

use super::{columns::of_facts, kafka, ledger};
use crate::cluster::Cluster;
use crate::wait::within;

/// For a backlog after an outage, on a busy machine.
const SETTLES_WITHIN: Duration = Duration::from_secs(150);

/// A block closes after a second. What is not planned by then needs no block: a tick at the end of the log has no facts.
const QUIET: Duration = Duration::from_secs(3);

/// A tick is decided at once, and its block is closed and marked after a second.
const TICKS_ARE_THROUGH_WITHIN: Duration = Duration::from_secs(10);

/// Waits until every partition has been decided to the log's end, all that was parked has settled, all decisions are told,
/// and facts hold everything. Says what is left where that does not come about.
pub(crate) async fn settled(cluster: &Cluster) -> Result<(), String> {
    let log = kafka::Ends::of(cluster)?;
    let mut quiet: Option<(Vec<u64>, Instant)> = None;
    within(SETTLES_WITHIN, async || {
        let (ends, planned) = nothing_waits(cluster, &log).await?;
        of_facts(cluster, "SELECT count(*) FROM clicks").await?;
        if planned == ends {
            return all_told(cluster).await;
        }
        match &quiet {
            Some((before, since)) if *before == planned && since.elapsed() > QUIET => all_told(cluster).await,
            Some((before, _)) if *before == planned => Err(format!("of {ends:?} planned to {planned:?}")),
            _ => {
                quiet = Some((planned, Instant::now()));
                Err(format!("of {ends:?} planned is {quiet:?}"))
            }
        }
    })
    .await
}

/// As [`settled`], for who has settled and sees that a tick came after that.
pub(super) async fn ticks_are_through(cluster: &Cluster) -> Result<(), String> {
    let log = kafka::Ends::of(cluster)?;
    within(TICKS_ARE_THROUGH_WITHIN, async || nothing_waits(cluster, &log).await.map(drop)).await
}

/// Where the log ends and to where it is planned, by partition, once it is decided to its end and nothing is left to wait for.
async fn nothing_waits(cluster: &Cluster, log: &kafka::Ends) -> Result<(Vec<u64>, Vec<u64>), String> {
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
    if waiting.iter().any(|(_, count)| *count > 0) {
        return Err(format!("still waiting: {waiting:?}"));
    }
    Ok((ends, progress.iter().map(|progress| progress.planned).collect()))
}

async fn all_told(cluster: &Cluster) -> Result<(), String> {
    match ledger::untold(cluster).await? {
        0 => Ok(()),
        some => Err(format!("{some} decisions are not told")),
    }
}
