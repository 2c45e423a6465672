mod customers;
pub(super) mod shared;
mod waiting;

use rules::effect::KeyTaken;
use rusqlite::{Connection, OptionalExtension, Transaction};
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
        if let Some(taken) = key_taken(&transaction, *key)? {
            fetched.keys.insert(*key, taken);
        }
    }
    for id in &needs.conversions {
        add_conversion(&transaction, *id, &mut fetched)?;
    }
    shared::fetch(&transaction, needs, &mut fetched)?;
    customers::fetch(&transaction, needs, &mut fetched)?;
    waiting::fetch(&transaction, needs, &mut fetched)?;
    Ok(fetched)
}

pub(super) fn key_taken(transaction: &Transaction<'_>, key: KeyHash) -> rusqlite::Result<Option<KeyTaken>> {
    let mut statement = transaction.prepare_cached(
        "SELECT company, conversion, event, body_hash FROM keys WHERE key_hash = ?1 AND length(conversion) > 0",
    )?;
    let taken = statement.query_row([wide(key.0)], |row| {
        Ok(KeyTaken {
            company: CompanyId(get_id(row, 0)?),
            conversion: ConversionId(get_wide(row, 1)?),
            event: EventId(get_wide(row, 2)?),
            body_hash: get_wide(row, 3)?,
        })
    });
    taken.optional()
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
