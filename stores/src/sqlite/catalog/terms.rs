use rusqlite::{Transaction, params};
use schemas::{ids::ProgramId, terms::Terms};

use crate::{StoreError, sqlite::row::int};

/// Adds a version for good.
pub(super) fn add(transaction: &Transaction<'_>, terms: &Terms) -> Result<(), StoreError> {
    let body =
        serde_json::to_string(terms).map_err(|why| StoreError::Corrupt(format!("terms cannot be written: {why}")))?;
    let insert = "INSERT INTO terms (program, version, effective_from_ms, body) VALUES (?1, ?2, ?3, ?4)";
    let values = params![int(terms.program.0), terms.version, terms.effective_from.0, body];
    transaction.prepare_cached(insert)?.execute(values)?;
    Ok(())
}

pub(super) fn newest(transaction: &Transaction<'_>, program: ProgramId) -> Result<Terms, StoreError> {
    let select = "SELECT body FROM terms WHERE program = ?1 ORDER BY version DESC LIMIT 1";
    let body: String = transaction.prepare_cached(select)?.query_row([int(program.0)], |row| row.get(0))?;
    parse(program, &body)
}

/// All versions, oldest first.
pub(super) fn all(transaction: &Transaction<'_>, program: ProgramId) -> Result<Vec<Terms>, StoreError> {
    let mut select = transaction.prepare_cached("SELECT body FROM terms WHERE program = ?1 ORDER BY version")?;
    let bodies = select.query_map([int(program.0)], |row| row.get::<_, String>(0))?;
    bodies.map(|body| parse(program, &body?)).collect()
}

fn parse(program: ProgramId, body: &str) -> Result<Terms, StoreError> {
    serde_json::from_str(body).map_err(|why| StoreError::Corrupt(format!("terms of {program}: {why}")))
}
