use std::collections::HashSet;

use schemas::event::{Body, Settle};

use crate::{ProcessError, owner::Owner};

/// Settles that are appended at a time.
const SETTLES_MAX: usize = 256;

/// Appends the settles whose time has come: facts hold what they wait for, or a decision has asked for them. One that is
/// appended twice finds nothing to do the second time.
pub(crate) async fn append(owner: &mut Owner, facts_held: u64) -> Result<(), ProcessError> {
    let (ledger, partition) = (owner.deps.ledger.clone(), owner.partition);
    let parked = ledger.parked_due(partition, facts_held, SETTLES_MAX).await?;
    let late = ledger.late_due(partition, facts_held, SETTLES_MAX).await?;
    let is_all = parked.len() < SETTLES_MAX && late.len() < SETTLES_MAX;
    let mut new: Vec<Settle> = parked.into_iter().chain(late).collect();
    let mut conversions = HashSet::new();
    new.retain(|settle| !owner.settling.contains(&settle.conversion) && conversions.insert(settle.conversion));
    let bodies: Vec<_> = new.into_iter().map(|settle| (partition, Body::Settle(settle))).collect();
    if bodies.is_empty() || owner.append(bodies).await? {
        owner.settling.extend(conversions);
        if is_all {
            owner.settled_up_to = facts_held;
        }
    }
    if owner.settles_left {
        let asked_for = ledger.settles_due(partition, SETTLES_MAX).await?;
        let is_all = asked_for.len() < SETTLES_MAX;
        let (numbers, settles): (Vec<_>, Vec<_>) =
            asked_for.into_iter().map(|due| (due.number, (due.partition, Body::Settle(due.settle)))).unzip();
        if numbers.is_empty() || owner.append(settles).await? {
            ledger.remove_settles(partition, owner.epoch, numbers).await?;
            owner.settles_left = !is_all;
        }
    }
    Ok(())
}
