//! How ids and hashes stand in SQLite: 64-bit ids as the integer of the same bits, 128-bit ones as 16 big-endian bytes.

use rusqlite::{Row, types::Type};
use schemas::CompactString;

pub(crate) fn int(id: u64) -> i64 {
    id.cast_signed()
}

pub(crate) fn wide(id: u128) -> [u8; 16] {
    id.to_be_bytes()
}

pub(crate) fn get_id(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

pub(crate) fn get_id_or_none(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    row.get::<_, Option<i64>>(column).map(|id| id.map(i64::cast_unsigned))
}

pub(crate) fn get_wide(row: &Row<'_>, column: usize) -> rusqlite::Result<u128> {
    row.get::<_, [u8; 16]>(column).map(u128::from_be_bytes)
}

pub(crate) fn get_text(row: &Row<'_>, column: usize) -> rusqlite::Result<CompactString> {
    Ok(row.get_ref(column)?.as_str()?.into())
}

pub(crate) fn get_text_or_none(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<CompactString>> {
    Ok(row.get_ref(column)?.as_str_or_null()?.map(CompactString::from))
}

/// What a stored column says that the program does not know.
pub(crate) fn unreadable(column: usize, what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Null, what.into())
}
