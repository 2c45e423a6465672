use rules::touches::{LinkTouch, Touches};
use rusqlite::{Connection, OptionalExtension, Transaction};
use schemas::{ids::LinkId, time::TimeMs};

use crate::{
    StoreError,
    sqlite::row::{get_id, unreadable},
    touches::{Loaded, RECENT_FOR_MS, packed, seen_from},
};

pub(super) fn load(connection: &mut Connection, partition: u32) -> Result<Loaded, StoreError> {
    let transaction = connection.transaction()?;
    let next = transaction
        .query_row("SELECT next FROM progress WHERE partition = ?1", [partition], |row| get_id(row, 0))
        .optional()?
        .unwrap_or(0);
    let mut touches = Touches::default();
    links(&transaction, partition, &mut touches)?;
    recent(&transaction, partition, &mut touches)?;
    Ok(Loaded { touches, next })
}

pub(super) fn epoch(connection: &mut Connection, partition: u32) -> Result<u64, StoreError> {
    let select = "SELECT epoch FROM progress WHERE partition = ?1";
    let epoch = connection.query_row(select, [partition], |row| get_id(row, 0)).optional()?;
    Ok(epoch.unwrap_or(0))
}

fn links(transaction: &Transaction<'_>, partition: u32, touches: &mut Touches) -> rusqlite::Result<()> {
    let mut statement =
        transaction.prepare_cached("SELECT link, first, last, awaiting_until_ms FROM links WHERE partition = ?1")?;
    let mut rows = statement.query([partition])?;
    while let Some(row) = rows.next()? {
        let touch = |column: usize| {
            let packed = row.get_ref(column)?.as_blob_or_null()?;
            packed
                .map(|packed| packed::unpack_touch(packed).ok_or_else(|| unreadable(column, "a packed touch")))
                .transpose()
        };
        let known =
            LinkTouch { first: touch(1)?, last: touch(2)?, awaiting_until: row.get::<_, Option<i64>>(3)?.map(TimeMs) };
        touches.links.insert(LinkId(get_id(row, 0)?), known);
    }
    Ok(())
}

fn recent(transaction: &Transaction<'_>, partition: u32, touches: &mut Touches) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "SELECT packed, newest FROM recent, (SELECT max(newest_at_ms) AS newest FROM recent WHERE partition = ?1)
         WHERE partition = ?1 AND newest_at_ms >= newest - ?2 ORDER BY to_offset",
    )?;
    let mut rows = statement.query((partition, RECENT_FOR_MS))?;
    while let Some(row) = rows.next()? {
        let packed = row.get_ref(0)?.as_blob()?;
        let newest = row.get(1)?;
        packed::unpack_recent(packed, seen_from(newest), touches)
            .ok_or_else(|| unreadable(0, "packed event ids and velocity"))?;
    }
    Ok(())
}
