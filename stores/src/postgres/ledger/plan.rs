//! Blocks of facts: planned here in order, inserted into facts, and then marked.

use tokio_postgres::Row;

use super::{
    ask::{Ask, Told, one},
    columns::{bound, get_id, get_small, small},
    session::{Session, begin},
    take::as_owner,
};
use crate::{
    StoreError,
    ledger::{CommitError, Plan},
};

pub(super) async fn plan(session: Session, partition: u32, epoch: u64, plan: Plan) -> Result<(), CommitError> {
    let [move_on, insert] = close(partition, plan);
    let told = owned(&session, partition, epoch, vec![move_on, insert]).await?;
    if told.first().is_none_or(|moved| moved.count() != 1) {
        session.roll_back().await?;
        return Err(out_of_order(plan));
    }
    commit(session).await
}

pub(super) fn out_of_order(Plan { from, to }: Plan) -> CommitError {
    CommitError::PlanOutOfOrder { from, to }
}

/// Plans a block of what is decided, right behind the last one: the first of these changes a row, or it is out of order, and
/// the second has nothing to insert.
pub(super) fn close(partition: u32, Plan { from, to }: Plan) -> [Ask; 2] {
    let params = || vec![one(small(partition)), one(bound(from)), one(bound(to))];
    [
        Ask::count(
            "UPDATE ledger.progress SET planned = $3 WHERE partition = $1 AND planned = $2 AND $3 > $2 AND next >= $3",
            params(),
        ),
        Ask::count(
            "INSERT INTO ledger.plans (partition, from_offset, to_offset)
             SELECT $1::integer, $2::bigint, $3::bigint WHERE $3::bigint > $2::bigint ON CONFLICT DO NOTHING",
            params(),
        ),
    ]
}

pub(super) async fn check_epoch(session: Session, partition: u32, epoch: u64) -> Result<(), CommitError> {
    let ask = Ask::rows(
        "SELECT FROM ledger.progress WHERE partition = $1 AND epoch = $2",
        vec![one(small(partition)), one(bound(epoch))],
    );
    let told = session.read(&[ask]).await?;
    if told.first().is_some_and(|told| told.count() == 1) { Ok(()) } else { Err(CommitError::Fenced) }
}

/// No block from here on counts as inserted any more. Blocks that are inserted from now on are of another incarnation.
pub(super) async fn begin_incarnation(
    session: Session,
    partition: u32,
    epoch: u64,
    from: u64,
    at_least: u32,
) -> Result<u32, CommitError> {
    let asks = vec![
        Ask::count(
            "UPDATE ledger.plans SET marked = false WHERE partition = $1 AND from_offset >= $2 AND marked",
            vec![one(small(partition)), one(bound(from))],
        ),
        Ask::rows(
            "UPDATE ledger.progress SET incarnation = greatest(incarnation + 1, $2), facts_in_removal = true
             WHERE partition = $1 RETURNING incarnation",
            vec![one(small(partition)), one(small(at_least))],
        ),
    ];
    let told = owned(&session, partition, epoch, asks).await?;
    let rows = told.into_iter().next_back().map(Told::rows).unwrap_or_default();
    let incarnation = rows.first().map(|row| get_small(row, 0)).transpose()?.ok_or(CommitError::Fenced)?;
    commit(session).await?;
    Ok(incarnation)
}

pub(super) async fn raise_epoch(session: Session, partition: u32, epoch: u64, to: u64) -> Result<(), CommitError> {
    let raise = Ask::count(
        "UPDATE ledger.progress SET epoch = $2 WHERE partition = $1 AND epoch < $2",
        vec![one(small(partition)), one(bound(to))],
    );
    owned(&session, partition, epoch, vec![raise]).await?;
    commit(session).await
}

pub(super) async fn trust_facts(session: Session, partition: u32, epoch: u64) -> Result<(), CommitError> {
    let trust = Ask::count(
        "UPDATE ledger.progress SET facts_expected = NULL, facts_in_removal = false WHERE partition = $1",
        vec![one(small(partition))],
    );
    owned(&session, partition, epoch, vec![trust]).await?;
    commit(session).await
}

/// By its owner alone: of who had the partition before, what is inserted may have been taken out since.
pub(super) async fn mark(
    session: Session,
    partition: u32,
    epoch: u64,
    Plan { from, to }: Plan,
) -> Result<(), CommitError> {
    let mark = Ask::count(
        "UPDATE ledger.plans SET marked = true WHERE partition = $1 AND from_offset = $2 AND to_offset = $3",
        vec![one(small(partition)), one(bound(from)), one(bound(to))],
    );
    owned(&session, partition, epoch, vec![mark]).await?;
    commit(session).await
}

pub(super) async fn drop_plans(session: Session, partition: u32, epoch: u64, before: u64) -> Result<(), CommitError> {
    let drop = Ask::count(
        "DELETE FROM ledger.plans WHERE partition = $1 AND to_offset <= $2 AND marked",
        vec![one(small(partition)), one(bound(before))],
    );
    owned(&session, partition, epoch, vec![drop]).await?;
    commit(session).await
}

pub(super) async fn open_plans(session: Session, partition: u32) -> Result<Vec<Plan>, StoreError> {
    let told = session.read(&[open(partition)]).await?;
    read(&told.into_iter().next().map(Told::rows).unwrap_or_default())
}

pub(super) fn open(partition: u32) -> Ask {
    Ask::rows(
        "SELECT from_offset, to_offset FROM ledger.plans WHERE partition = $1 AND NOT marked ORDER BY from_offset",
        vec![one(small(partition))],
    )
}

pub(super) fn read(rows: &[Row]) -> Result<Vec<Plan>, StoreError> {
    rows.iter().map(|row| Ok(Plan { from: get_id(row, 0)?, to: get_id(row, 1)? })).collect()
}

/// Does this in a transaction of the partition's present owner, which is left open.
pub(super) async fn owned(
    session: &Session,
    partition: u32,
    epoch: u64,
    asks: Vec<Ask>,
) -> Result<Vec<Told>, CommitError> {
    let own = Ask::count(
        "UPDATE ledger.progress SET epoch = epoch WHERE partition = $1 AND epoch = $2",
        vec![one(small(partition)), one(bound(epoch))],
    );
    let asks: Vec<Ask> = std::iter::once(own).chain(asks).collect();
    let begin = begin() + &as_owner(partition, epoch);
    let mut told = session.all(Some(&begin), &asks, None).await?.into_iter();
    if told.next().is_none_or(|own| own.count() != 1) {
        return Err(CommitError::Fenced);
    }
    Ok(told.collect())
}

pub(super) async fn commit(session: Session) -> Result<(), CommitError> {
    session.all(Some("COMMIT"), &[], None).await?;
    session.give_back();
    Ok(())
}
