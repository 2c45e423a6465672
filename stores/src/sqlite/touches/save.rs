use std::ops::Range;

use rusqlite::{Connection, Transaction};

use super::packed;
use crate::{
    sqlite::row::{get_id, int},
    touches::{RECENT_FOR_MS, SaveError, TouchDelta},
};

pub(super) fn save(
    connection: &mut Connection,
    partition: u32,
    epoch: u64,
    offsets: Range<u64>,
    delta: &TouchDelta,
) -> Result<(), SaveError> {
    let transaction = connection.transaction()?;
    move_on(&transaction, partition, epoch, &offsets)?;
    links(&transaction, partition, delta)?;
    recent(&transaction, partition, offsets.end, delta)?;
    transaction.commit()?;
    Ok(())
}

/// Takes the partition from `offsets.start` to its end, or says where it is instead.
fn move_on(transaction: &Transaction<'_>, partition: u32, epoch: u64, offsets: &Range<u64>) -> Result<(), SaveError> {
    transaction
        .prepare_cached("INSERT INTO progress (partition) VALUES (?1) ON CONFLICT DO NOTHING")?
        .execute([partition])?;
    let moved = transaction
        .prepare_cached("UPDATE progress SET next = ?4, epoch = ?2 WHERE partition = ?1 AND epoch <= ?2 AND next = ?3")?
        .execute((partition, int(epoch), int(offsets.start), int(offsets.end)))?;
    if moved == 1 {
        return Ok(());
    }
    let (epoch, next) =
        transaction.query_one("SELECT epoch, next FROM progress WHERE partition = ?1", [partition], |row| {
            Ok((get_id(row, 0)?, get_id(row, 1)?))
        })?;
    Err(SaveError::Moved { epoch, next })
}

fn links(transaction: &Transaction<'_>, partition: u32, delta: &TouchDelta) -> rusqlite::Result<()> {
    let mut put = transaction.prepare_cached(
        "INSERT INTO links (partition, link, first, last, awaiting_until_ms) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET first = excluded.first, last = excluded.last, awaiting_until_ms = excluded.awaiting_until_ms",
    )?;
    for (link, known) in &delta.links {
        let [first, last] = [known.first, known.last].map(|touch| touch.map(|touch| packed::pack_touch(&touch)));
        put.execute((partition, int(link.0), first, last, known.awaiting_until.map(|at| at.0)))?;
    }
    Ok(())
}

fn recent(transaction: &Transaction<'_>, partition: u32, to: u64, delta: &TouchDelta) -> rusqlite::Result<()> {
    let Some((newest, packed)) = packed::pack_recent(delta) else {
        return Ok(());
    };
    transaction
        .prepare_cached(
            "INSERT INTO recent (partition, to_offset, newest_at_ms, packed) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET newest_at_ms = excluded.newest_at_ms, packed = excluded.packed",
        )?
        .execute((partition, int(to), newest.0, packed))?;
    transaction
        .prepare_cached("DELETE FROM recent WHERE partition = ?1 AND newest_at_ms < ?2")?
        .execute((partition, newest.0.saturating_sub(RECENT_FOR_MS)))?;
    Ok(())
}
