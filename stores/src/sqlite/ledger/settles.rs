//! What the owner is to append `settle` events for.

use rusqlite::{Connection, Row};
use schemas::{
    event::Settle,
    ids::{CompanyId, ConversionId},
};

use super::{
    columns::{bound, row_limit},
    plan::check_epoch,
};
use crate::{
    StoreError,
    ledger::{CommitError, SettleDue},
    sqlite::row::{get_id, get_wide},
};

pub(super) fn parked_due(
    connection: &Connection,
    partition: u32,
    facts_held: u64,
    limit: usize,
) -> Result<Vec<Settle>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT company, conversion, facts_offset FROM parked
         WHERE partition = ?1 AND facts_offset <= ?2 ORDER BY facts_offset LIMIT ?3",
    )?;
    let due = statement.query_map((partition, bound(facts_held), row_limit(limit)), |row| settle(row, 0))?;
    Ok(due.collect::<rusqlite::Result<_>>()?)
}

/// One a conversion, for all of its late clicks that facts hold.
pub(super) fn late_due(
    connection: &Connection,
    partition: u32,
    facts_held: u64,
    limit: usize,
) -> Result<Vec<Settle>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT n.company, n.conversion, max(n.offset) + 1 FROM late_notes n JOIN parked p ON p.conversion = n.conversion
         WHERE n.partition = ?1 AND n.offset < ?2 AND p.facts_offset IS NULL AND p.expires_at_ms IS NULL
         GROUP BY n.conversion ORDER BY min(n.offset) LIMIT ?3",
    )?;
    let due = statement.query_map((partition, bound(facts_held), row_limit(limit)), |row| settle(row, 0))?;
    Ok(due.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn settles_due(connection: &Connection, partition: u32, limit: usize) -> Result<Vec<SettleDue>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT number, to_partition, company, conversion, facts_up_to FROM settles_due WHERE partition = ?1 ORDER BY number LIMIT ?2")?;
    let due = statement.query_map((partition, row_limit(limit)), |row| {
        Ok(SettleDue { number: row.get(0)?, partition: row.get(1)?, settle: settle(row, 2)? })
    })?;
    Ok(due.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn remove_settles(
    connection: &mut Connection,
    partition: u32,
    epoch: u64,
    numbers: &[i64],
) -> Result<(), CommitError> {
    let transaction = connection.transaction()?;
    check_epoch(&transaction, partition, epoch)?;
    {
        let mut remove = transaction.prepare_cached("DELETE FROM settles_due WHERE partition = ?1 AND number = ?2")?;
        for number in numbers {
            remove.execute((partition, number))?;
        }
    }
    transaction.commit()?;
    Ok(())
}

/// From three columns next to each other.
fn settle(row: &Row<'_>, column: usize) -> rusqlite::Result<Settle> {
    Ok(Settle {
        company: CompanyId(get_id(row, column)?),
        conversion: ConversionId(get_wide(row, column + 1)?),
        facts_up_to: get_id(row, column + 2)?,
    })
}
