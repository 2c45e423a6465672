use rules::effect::KeyTaken;
use rusqlite::Transaction;
use schemas::hashes::KeyHash;

use crate::{
    ledger::{CommitError, SharedRow},
    sqlite::{
        ledger::fetch::key_row,
        row::{int, wide},
    },
};

/// Takes a free key. Taken by the same conversion before, it stays as it is; by another, the batch was decided on less than is known.
pub(super) fn take(transaction: &Transaction<'_>, key: KeyHash, taken: &KeyTaken) -> Result<(), CommitError> {
    let mut insert = transaction
        .prepare_cached(
            "INSERT INTO keys (key_hash, company, conversion, event, body_hash) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET company = excluded.company, conversion = excluded.conversion, event = excluded.event,
                 body_hash = excluded.body_hash, version = version + 1 WHERE length(keys.conversion) = 0",
        )?;
    let inserted = insert.execute((
        wide(key.0),
        int(taken.company.0),
        wide(taken.conversion.0),
        wide(taken.event.0),
        wide(taken.body_hash),
    ))?;
    if inserted == 1 {
        return Ok(());
    }
    match key_row(transaction, key)?.0 {
        Some(before) if before.conversion != taken.conversion => Err(CommitError::Conflict(SharedRow::Key(key))),
        _ => Ok(()),
    }
}

pub(super) fn free(transaction: &Transaction<'_>, key: KeyHash) -> rusqlite::Result<()> {
    let mut free = transaction.prepare_cached(
        "UPDATE keys SET conversion = x'', event = x'', body_hash = x'', version = version + 1 WHERE key_hash = ?1",
    )?;
    free.execute([wide(key.0)]).map(drop)
}
