use std::collections::HashSet;

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
    let is_all = parked.len() < SETTLES_MAX && late.len() < SETTLES_MAX;
    let mut new: Vec<Settle> = parked.into_iter().chain(late).collect();
    let mut conversions = HashSet::new();
    new.retain(|settle| !owner.settling.contains(&settle.conversion) && conversions.insert(settle.conversion));
    if new.is_empty() || owner.append(new.into_iter().map(Body::Settle).collect()).await? {
        owner.settling.extend(conversions);
        if is_all {
            owner.settled_up_to = facts_held;
        }
    }
    if owner.settles_left {
        let asked_for = ledger.settles_due(owner.partition, SETTLES_MAX).await?;
        let is_all = asked_for.len() < SETTLES_MAX;
        let (numbers, settles): (Vec<_>, Vec<_>) =
            asked_for.into_iter().map(|due| (due.number, Body::Settle(due.settle))).unzip();
        if numbers.is_empty() || owner.append(settles).await? {
            ledger.remove_settles(owner.partition, owner.epoch, numbers).await?;
            owner.settles_left = !is_all;
        }
    }
    Ok(())
}
