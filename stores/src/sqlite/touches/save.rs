use std::ops::Range;

use rusqlite::{Connection, OptionalExtension as _, Transaction};

use crate::{
    sqlite::row::{get_id, int},
    touches::{RECENT_FOR_MS, SaveError, TouchDelta, packed},
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

/// Puts these touches in the place of all that is kept, wherever that ends.
pub(super) fn save_all(
    connection: &mut Connection,
    partition: u32,
    epoch: u64,
    next: u64,
    all: &TouchDelta,
) -> Result<(), SaveError> {
    let transaction = connection.transaction()?;
    let kept = progress(&transaction, partition)?;
    if kept.epoch > epoch {
        return Err(kept.moved());
    }
    for forgotten in ["DELETE FROM links WHERE partition = ?1", "DELETE FROM recent WHERE partition = ?1"] {
        transaction.execute(forgotten, [partition])?;
    }
    move_on(&transaction, partition, epoch, &(kept.next..next))?;
    links(&transaction, partition, all)?;
    recent(&transaction, partition, next, all)?;
    transaction.commit()?;
    Ok(())
}

struct Kept {
    epoch: u64,
    next: u64,
}

impl Kept {
    fn moved(&self) -> SaveError {
        SaveError::Moved { epoch: self.epoch, next: self.next }
    }
}

fn progress(transaction: &Transaction<'_>, partition: u32) -> rusqlite::Result<Kept> {
    let kept = transaction
        .query_row("SELECT epoch, next FROM progress WHERE partition = ?1", [partition], |row| {
            Ok(Kept { epoch: get_id(row, 0)?, next: get_id(row, 1)? })
        })
        .optional()?;
    Ok(kept.unwrap_or(Kept { epoch: 0, next: 0 }))
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
    Err(progress(transaction, partition)?.moved())
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
    let seen = delta.seen.iter().map(|(_, seen)| seen);
    let velocity = delta.velocity.iter().map(|(_, velocity)| velocity);
    let Some(newest) = packed::newest(seen, velocity) else {
        return Ok(());
    };
    let packed = packed::pack_recent(&delta.seen, &delta.velocity);
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
