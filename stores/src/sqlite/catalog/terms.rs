use rusqlite::{Transaction, params};
use schemas::{ids::ProgramId, terms::Terms};

use crate::{
    StoreError,
    catalog::terms_cache::{self, TermsCache},
    sqlite::row::int,
};

/// Adds a version for good.
pub(super) fn add(transaction: &Transaction<'_>, terms: &Terms) -> Result<(), StoreError> {
    let insert = "INSERT INTO terms (program, version, effective_from_ms, body) VALUES (?1, ?2, ?3, ?4)";
    let values = params![int(terms.program.0), terms.version, terms.effective_from.0, terms_cache::write(terms)?];
    transaction.prepare_cached(insert)?.execute(values)?;
    Ok(())
}

pub(super) fn newest(transaction: &Transaction<'_>, program: ProgramId) -> Result<Terms, StoreError> {
    let select = "SELECT body FROM terms WHERE program = ?1 ORDER BY version DESC LIMIT 1";
    let body: String = transaction.prepare_cached(select)?.query_row([int(program.0)], |row| row.get(0))?;
    terms_cache::parse(program, &body)
}

/// All versions, oldest first.
pub(super) fn all(
    transaction: &Transaction<'_>,
    cache: &TermsCache,
    program: ProgramId,
) -> Result<Vec<Terms>, StoreError> {
    let mut select =
        transaction.prepare_cached("SELECT version, body FROM terms WHERE program = ?1 ORDER BY version")?;
    let mut found = select.query([int(program.0)])?;
    let mut versions = Vec::new();
    while let Some(row) = found.next()? {
        let body = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        versions.push(cache.read(program, row.get(0)?, body)?);
    }
    Ok(versions)
}
