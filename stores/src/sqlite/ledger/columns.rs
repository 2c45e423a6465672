//! How the ledger's words stand in columns.

use rules::known::Ident;
use rusqlite::Row;
use schemas::{
    accounts::{Account, AccountKind, TransferReason},
    conversion::{ReviewState, Settlement},
    decision::{EventKind, Outcome},
    hashes::{CustomerHash, EmailHash, KeyKind},
    ids::{CompanyId, PartnerId},
    money::Currency,
};

use crate::sqlite::row::{get_id, int, unreadable};

/// An offset as a bound: what is past SQLite's integers is past every record.
pub(super) fn bound(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

pub(super) fn row_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(super) fn key_kind_code(kind: KeyKind) -> u8 {
    match kind {
        KeyKind::Sale => 1,
        KeyKind::Lead => 2,
        KeyKind::Refund => 3,
    }
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

/// Kind, company and partner; 0 stands for no partner, and the kind says whether there is one.
pub(super) fn account_columns(account: Account) -> (u8, i64, i64) {
    (account.kind() as u8, int(account.company().0), int(account.partner().map_or(0, |partner| partner.0)))
}

/// From three columns next to each other: kind, company, partner.
pub(super) fn get_account(row: &Row<'_>, column: usize) -> rusqlite::Result<Account> {
    const OF_PARTNERS: [u8; 3] =
        [AccountKind::PartnerPending as u8, AccountKind::PartnerAvailable as u8, AccountKind::PartnerPaid as u8];
    let kind = row.get(column)?;
    let partner = if OF_PARTNERS.contains(&kind) { Some(PartnerId(get_id(row, column + 2)?)) } else { None };
    Account::from_parts(kind, CompanyId(get_id(row, column + 1)?), partner)
        .ok_or_else(|| unreadable(column, "an account"))
}

pub(super) const IDENT_BYTES: usize = 17;

pub(super) fn ident_bytes(ident: Ident) -> [u8; IDENT_BYTES] {
    let (kind, hash) = match ident {
        Ident::Customer(hash) => (1, hash.0),
        Ident::Email(hash) => (2, hash.0),
    };
    let mut bytes = [kind; IDENT_BYTES];
    bytes[1..].copy_from_slice(&hash.to_be_bytes());
    bytes
}

pub(super) fn ident_from(bytes: &[u8]) -> Option<Ident> {
    let (kind, hash) = bytes.split_first()?;
    let hash = u128::from_be_bytes(hash.try_into().ok()?);
    match kind {
        1 => Some(Ident::Customer(CustomerHash(hash))),
        2 => Some(Ident::Email(EmailHash(hash))),
        _ => None,
    }
}
