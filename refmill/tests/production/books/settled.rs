use std::time::{Duration, Instant};

use super::{columns::of_facts, kafka, ledger};
use crate::cluster::Cluster;
use crate::wait::within;

/// For a backlog after an outage, on a busy machine.
const SETTLES_WITHIN: Duration = Duration::from_secs(150);

/// A block closes after a second. What is not planned by then needs no block: a tick at the end of the log has no facts.
const QUIET: Duration = Duration::from_secs(3);

/// Waits until every partition has been decided to the log's end, all that was parked has settled, all decisions are told,
/// and facts hold everything. Says what is left where that does not come about.
pub(crate) async fn settled(cluster: &Cluster) -> Result<(), String> {
    let log = kafka::Ends::of(cluster)?;
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
        if waiting.iter().any(|(_, count)| *count > 0) {
            return Err(format!("still waiting: {waiting:?}"));
        }
        of_facts(cluster, "SELECT count(*) FROM clicks").await?;
        let planned: Vec<u64> = progress.iter().map(|progress| progress.planned).collect();
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

async fn all_told(cluster: &Cluster) -> Result<(), String> {
    match ledger::untold(cluster).await? {
        0 => Ok(()),
        some => Err(format!("{some} decisions are not told")),
    }
}
