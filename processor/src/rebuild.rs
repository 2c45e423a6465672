//! Making touches and facts again by hand.

use std::time::Duration;

use stores::{facts::Removal, ledger::Taken, touches::SaveError};
use tokio::{sync::watch, time::sleep};

use crate::{
    ProcessError,
    facts::{Writer, take_out},
    owner::Deps,
    recover::{Remembered, above_touches, plans_left, remember},
};

/// What was made again of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rebuilt {
    pub partition: u32,
    /// From this offset on; before it the log has nothing any more, and what there was stays.
    pub from: u64,
    pub to: u64,
}

/// Forgets a partition's touches and makes them again from the log, and from facts where the log is too short. An owner that
/// runs meanwhile lets go and comes back; where it has made them again and saved them first, they are its own.
pub async fn rebuild_touches(deps: &Deps, partition: u32) -> Result<Rebuilt, ProcessError> {
    let taken = deps.ledger.take(partition).await?;
    deps.touches.forget(partition).await?;
    let to = taken.progress.next;
    let epoch = above_touches(deps, partition, taken.epoch).await?;
    let Remembered { memory, from, .. } = remember(deps, partition, to).await?;
    match deps.touches.save_all(partition, epoch, to, &memory.touches).await {
        Err(SaveError::Moved { epoch: owner, .. }) if owner > epoch => {
            tracing::info!(partition, "the partition's owner has made its touches again");
        }
        saved => {
            saved?;
            tracing::info!(partition, links = memory.touches.links.len(), "touches are made again");
        }
    }
    Ok(Rebuilt { partition, from, to })
}

/// Lowers the marks, so that nothing is decided on half of the facts, takes them out and makes them again from the log and the
/// ledger. Where an owner takes the partition meanwhile, it goes on with that, and this waits for it. Before anything is taken out
/// it waits for `insert_wait`: [`stores::facts::INSERT_WAIT`], or nothing where no owner has run for that long.
pub async fn rebuild_facts(deps: &Deps, partition: u32, insert_wait: Duration) -> Result<Rebuilt, ProcessError> {
    let taken = deps.ledger.take(partition).await?;
    let (epoch, to) = (taken.epoch, taken.progress.next);
    let start = deps.log.span(partition).await?.start;
    let incarnation = deps.ledger.begin_incarnation(partition, epoch, start, (deps.now)()).await?;
    // A block that the last owner was inserting is there by then, and goes with the rest.
    sleep(insert_wait).await;
    let open_plans = deps.ledger.open_plans(partition).await?;
    let from = open_plans.first().map_or(taken.progress.planned_up_to, |plan| plan.from);
    let written = async {
        take_out(deps, epoch, Removal::new(partition, from, incarnation)).await?;
        deps.facts.resume(partition, from);
        let plans = plans_left(deps, partition, Taken { open_plans, ..taken.clone() }).await?;
        let Taken { marked_up_to, doubt, .. } = taken;
        let incarnation = watch::Sender::new(incarnation);
        Writer { deps: deps.clone(), partition, epoch, incarnation, marked_up_to, doubt }.write_each(plans).await
    };
    match written.await {
        Err(ProcessError::Fenced) => wait_for_owner(deps, partition, to).await?,
        done => done?,
    }
    Ok(Rebuilt { partition, from, to })
}

/// How often it is looked whether an owner has made good what is left.
const LOOK_EVERY: Duration = Duration::from_millis(500);

async fn wait_for_owner(deps: &Deps, partition: u32, to: u64) -> Result<(), ProcessError> {
    loop {
        let open = deps.ledger.open_plans(partition).await?;
        if open.first().is_none_or(|plan| plan.from >= to) {
            return Ok(());
        }
        sleep(LOOK_EVERY).await;
    }
}
