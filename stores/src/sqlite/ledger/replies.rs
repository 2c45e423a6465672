use rusqlite::{Connection, Transaction};

use super::{columns::bound, plan::check_epoch};
use crate::{
    StoreError,
    ledger::{CommitError, ReplyDue},
    sqlite::row::get_id,
};

/// From how many replies on no further batch is added.
const MAX_REPLIES: usize = 4_096;

pub(super) fn replies_from(
    connection: &Connection,
    partition: u32,
    published: u64,
) -> Result<Vec<ReplyDue>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT batch_from, reply_to, record FROM replies WHERE partition = ?1 AND batch_from >= ?2 ORDER BY batch_from, seq",
    )?;
    let mut rows = statement.query((partition, bound(published)))?;
    let mut replies: Vec<ReplyDue> = Vec::new();
    while let Some(row) = rows.next()? {
        let reply = ReplyDue { batch_from: get_id(row, 0)?, reply_to: row.get(1)?, record: row.get(2)? };
        let next_batch = replies.last().is_some_and(|last| last.batch_from != reply.batch_from);
        if next_batch && replies.len() >= MAX_REPLIES {
            break;
        }
        replies.push(reply);
    }
    Ok(replies)
}

pub(super) fn set_published(
    connection: &mut Connection,
    partition: u32,
    epoch: u64,
    up_to: u64,
) -> Result<(), CommitError> {
    let transaction = connection.transaction()?;
    check_epoch(&transaction, partition, epoch)?;
    publish(&transaction, partition, up_to)?;
    transaction.commit()?;
    Ok(())
}

/// Moves the cursor, never back, and forgets the replies before it.
pub(super) fn publish(transaction: &Transaction<'_>, partition: u32, up_to: u64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("UPDATE progress SET published = max(published, ?2) WHERE partition = ?1")?
        .execute((partition, bound(up_to)))?;
    transaction
        .prepare_cached("DELETE FROM replies WHERE partition = ?1 AND batch_from < ?2")?
        .execute((partition, bound(up_to)))?;
    Ok(())
}
