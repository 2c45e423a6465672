mod customers;
pub(super) mod shared;
mod waiting;

use rules::effect::KeyTaken;
use rusqlite::{Connection, OptionalExtension, Row, Transaction};
use schemas::{
    hashes::KeyHash,
    ids::{CompanyId, ConversionId, EventId},
};

use super::conversion_row;
use crate::{
    StoreError,
    ledger::{LedgerFetched, LedgerNeeds},
    sqlite::row::{get_id, get_wide, wide},
};
pub(super) use customers::recent_values;

/// Point look-ups in the order of their keys, all of one state.
pub(super) fn fetch(connection: &mut Connection, needs: &LedgerNeeds) -> Result<LedgerFetched, StoreError> {
    let transaction = connection.transaction()?;
    let mut fetched = LedgerFetched::default();
    for key in &needs.keys {
        let (taken, version) = key_row(&transaction, *key)?;
        fetched.keys.extend(taken.map(|taken| (*key, taken)));
        fetched.versions.keys.insert(*key, version);
    }
    for id in &needs.conversions {
        add_conversion(&transaction, *id, &mut fetched)?;
    }
    shared::fetch(&transaction, needs, &mut fetched)?;
    customers::fetch(&transaction, needs, &mut fetched)?;
    waiting::fetch(&transaction, needs, &mut fetched)?;
    Ok(fetched)
}

/// What it was taken by, none where it is free, and how often that has changed.
pub(super) fn key_row(transaction: &Transaction<'_>, key: KeyHash) -> rusqlite::Result<(Option<KeyTaken>, u64)> {
    let mut statement = transaction.prepare_cached(
        "SELECT version, length(conversion) > 0, company, conversion, event, body_hash FROM keys WHERE key_hash = ?1",
    )?;
    let row = statement.query_row([wide(key.0)], |row| {
        let is_taken: bool = row.get(1)?;
        Ok((is_taken.then(|| read_key_taken(row)).transpose()?, get_id(row, 0)?))
    });
    Ok(row.optional()?.unwrap_or_default())
}

fn read_key_taken(row: &Row<'_>) -> rusqlite::Result<KeyTaken> {
    Ok(KeyTaken {
        company: CompanyId(get_id(row, 2)?),
        conversion: ConversionId(get_wide(row, 3)?),
        event: EventId(get_wide(row, 4)?),
        body_hash: get_wide(row, 5)?,
    })
}

fn add_conversion(
    transaction: &Transaction<'_>,
    id: ConversionId,
    fetched: &mut LedgerFetched,
) -> Result<(), StoreError> {
    if !fetched.conversions.contains_key(&id)
        && let Some(conversion) = conversion_row::find(transaction, id)?
    {
        fetched.conversions.insert(id, conversion);
    }
    Ok(())
}
