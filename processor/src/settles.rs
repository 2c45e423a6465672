use schemas::event::{Body, Settle};

use crate::{ProcessError, owner::Owner};

/// Settles that are appended at a time.
const SETTLES_MAX: usize = 256;

/// Appends the settles whose time has come: facts hold what they wait for, or a decision has asked for them. One that is
/// appended twice finds nothing to do the second time.
pub(crate) async fn append(owner: &mut Owner, facts_held: u64) -> Result<(), ProcessError> {
    let ledger = owner.deps.ledger.clone();
    let parked = ledger.parked_due(owner.partition, facts_held, SETTLES_MAX).await?;
    let late = ledger.late_due(owner.partition, facts_held, SETTLES_MAX).await?;
    for settle in parked.into_iter().chain(late) {
        append_once(owner, settle).await?;
    }
    if owner.settles_left {
        let asked_for = ledger.settles_due(owner.partition, SETTLES_MAX).await?;
        owner.settles_left = asked_for.len() == SETTLES_MAX;
        let mut appended = Vec::with_capacity(asked_for.len());
        for due in asked_for {
            owner.append(Body::Settle(due.settle)).await?;
            appended.push(due.number);
        }
        ledger.remove_settles(owner.partition, owner.epoch, appended).await?;
    }
    Ok(())
}

async fn append_once(owner: &mut Owner, settle: Settle) -> Result<(), ProcessError> {
    if owner.settling.insert(settle.conversion) {
        owner.append(Body::Settle(settle)).await?;
    }
    Ok(())
}
