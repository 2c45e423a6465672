//! How ids and hashes stand in Postgres: 64-bit ids as the bigint of the same bits, 128-bit ones as 16 big-endian bytes.

use tokio_postgres::Row;

use crate::StoreError;

pub(crate) fn int(id: u64) -> i64 {
    id.cast_signed()
}

pub(crate) fn wide(id: u128) -> Vec<u8> {
    id.to_be_bytes().to_vec()
}

pub(crate) fn get_id(row: &Row, column: usize) -> Result<u64, StoreError> {
    Ok(row.try_get::<_, i64>(column)?.cast_unsigned())
}

pub(crate) fn get_wide(row: &Row, column: usize) -> Result<u128, StoreError> {
    get_bytes(row, column).map(u128::from_be_bytes)
}

pub(crate) fn get_bytes<const N: usize>(row: &Row, column: usize) -> Result<[u8; N], StoreError> {
    let bytes: &[u8] = row.try_get(column)?;
    bytes.try_into().map_err(|_| unreadable(row, column, "another length than it must have"))
}

/// What a stored column says that the program does not know.
pub(crate) fn unreadable(row: &Row, column: usize, what: &str) -> StoreError {
    let name = row.columns().get(column).map_or("?", |column| column.name());
    StoreError::Corrupt(format!("column {name}: {what}"))
}
