use deadpool_postgres::{Client, Transaction};
use schemas::{
    receipt::{ReceiptKey, ReceiptKeyId},
    time::TimeMs,
};
use tokio_postgres::Row;

use super::{PostgresCatalog, keys::counted};
use crate::{
    StoreError,
    catalog::{CHECKED_AFTER_DAYS, PUBLISHED_AHEAD_MS, PublishedReceiptKey, RECEIPT_KEY_SIGNS_DAYS, ReceiptKeys},
    postgres::{
        query,
        row::{get_bytes, unreadable},
    },
};

const ALL: &str = "SELECT id, secret, published_at, signs_from FROM catalog.receipt_keys ORDER BY signs_from";

impl PostgresCatalog {
    pub(crate) async fn receipt_keys(&self) -> Result<ReceiptKeys, StoreError> {
        let read = async |client: &Client| {
            let rows = query::all(client, ALL, &[]).await?;
            Ok(ReceiptKeys { keys: rows.iter().map(published).collect::<Result<_, _>>()? })
        };
        self.run(read).await
    }
}

fn published(row: &Row) -> Result<PublishedReceiptKey, StoreError> {
    let id = u8::try_from(row.try_get::<_, i16>(0)?).map_err(|_| unreadable(row, 0, "no id of a receipt key"))?;
    Ok(PublishedReceiptKey {
        key: ReceiptKey { id: ReceiptKeyId(id), secret: get_bytes(row, 1)? },
        published_at: TimeMs(row.try_get(2)?),
        signs_from: TimeMs(row.try_get(3)?),
    })
}

/// Publishes the next key a day before it signs; the first one signs at once, as nobody could know it before. Whoever calls it
/// rotates alone.
pub(super) async fn make(transaction: &Transaction<'_>, now: TimeMs, secret: [u8; 16]) -> Result<u32, StoreError> {
    let rows = query::all(transaction, ALL, &[]).await?;
    let there = rows.iter().map(published).collect::<Result<Vec<_>, _>>()?;
    let (id, signs_from) = match there.last() {
        None => (Some(0), now),
        Some(newest) => {
            let ends = newest.signs_from.plus_days(RECEIPT_KEY_SIGNS_DAYS);
            let earliest = now.plus_ms(PUBLISHED_AHEAD_MS);
            if earliest < ends {
                return Ok(0);
            }
            (free_id_after(&there, newest.key.id), ends.max(earliest))
        }
    };
    let Some(id) = id else { return Ok(0) };
    if let Some(newest) = there.last() {
        let retire = "UPDATE catalog.receipt_keys SET retires_at = $2 WHERE id = $1";
        let retires_at = signs_from.plus_days(CHECKED_AFTER_DAYS).0;
        query::execute(transaction, retire, &[&i16::from(newest.key.id.0), &retires_at]).await?;
    }
    let insert = "INSERT INTO catalog.receipt_keys (id, secret, published_at, signs_from) VALUES ($1, $2, $3, $4)";
    let made = query::execute(transaction, insert, &[&i16::from(id), &&secret[..], &now.0, &signs_from.0]).await?;
    Ok(counted(made))
}

fn free_id_after(there: &[PublishedReceiptKey], newest: ReceiptKeyId) -> Option<u8> {
    let ids = (1..ReceiptKeyId::COUNT).map(|step| (newest.0 + step) % ReceiptKeyId::COUNT);
    ids.into_iter().find(|id| there.iter().all(|published| published.key.id.0 != *id))
}

pub(super) async fn destroy(transaction: &Transaction<'_>, now: TimeMs) -> Result<u32, StoreError> {
    let delete = "DELETE FROM catalog.receipt_keys WHERE retires_at <= $1";
    Ok(counted(query::execute(transaction, delete, &[&now.0]).await?))
}
