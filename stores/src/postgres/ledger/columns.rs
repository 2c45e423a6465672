//! How ids and the ledger's words stand in Postgres.

use std::error::Error;

use schemas::{
    accounts::{Account, TransferReason},
    conversion::{ReviewState, Settlement},
    decision::{EventKind, Outcome},
    hashes::KeyKind,
    money::Currency,
};
use tokio_postgres::{
    Row,
    types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked},
};

use crate::{
    StoreError,
    ledger::codes::{account_from, key_kind_code},
};

/// 128 bits as a uuid: sixteen bytes, compared as they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Wide(pub(super) u128);

impl ToSql for Wide {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(&self.0.to_be_bytes());
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::UUID
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Wide {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Wide, Box<dyn Error + Sync + Send>> {
        Ok(Wide(u128::from_be_bytes(raw.try_into()?)))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::UUID
    }
}

pub(super) fn int(id: u64) -> i64 {
    id.cast_signed()
}

/// Partitions, versions of terms and scores: all well below the sign.
pub(super) fn small(number: u32) -> i32 {
    number.cast_signed()
}

/// An offset as a bound: what is past Postgres' integers is past every record.
pub(super) fn bound(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

pub(super) fn row_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Postgres takes no U+0000 in a text.
pub(super) fn text(text: &str) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text.to_owned() }
}

pub(super) fn get_id(row: &Row, column: usize) -> Result<u64, StoreError> {
    Ok(row.try_get::<_, i64>(column)?.cast_unsigned())
}

pub(super) fn get_id_or_none(row: &Row, column: usize) -> Result<Option<u64>, StoreError> {
    Ok(row.try_get::<_, Option<i64>>(column)?.map(i64::cast_unsigned))
}

pub(super) fn get_wide(row: &Row, column: usize) -> Result<u128, StoreError> {
    Ok(row.try_get::<_, Wide>(column)?.0)
}

pub(super) fn get_wide_or_none(row: &Row, column: usize) -> Result<Option<u128>, StoreError> {
    Ok(row.try_get::<_, Option<Wide>>(column)?.map(|wide| wide.0))
}

pub(super) fn get_small(row: &Row, column: usize) -> Result<u32, StoreError> {
    Ok(row.try_get::<_, i32>(column)?.cast_unsigned())
}

/// A code of one byte.
pub(super) fn get_code(row: &Row, column: usize) -> Result<u8, StoreError> {
    u8::try_from(row.try_get::<_, i16>(column)?).map_err(|_| unreadable(row, column, "a known code"))
}

pub(super) fn get_code_or_none(row: &Row, column: usize) -> Result<Option<u8>, StoreError> {
    let code = row.try_get::<_, Option<i16>>(column)?;
    code.map(u8::try_from).transpose().map_err(|_| unreadable(row, column, "a known code"))
}

pub(super) fn get_key_kind(row: &Row, column: usize) -> Result<KeyKind, StoreError> {
    find(row, column, [KeyKind::Sale, KeyKind::Lead, KeyKind::Refund], key_kind_code)
}

pub(super) fn get_review(row: &Row, column: usize) -> Result<ReviewState, StoreError> {
    find(row, column, ReviewState::ALL, |review| review as u8)
}

pub(super) fn get_settlement(row: &Row, column: usize) -> Result<Settlement, StoreError> {
    find(row, column, Settlement::ALL, |settlement| settlement as u8)
}

pub(super) fn get_event_kind(row: &Row, column: usize) -> Result<EventKind, StoreError> {
    find(row, column, EventKind::ALL, |kind| kind as u8)
}

pub(super) fn get_reason(row: &Row, column: usize) -> Result<TransferReason, StoreError> {
    find(row, column, TransferReason::ALL, |reason| reason as u8)
}

pub(super) fn get_outcome(row: &Row, column: usize) -> Result<Outcome, StoreError> {
    find(row, column, Outcome::ALL, |outcome| outcome as u8)
}

/// The one of `all` whose code the column holds.
fn find<T: Copy, const N: usize>(row: &Row, column: usize, all: [T; N], code: fn(T) -> u8) -> Result<T, StoreError> {
    let stored = get_code(row, column)?;
    all.into_iter().find(|one| code(*one) == stored).ok_or_else(|| unreadable(row, column, "a known code"))
}

pub(super) fn get_currency(row: &Row, column: usize) -> Result<Currency, StoreError> {
    Currency::parse(row.try_get(column)?).map_err(|_| unreadable(row, column, "a currency"))
}

/// From three columns next to each other: kind, company, partner.
pub(super) fn get_account(row: &Row, column: usize) -> Result<Account, StoreError> {
    let (company, partner) = (get_id(row, column + 1)?, get_id(row, column + 2)?);
    account_from(get_code(row, column)?, company, partner).ok_or_else(|| unreadable(row, column, "an account"))
}

/// What a stored column says that the program does not know.
pub(super) fn unreadable(row: &Row, column: usize, what: &str) -> StoreError {
    let name = row.columns().get(column).map_or("?", |column| column.name());
    StoreError::Corrupt(format!("column {name} holds what is not {what}"))
}
