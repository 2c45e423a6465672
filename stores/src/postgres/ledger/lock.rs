use super::{
    ask::{Ask, one},
    columns::{bound, small},
    session::{Session, begin},
    shared,
    take::as_owner,
};
use crate::ledger::{CommitError, Versions};

/// A transaction that holds rows. Dropped, it is undone.
pub(crate) struct Locked {
    pub(super) session: Session,
}

/// Locks these rows in the order of their keys; those that are not there are made before, and say nothing.
pub(super) async fn lock(session: Session, partition: u32, epoch: u64, rows: &Versions) -> Result<Locked, CommitError> {
    let begin = begin() + &as_owner(partition, epoch);
    let made = shared::make(rows);
    if !made.is_empty() {
        session.all(Some(&begin), &made, Some("COMMIT")).await?;
    }
    let own = Ask::rows(
        "SELECT FROM ledger.progress WHERE partition = $1 AND epoch = $2",
        vec![one(small(partition)), one(bound(epoch))],
    );
    let asks: Vec<Ask> = std::iter::once(own).chain(shared::lock(rows)).collect();
    let told = session.all(Some(&begin), &asks, None).await?;
    if told.first().is_none_or(|own| own.count() != 1) {
        session.roll_back().await?;
        return Err(CommitError::Fenced);
    }
    Ok(Locked { session })
}
