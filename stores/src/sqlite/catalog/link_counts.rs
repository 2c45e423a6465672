use rusqlite::{OptionalExtension as _, Transaction, params};
use schemas::{
    ids::{CompanyId, PartnerId},
    time::TimeMs,
};

use super::SqliteCatalog;
use crate::{
    StoreError,
    catalog::LinksOf,
    sqlite::row::{get_id, int},
};

impl SqliteCatalog {
    pub(crate) async fn partner_count(&self, company: CompanyId) -> Result<u64, StoreError> {
        let count = move |transaction: &Transaction<'_>| {
            let select = "SELECT partners FROM link_counts WHERE company = ?1";
            let found =
                transaction.prepare_cached(select)?.query_row([int(company.0)], |row| get_id(row, 0)).optional()?;
            Ok(found.unwrap_or(0))
        };
        self.readers.read(count).await
    }
}

pub(super) fn of(transaction: &Transaction<'_>, owner: LinksOf) -> rusqlite::Result<u64> {
    let select = match owner {
        LinksOf::Company(_) => "SELECT coalesce(sum(links), 0) FROM link_counts WHERE company = ?1",
        LinksOf::Partner(_) => "SELECT coalesce(sum(links), 0) FROM partnerships WHERE partner = ?1",
    };
    transaction.prepare_cached(select)?.query_row([int(owner.id())], |row| get_id(row, 0))
}

pub(super) fn has_link(
    transaction: &Transaction<'_>,
    partner: PartnerId,
    company: CompanyId,
) -> rusqlite::Result<bool> {
    let select = "SELECT 1 FROM partnerships WHERE partner = ?1 AND company = ?2";
    transaction.prepare_cached(select)?.exists(params![int(partner.0), int(company.0)])
}

/// Counts one more link; a partner counts with its first one in the company.
pub(super) fn add(
    transaction: &Transaction<'_>,
    partner: PartnerId,
    company: CompanyId,
    now: TimeMs,
) -> rusqlite::Result<()> {
    let insert = "INSERT INTO partnerships (partner, company, links, joined_at) VALUES (?1, ?2, 1, ?3) \
                  ON CONFLICT DO UPDATE SET links = links + 1, joined_at = min(joined_at, excluded.joined_at) \
                  RETURNING links = 1";
    let is_first: bool = transaction
        .prepare_cached(insert)?
        .query_row(params![int(partner.0), int(company.0), now.0], |row| row.get(0))?;
    let insert = "INSERT INTO link_counts (company, links, partners) VALUES (?1, 1, ?2) \
                  ON CONFLICT DO UPDATE SET links = links + 1, partners = partners + excluded.partners";
    transaction.prepare_cached(insert)?.execute(params![int(company.0), is_first]).map(drop)
}
