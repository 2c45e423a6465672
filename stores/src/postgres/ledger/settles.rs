//! What the owner is to append `settle` events for.

use schemas::{
    event::Settle,
    ids::{CompanyId, ConversionId},
};
use tokio_postgres::Row;

use super::{
    ask::{Ask, one},
    columns::{bound, get_id, get_small, get_wide, row_limit, small},
    plan::{commit, owned},
    session::Session,
};
use crate::{
    StoreError,
    ledger::{CommitError, SettleDue},
};

pub(super) async fn parked_due(
    session: Session,
    partition: u32,
    facts_held: u64,
    limit: usize,
) -> Result<Vec<Settle>, StoreError> {
    let ask = Ask::rows(
        "SELECT company, conversion, facts_offset FROM ledger.parked
         WHERE partition = $1 AND facts_offset <= $2 ORDER BY facts_offset LIMIT $3",
        vec![one(small(partition)), one(bound(facts_held)), one(row_limit(limit))],
    );
    settles(session.read(&[ask]).await?.into_iter().flat_map(|told| told.rows()))
}

/// One a conversion, for all of its late clicks that facts hold.
pub(super) async fn late_due(
    session: Session,
    partition: u32,
    facts_held: u64,
    limit: usize,
) -> Result<Vec<Settle>, StoreError> {
    let ask = Ask::rows(
        "SELECT min(n.company), n.conversion, max(n.\"offset\") + 1
         FROM ledger.late_notes n JOIN ledger.parked p ON p.conversion = n.conversion
         WHERE n.partition = $1 AND n.\"offset\" < $2 AND p.facts_offset IS NULL AND p.expires_at_ms IS NULL
         GROUP BY n.conversion ORDER BY min(n.\"offset\") LIMIT $3",
        vec![one(small(partition)), one(bound(facts_held)), one(row_limit(limit))],
    );
    settles(session.read(&[ask]).await?.into_iter().flat_map(|told| told.rows()))
}

pub(super) async fn settles_due(session: Session, partition: u32, limit: usize) -> Result<Vec<SettleDue>, StoreError> {
    let ask = Ask::rows(
        "SELECT company, conversion, facts_up_to, number, to_partition FROM ledger.settles_due WHERE partition = $1 ORDER BY number LIMIT $2",
        vec![one(small(partition)), one(row_limit(limit))],
    );
    let rows = session.read(&[ask]).await?.into_iter().flat_map(|told| told.rows());
    rows.map(|row| Ok(SettleDue { number: row.try_get(3)?, partition: get_small(&row, 4)?, settle: settle(&row)? }))
        .collect()
}

pub(super) async fn remove_settles(
    session: Session,
    partition: u32,
    epoch: u64,
    numbers: Vec<i64>,
) -> Result<(), CommitError> {
    let remove = Ask::count(
        "DELETE FROM ledger.settles_due WHERE partition = $1 AND number = ANY($2)",
        vec![one(small(partition)), one(numbers)],
    );
    owned(&session, partition, epoch, vec![remove]).await?;
    commit(session).await
}

fn settles(rows: impl Iterator<Item = Row>) -> Result<Vec<Settle>, StoreError> {
    rows.map(|row| settle(&row)).collect()
}

/// From the first three columns.
fn settle(row: &Row) -> Result<Settle, StoreError> {
    Ok(Settle {
        company: CompanyId(get_id(row, 0)?),
        conversion: ConversionId(get_wide(row, 1)?),
        facts_up_to: get_id(row, 2)?,
    })
}
