use rusqlite::{Connection, OptionalExtension, Row};
use schemas::{ids::EventId, time::TimeMs};

use super::plan;
use crate::{
    StoreError,
    ledger::{FactsDoubt, Progress, Taken},
    sqlite::row::{get_id, unreadable},
};

pub(super) fn partitions(connection: &Connection) -> Result<u32, StoreError> {
    Ok(connection.query_one("SELECT partitions FROM deployment", [], |row| row.get(0))?)
}

pub(super) fn take(connection: &mut Connection, partition: u32) -> Result<Taken, StoreError> {
    if partition >= partitions(connection)? {
        return Err(StoreError::NoPartition(partition));
    }
    let transaction = connection.transaction()?;
    transaction.execute("INSERT INTO progress (partition) VALUES (?1) ON CONFLICT DO NOTHING", [partition])?;
    let (progress, epoch, doubt) = transaction.query_one(
        "UPDATE progress SET epoch = epoch + 1, facts_expected = coalesce(facts_expected, planned) WHERE partition = ?1
         RETURNING next, last_event, published, planned, incarnation, appended_at_ms, epoch, facts_expected, facts_in_removal",
        [partition],
        |row| {
            let doubt = FactsDoubt { expected_up_to: get_id(row, 7)?, in_removal: row.get(8)? };
            Ok((read(row)?, get_id(row, 6)?, doubt))
        },
    )?;
    let open_plans = plan::open(&transaction, partition)?;
    transaction.commit()?;
    let marked_up_to = open_plans.first().map_or(progress.planned_up_to, |plan| plan.from);
    Ok(Taken { epoch, progress, open_plans, marked_up_to, doubt })
}

pub(super) fn progress(connection: &Connection, partition: u32) -> Result<Option<Progress>, StoreError> {
    let found = connection.query_row(
        "SELECT next, last_event, published, planned, incarnation, appended_at_ms FROM progress WHERE partition = ?1",
        [partition],
        read,
    );
    Ok(found.optional()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Progress> {
    let last_event: Option<Vec<u8>> = row.get(1)?;
    let last_event = last_event.map(|id| id.try_into().map_err(|_| unreadable(1, "an event id"))).transpose()?;
    Ok(Progress {
        next: get_id(row, 0)?,
        last_event: last_event.map(u128::from_be_bytes).map(EventId),
        published: get_id(row, 2)?,
        planned_up_to: get_id(row, 3)?,
        incarnation: row.get(4)?,
        appended_at: TimeMs(row.get(5)?),
    })
}
