//! How the ledger's words stand in columns.

use rusqlite::Row;
use schemas::{
    accounts::{Account, TransferReason},
    conversion::{ReviewState, Settlement},
    decision::{EventKind, Outcome},
    hashes::KeyKind,
    money::Currency,
};

pub(super) use crate::ledger::codes::{IDENT_BYTES, account_columns, ident_bytes, ident_from, key_kind_code};
use crate::{
    ledger::codes::account_from,
    sqlite::row::{get_id, unreadable},
};

/// An offset as a bound: what is past SQLite's integers is past every record.
pub(super) fn bound(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

pub(super) fn row_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(super) fn get_key_kind(row: &Row<'_>, column: usize) -> rusqlite::Result<KeyKind> {
    find(row, column, [KeyKind::Sale, KeyKind::Lead, KeyKind::Refund], key_kind_code)
}

pub(super) fn get_review(row: &Row<'_>, column: usize) -> rusqlite::Result<ReviewState> {
    find(row, column, ReviewState::ALL, |review| review as u8)
}

pub(super) fn get_settlement(row: &Row<'_>, column: usize) -> rusqlite::Result<Settlement> {
    find(row, column, Settlement::ALL, |settlement| settlement as u8)
}

pub(super) fn get_event_kind(row: &Row<'_>, column: usize) -> rusqlite::Result<EventKind> {
    find(row, column, EventKind::ALL, |kind| kind as u8)
}

pub(super) fn get_reason(row: &Row<'_>, column: usize) -> rusqlite::Result<TransferReason> {
    find(row, column, TransferReason::ALL, |reason| reason as u8)
}

pub(super) fn get_outcome(row: &Row<'_>, column: usize) -> rusqlite::Result<Outcome> {
    find(row, column, Outcome::ALL, |outcome| outcome as u8)
}

/// The one of `all` whose code the column holds.
pub(super) fn find<T: Copy, const N: usize>(
    row: &Row<'_>,
    column: usize,
    all: [T; N],
    code: fn(T) -> u8,
) -> rusqlite::Result<T> {
    let stored: u8 = row.get(column)?;
    all.into_iter().find(|one| code(*one) == stored).ok_or_else(|| unreadable(column, "a known code"))
}

pub(super) fn get_currency(row: &Row<'_>, column: usize) -> rusqlite::Result<Currency> {
    let code = row.get_ref(column)?.as_str()?;
    Currency::parse(code).map_err(|_| unreadable(column, "a currency"))
}

/// From three columns next to each other: kind, company, partner.
pub(super) fn get_account(row: &Row<'_>, column: usize) -> rusqlite::Result<Account> {
    let (company, partner) = (get_id(row, column + 1)?, get_id(row, column + 2)?);
    account_from(row.get(column)?, company, partner).ok_or_else(|| unreadable(column, "an account"))
}
