use deadpool_postgres::{Client, Transaction};
use schemas::ids::{CompanyId, PartnerId};

use super::PostgresCatalog;
use crate::{
    StoreError,
    catalog::LinksOf,
    postgres::{
        query,
        row::{get_id, int},
    },
};

impl PostgresCatalog {
    pub(crate) async fn partner_count(&self, company: CompanyId) -> Result<u64, StoreError> {
        let count = async |client: &Client| {
            let select = "SELECT partners FROM catalog.link_counts WHERE company = $1";
            let found = query::one_or_none(client, select, &[&int(company.0)]).await?;
            found.map_or(Ok(0), |row| get_id(&row, 0))
        };
        self.run(count).await
    }
}

pub(super) async fn of(client: &Client, owner: LinksOf) -> Result<u64, StoreError> {
    let select = match owner {
        LinksOf::Company(_) => "SELECT coalesce(sum(links), 0)::bigint FROM catalog.link_counts WHERE company = $1",
        LinksOf::Partner(_) => "SELECT coalesce(sum(links), 0)::bigint FROM catalog.partnerships WHERE partner = $1",
    };
    get_id(&query::one(client, select, &[&int(owner.id())]).await?, 0)
}

/// To be asked under the partner's lock.
pub(super) async fn has_link(
    transaction: &Transaction<'_>,
    partner: PartnerId,
    company: i64,
) -> Result<bool, StoreError> {
    let select = "SELECT 1 FROM catalog.partnerships WHERE partner = $1 AND company = $2";
    Ok(query::one_or_none(transaction, select, &[&int(partner.0), &company]).await?.is_some())
}

/// Makes a link whose code and id are free, and counts it; a partner counts with its first link in the company.
///
/// It waits for whoever is taking the same code (the id is made of the code, so either index may find it first), and for whoever
/// makes another link of the company, whose count stays locked to the commit.
pub(super) const MAKE: &str = "WITH made AS ( \
       INSERT INTO catalog.links (id, code_folded, code, company, program, partner, destination, created_at) \
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING partner, company, created_at), \
     counted AS ( \
       INSERT INTO catalog.partnerships AS known (partner, company, links, joined_at) \
       SELECT partner, company, 1, created_at FROM made \
       ON CONFLICT (partner, company) \
         DO UPDATE SET links = known.links + 1, joined_at = least(known.joined_at, excluded.joined_at) \
       RETURNING company, links) \
     INSERT INTO catalog.link_counts AS known (company, links, partners) \
     SELECT company, 1, CASE links WHEN 1 THEN 1 ELSE 0 END FROM counted \
     ON CONFLICT (company) DO UPDATE SET links = known.links + 1, partners = known.partners + excluded.partners";
