use deadpool_postgres::Transaction;
use schemas::{ids::ProgramId, terms::Terms};
use tokio_postgres::Row;

use crate::{
    StoreError,
    catalog::terms_cache::{self, TermsCache},
    postgres::{
        query,
        row::{int, unreadable},
    },
};

/// The newest version, beside a row of `companies`. Its columns are `terms_version` and `terms_body`.
pub(super) const NEWEST: &str = "CROSS JOIN LATERAL (SELECT version AS terms_version, body AS terms_body \
                                 FROM catalog.terms WHERE terms.program = companies.program \
                                 ORDER BY version DESC LIMIT 1) AS newest_terms";

/// Adds a version for good; false where there is one of this number.
pub(super) async fn add(transaction: &Transaction<'_>, terms: &Terms) -> Result<bool, StoreError> {
    let insert = "INSERT INTO catalog.terms (program, version, effective_from_ms, body) VALUES ($1, $2, $3, $4) \
                  ON CONFLICT DO NOTHING";
    let version =
        i32::try_from(terms.version).map_err(|_| StoreError::Corrupt("too many versions of terms".to_owned()))?;
    let body = terms_cache::write(terms)?;
    let added =
        query::execute(transaction, insert, &[&int(terms.program.0), &version, &terms.effective_from.0, &body]).await?;
    Ok(added == 1)
}

/// What stands in a row as a version and its body. Without a cache where it may not have been committed.
pub(super) fn read(
    cache: Option<&TermsCache>,
    row: &Row,
    program: ProgramId,
    [version_at, body_at]: [usize; 2],
) -> Result<Terms, StoreError> {
    let (version, body) = (version(row, version_at)?, row.try_get(body_at)?);
    match cache {
        Some(cache) => cache.read(program, version, body),
        None => terms_cache::parse(program, body),
    }
}

pub(super) fn version(row: &Row, column: usize) -> Result<u32, StoreError> {
    u32::try_from(row.try_get::<_, i32>(column)?).map_err(|_| unreadable(row, column, "no version"))
}
