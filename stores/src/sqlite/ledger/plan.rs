//! Blocks of facts: planned here in order, inserted into facts, and then marked.

use rusqlite::{Connection, Transaction};

use super::columns::bound;
use crate::{
    ledger::{CommitError, Plan},
    sqlite::row::get_id,
};

pub(super) fn plan(connection: &mut Connection, partition: u32, epoch: u64, plan: Plan) -> Result<(), CommitError> {
    let transaction = connection.transaction()?;
    check_epoch(&transaction, partition, epoch)?;
    close(&transaction, partition, plan)?;
    transaction.commit()?;
    Ok(())
}

pub(super) fn check_epoch(transaction: &Transaction<'_>, partition: u32, epoch: u64) -> Result<(), CommitError> {
    let mut own = transaction.prepare_cached("SELECT 1 FROM progress WHERE partition = ?1 AND epoch = ?2")?;
    if own.exists((partition, bound(epoch)))? { Ok(()) } else { Err(CommitError::Fenced) }
}

/// Plans a block of what is decided, right behind the last one.
pub(super) fn close(transaction: &Transaction<'_>, partition: u32, Plan { from, to }: Plan) -> Result<(), CommitError> {
    let moved = transaction
        .prepare_cached(
            "UPDATE progress SET planned = ?3 WHERE partition = ?1 AND planned = ?2 AND ?3 > ?2 AND next >= ?3",
        )?
        .execute((partition, bound(from), bound(to)))?;
    if moved != 1 {
        return Err(CommitError::PlanOutOfOrder { from, to });
    }
    transaction
        .prepare_cached("INSERT INTO plans (partition, from_offset, to_offset) VALUES (?1, ?2, ?3)")?
        .execute((partition, bound(from), bound(to)))?;
    Ok(())
}

/// No block counts as inserted any more. Blocks that are inserted from now on are of another incarnation.
pub(super) fn begin_incarnation(
    connection: &mut Connection,
    partition: u32,
    epoch: u64,
    from: u64,
    at_least: u32,
) -> Result<u32, CommitError> {
    let transaction = connection.transaction()?;
    check_epoch(&transaction, partition, epoch)?;
    transaction
        .execute("UPDATE plans SET marked = 0 WHERE partition = ?1 AND from_offset >= ?2", (partition, bound(from)))?;
    let incarnation = transaction.query_one(
        "UPDATE progress SET incarnation = max(incarnation + 1, ?2), facts_in_removal = 1 WHERE partition = ?1
         RETURNING incarnation",
        (partition, at_least),
        |row| row.get(0),
    )?;
    transaction.commit()?;
    Ok(incarnation)
}

pub(super) fn raise_epoch(connection: &mut Connection, partition: u32, epoch: u64, to: u64) -> Result<(), CommitError> {
    let transaction = connection.transaction()?;
    check_epoch(&transaction, partition, epoch)?;
    let raise = "UPDATE progress SET epoch = ?2 WHERE partition = ?1 AND epoch < ?2";
    transaction.execute(raise, (partition, bound(to)))?;
    transaction.commit()?;
    Ok(())
}

pub(super) fn trust_facts(connection: &mut Connection, partition: u32, epoch: u64) -> Result<(), CommitError> {
    let transaction = connection.transaction()?;
    check_epoch(&transaction, partition, epoch)?;
    let trust = "UPDATE progress SET facts_expected = NULL, facts_in_removal = 0 WHERE partition = ?1";
    transaction.execute(trust, [partition])?;
    transaction.commit()?;
    Ok(())
}

/// By its owner alone: of who had the partition before, what is inserted may have been taken out since.
pub(super) fn mark(
    connection: &mut Connection,
    partition: u32,
    epoch: u64,
    Plan { from, to }: Plan,
) -> Result<(), CommitError> {
    let transaction = connection.transaction()?;
    check_epoch(&transaction, partition, epoch)?;
    transaction
        .prepare_cached("UPDATE plans SET marked = 1 WHERE partition = ?1 AND from_offset = ?2 AND to_offset = ?3")?
        .execute((partition, bound(from), bound(to)))?;
    transaction.commit()?;
    Ok(())
}

pub(super) fn drop_plans(
    connection: &mut Connection,
    partition: u32,
    epoch: u64,
    before: u64,
) -> Result<(), CommitError> {
    let transaction = connection.transaction()?;
    check_epoch(&transaction, partition, epoch)?;
    let drop = "DELETE FROM plans WHERE partition = ?1 AND to_offset <= ?2 AND marked = 1";
    transaction.execute(drop, (partition, bound(before)))?;
    transaction.commit()?;
    Ok(())
}

pub(super) fn open(connection: &Connection, partition: u32) -> rusqlite::Result<Vec<Plan>> {
    let mut statement = connection.prepare_cached(
        "SELECT from_offset, to_offset FROM plans WHERE partition = ?1 AND marked = 0 ORDER BY from_offset",
    )?;
    let plans = statement.query_map([partition], |row| Ok(Plan { from: get_id(row, 0)?, to: get_id(row, 1)? }))?;
    plans.collect()
}
