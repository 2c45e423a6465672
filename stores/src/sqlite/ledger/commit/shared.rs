//! Rows that several partitions write: a batch is committed on them only as it knew them.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, Transaction};
use schemas::hashes::KeyHash;

use crate::{
    ledger::{CommitError, SharedRow, Versions},
    sqlite::{
        ledger::{columns::bound, fetch::shared},
        row::wide,
    },
};

/// The first row, keys before identifiers before budgets, that is not as it was looked up.
pub(super) fn check(transaction: &Transaction<'_>, relied_on: &Versions) -> Result<(), CommitError> {
    for (key, version) in &relied_on.keys {
        expect(shared::key_version(transaction, *key)?, *version, SharedRow::Key(*key))?;
    }
    for ((company, ident), version) in &relied_on.idents {
        let row = SharedRow::Ident(*company, *ident);
        expect(shared::ident_version(transaction, *company, *ident)?, *version, row)?;
    }
    for ((program, currency), version) in &relied_on.budgets {
        let row = SharedRow::Budget(*program, *currency);
        expect(shared::budget_version(transaction, *program, *currency)?, *version, row)?;
    }
    Ok(())
}

fn expect(found: u64, looked_up: u64, row: SharedRow) -> Result<(), CommitError> {
    if found == looked_up { Ok(()) } else { Err(CommitError::Conflict(row)) }
}

/// A batch that found a key free and left it so, as one does that refuses a sale, has relied on that: who found it free too
/// must look again.
pub(super) fn hold_free_keys(
    transaction: &Transaction<'_>,
    relied_on: &Versions,
    taken: &BTreeSet<KeyHash>,
) -> rusqlite::Result<()> {
    for (key, version) in relied_on.keys.iter().filter(|(key, _)| !taken.contains(key)) {
        let named: Option<bool> = transaction
            .prepare_cached("SELECT length(conversion) > 0 FROM keys WHERE key_hash = ?1")?
            .query_row([wide(key.0)], |row| row.get(0))
            .optional()?;
        if named != Some(true) {
            let mut hold = transaction.prepare_cached(
                "INSERT INTO keys (key_hash, company, conversion, event, body_hash, version) VALUES (?1, 0, x'', x'', x'', ?2 + 1)
                 ON CONFLICT DO UPDATE SET version = version + 1",
            )?;
            hold.execute((wide(key.0), bound(*version)))?;
        }
    }
    Ok(())
}
