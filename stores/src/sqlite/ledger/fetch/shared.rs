use rules::known::Ident;
use rusqlite::{OptionalExtension, Transaction};
use schemas::{
    hashes::KeyHash,
    ids::{CompanyId, ProgramId},
    money::Currency,
};

use crate::{
    StoreError,
    ledger::{LedgerFetched, LedgerNeeds},
    sqlite::{
        ledger::columns::ident_bytes,
        row::{get_id, int, wide},
    },
};

/// What is spent of budgets, and how often each of their rows has changed.
pub(super) fn fetch(
    transaction: &Transaction<'_>,
    needs: &LedgerNeeds,
    fetched: &mut LedgerFetched,
) -> Result<(), StoreError> {
    let versions = &mut fetched.versions;
    for (program, currency) in &needs.budgets {
        let mut spent =
            transaction.prepare_cached("SELECT spent_minor FROM budgets WHERE program = ?1 AND currency = ?2")?;
        if let Some(spent_minor) = spent.query_row((int(program.0), currency.code()), |row| row.get(0)).optional()? {
            fetched.budgets.insert((*program, *currency), spent_minor);
        }
        versions.budgets.insert((*program, *currency), budget_version(transaction, *program, *currency)?);
    }
    Ok(())
}

pub(in crate::sqlite::ledger) fn key_version(transaction: &Transaction<'_>, key: KeyHash) -> rusqlite::Result<u64> {
    let mut version = transaction.prepare_cached("SELECT version FROM keys WHERE key_hash = ?1")?;
    Ok(version.query_row([wide(key.0)], |row| get_id(row, 0)).optional()?.unwrap_or(0))
}

pub(in crate::sqlite::ledger) fn ident_version(
    transaction: &Transaction<'_>,
    company: CompanyId,
    ident: Ident,
) -> rusqlite::Result<u64> {
    let mut version = transaction.prepare_cached("SELECT version FROM idents WHERE company = ?1 AND ident = ?2")?;
    Ok(version.query_row((int(company.0), ident_bytes(ident)), |row| get_id(row, 0)).optional()?.unwrap_or(0))
}

pub(in crate::sqlite::ledger) fn budget_version(
    transaction: &Transaction<'_>,
    program: ProgramId,
    currency: Currency,
) -> rusqlite::Result<u64> {
    let mut version = transaction.prepare_cached("SELECT version FROM budgets WHERE program = ?1 AND currency = ?2")?;
    Ok(version.query_row((int(program.0), currency.code()), |row| get_id(row, 0)).optional()?.unwrap_or(0))
}
