use deadpool_postgres::{Client, Transaction};
use schemas::time::{DAY_MS, Day, TimeMs};
use tokio_postgres::error::SqlState;

use super::{PostgresCatalog, magic_links, receipt_keys, sessions};
use crate::{
    StoreError,
    catalog::{DayKey, DayKeys, FreshKeys, Rotated},
    postgres::{query, row::get_bytes},
};

/// Held by whoever rotates, so that all processes find what the first one made.
const ROTATE_LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended('refmill rotates keys', 0))";

/// How long a rewrite of the day keys waits for their readers, who wait behind it meanwhile. A dump of the database may hold it off.
const REWRITE_WAIT: &str = "SET LOCAL lock_timeout = '500ms'";

impl PostgresCatalog {
    /// One statement outside a transaction: its snapshot is taken after it waited for a rewrite, and never shows the table empty.
    pub(crate) async fn day_keys(&self, now: TimeMs) -> Result<DayKeys, StoreError> {
        let today = now.day().0;
        let read = async |client: &Client| {
            let select = "SELECT day, secret FROM catalog.day_keys WHERE day BETWEEN $1 AND $2 ORDER BY day";
            let rows = query::all(client, select, &[&(today - 1), &(today + 1)]).await?;
            let keys = rows.iter().map(|row| Ok(DayKey { day: Day(row.try_get(0)?), secret: get_bytes(row, 1)? }));
            Ok(DayKeys { keys: keys.collect::<Result<_, StoreError>>()? })
        };
        self.run(read).await
    }

    pub(crate) async fn rotate_keys(&self, now: TimeMs, fresh: FreshKeys) -> Result<Rotated, StoreError> {
        let rotate = async |transaction: &Transaction<'_>| {
            query::execute(transaction, ROTATE_LOCK, &[]).await?;
            let made = make_day_keys(transaction, now, &fresh).await?
                + receipt_keys::make(transaction, now, fresh.receipt).await?;
            let destroyed =
                receipt_keys::destroy(transaction, now).await? + magic_links::expire(transaction, now).await?;
            sessions::expire(transaction, now).await?;
            Ok::<_, StoreError>((made, destroyed))
        };
        let (made, destroyed) = self.write(rotate).await?;
        let days = self.write(async |transaction: &Transaction<'_>| destroy_day_keys(transaction, now).await).await;
        match days {
            Ok(days) => Ok(Rotated { made, destroyed: destroyed + days, wiped: true }),
            Err(StoreError::Postgres(error)) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                Ok(Rotated { made, destroyed, wiped: false })
            }
            Err(error) => Err(error),
        }
    }
}

/// A key that is there stays: what another process made under the lock is everybody's.
async fn make_day_keys(transaction: &Transaction<'_>, now: TimeMs, fresh: &FreshKeys) -> Result<u32, StoreError> {
    let today = now.day().0;
    let insert = "INSERT INTO catalog.day_keys (day, secret) VALUES ($1, $2), ($3, $4) ON CONFLICT DO NOTHING";
    let (today_key, tomorrow_key) = (&fresh.today[..], &fresh.tomorrow[..]);
    let made = query::execute(transaction, insert, &[&today, &today_key, &(today + 1), &tomorrow_key]).await?;
    Ok(counted(made))
}

/// Destroys the keys of days past by writing those that stay into a new file. The old one is cut to nothing at the commit: a row
/// that is only deleted would stay in its page until something overwrites it. The table is unlogged, so no other file has it.
async fn destroy_day_keys(transaction: &Transaction<'_>, now: TimeMs) -> Result<u32, StoreError> {
    let yesterday = TimeMs(now.0 - DAY_MS).day().0;
    query::execute(transaction, ROTATE_LOCK, &[]).await?;
    let due = "SELECT 1 FROM catalog.day_keys WHERE day < $1 LIMIT 1";
    if query::one_or_none(transaction, due, &[&yesterday]).await?.is_none() {
        return Ok(0);
    }
    transaction.batch_execute(REWRITE_WAIT).await?;
    transaction.batch_execute("LOCK TABLE catalog.day_keys IN ACCESS EXCLUSIVE MODE").await?;
    let all = query::all(transaction, "SELECT day, secret FROM catalog.day_keys", &[]).await?;
    transaction.batch_execute("TRUNCATE catalog.day_keys").await?;
    let mut destroyed = 0;
    for row in &all {
        let (day, secret): (i32, &[u8]) = (row.try_get(0)?, row.try_get(1)?);
        if day < yesterday {
            destroyed += 1;
            continue;
        }
        let keep = "INSERT INTO catalog.day_keys (day, secret) VALUES ($1, $2)";
        query::execute(transaction, keep, &[&day, &secret]).await?;
    }
    Ok(destroyed)
}

pub(super) fn counted(rows: u64) -> u32 {
    u32::try_from(rows).unwrap_or(u32::MAX)
}
