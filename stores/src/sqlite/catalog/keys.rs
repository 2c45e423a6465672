use std::sync::atomic::Ordering;

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use schemas::{
    receipt::{ReceiptKey, ReceiptKeyId},
    time::{DAY_MS, Day, TimeMs},
};

use super::{SqliteCatalog, magic_links, sessions};
use crate::{
    StoreError,
    catalog::{
        CHECKED_AFTER_DAYS, DayKey, DayKeys, FreshKeys, PUBLISHED_AHEAD_MS, PublishedReceiptKey,
        RECEIPT_KEY_SIGNS_DAYS, ReceiptKeys, Rotated,
    },
};

impl SqliteCatalog {
    pub(crate) async fn day_keys(&self, now: TimeMs) -> Result<DayKeys, StoreError> {
        let today = now.day().0;
        let read = move |transaction: &Transaction<'_>| {
            let mut select = transaction
                .prepare_cached("SELECT day, secret FROM day_keys WHERE day BETWEEN ?1 AND ?2 ORDER BY day")?;
            let keys = select
                .query_map([today - 1, today + 1], |row| Ok(DayKey { day: Day(row.get(0)?), secret: row.get(1)? }))?;
            Ok(DayKeys { keys: keys.collect::<rusqlite::Result<_>>()? })
        };
        self.readers.read(read).await
    }

    pub(crate) async fn receipt_keys(&self) -> Result<ReceiptKeys, StoreError> {
        let read = move |transaction: &Transaction<'_>| {
            let mut select = transaction
                .prepare_cached("SELECT id, secret, published_at, signs_from FROM receipt_keys ORDER BY signs_from")?;
            let keys = select.query_map([], |row| {
                Ok(PublishedReceiptKey {
                    key: ReceiptKey { id: ReceiptKeyId(row.get(0)?), secret: row.get(1)? },
                    published_at: TimeMs(row.get(2)?),
                    signs_from: TimeMs(row.get(3)?),
                })
            })?;
            Ok(ReceiptKeys { keys: keys.collect::<rusqlite::Result<_>>()? })
        };
        self.readers.read(read).await
    }

    pub(crate) async fn rotate_keys(&self, now: TimeMs, fresh: FreshKeys) -> Result<Rotated, StoreError> {
        let wipe_due = self.wipe_due.clone();
        let rotate = move |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            let made = make_day_keys(&transaction, now, &fresh)? + make_receipt_key(&transaction, now, &fresh)?;
            let destroyed = destroy(&transaction, now)? + magic_links::expire(&transaction, now)?;
            sessions::expire(&transaction, now)?;
            transaction.commit()?;
            wipe_due.fetch_or(destroyed > 0, Ordering::Relaxed);
            let wiped = wipe_due.load(Ordering::Relaxed) && wipe(connection)?;
            wipe_due.fetch_and(!wiped, Ordering::Relaxed);
            Ok(Rotated { made, destroyed, wiped: !wipe_due.load(Ordering::Relaxed) })
        };
        self.writer.call(rotate).await
    }
}

fn make_day_keys(transaction: &Transaction<'_>, now: TimeMs, fresh: &FreshKeys) -> rusqlite::Result<u32> {
    let mut insert = transaction.prepare_cached("INSERT OR IGNORE INTO day_keys (day, secret) VALUES (?1, ?2)")?;
    let today = now.day().0;
    let made = insert.execute(params![today, fresh.today])? + insert.execute(params![today + 1, fresh.tomorrow])?;
    Ok(counted(made))
}

/// Publishes the next receipt key a day before it signs; the first one signs at once, as nobody could know it before.
fn make_receipt_key(transaction: &Transaction<'_>, now: TimeMs, fresh: &FreshKeys) -> rusqlite::Result<u32> {
    let select = "SELECT id, signs_from FROM receipt_keys ORDER BY signs_from DESC LIMIT 1";
    let newest: Option<(u8, i64)> =
        transaction.query_row(select, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let (id, signs_from) = match newest {
        None => (Some(0), now),
        Some((newest, began)) => {
            let ends = TimeMs(began).plus_days(RECEIPT_KEY_SIGNS_DAYS);
            let earliest = now.plus_ms(PUBLISHED_AHEAD_MS);
            if earliest < ends {
                return Ok(0);
            }
            (free_id_after(transaction, newest)?, ends.max(earliest))
        }
    };
    let Some(id) = id else { return Ok(0) };
    if let Some((newest, _)) = newest {
        let retire = "UPDATE receipt_keys SET retires_at = ?2 WHERE id = ?1";
        transaction.execute(retire, params![newest, signs_from.plus_days(CHECKED_AFTER_DAYS).0])?;
    }
    let insert = "INSERT INTO receipt_keys (id, secret, published_at, signs_from) VALUES (?1, ?2, ?3, ?4)";
    transaction.execute(insert, params![id, fresh.receipt, now.0, signs_from.0]).map(counted)
}

fn free_id_after(transaction: &Transaction<'_>, newest: u8) -> rusqlite::Result<Option<u8>> {
    let mut select = transaction.prepare_cached("SELECT 1 FROM receipt_keys WHERE id = ?1")?;
    for step in 1..ReceiptKeyId::COUNT {
        let id = (newest + step) % ReceiptKeyId::COUNT;
        if !select.exists([id])? {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

fn destroy(transaction: &Transaction<'_>, now: TimeMs) -> rusqlite::Result<u32> {
    let yesterday = TimeMs(now.0 - DAY_MS).day();
    let days = transaction.execute("DELETE FROM day_keys WHERE day < ?1", [yesterday.0])?;
    let receipts = transaction.execute("DELETE FROM receipt_keys WHERE retires_at <= ?1", [now.0])?;
    Ok(counted(days + receipts))
}

/// Empties the write-ahead log, which holds earlier states of pages. False where a reader is still on one.
fn wipe(connection: &Connection) -> rusqlite::Result<bool> {
    let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    Ok(busy == 0)
}

fn counted(rows: usize) -> u32 {
    u32::try_from(rows).unwrap_or(u32::MAX)
}
