use std::collections::HashMap;

use deadpool_postgres::Client;
use schemas::{
    catalog::PartnerRow,
    hashes::EmailHash,
    ids::{KeyId, PartnerId, ProgramId},
    terms::Terms,
    time::TimeMs,
};
use tokio_postgres::Row;

use super::{
    PostgresCatalog,
    rows::{LINK_COLUMNS, link_row},
    terms,
};
use crate::{
    StoreError,
    catalog::{DecisionKeys, DecisionRows, terms_cache::TermsCache},
    postgres::{
        query,
        row::{get_id, get_wide, int},
    },
};

const PARTNERS: &str = "SELECT id, email_hash FROM catalog.partners WHERE id IN \
                        (SELECT unnest($1::bigint[]) UNION SELECT partner FROM catalog.links WHERE id = ANY($2)) ORDER BY id";
const VERSIONS: &str = "SELECT program, version FROM catalog.terms WHERE program IN \
                        (SELECT unnest($1::bigint[]) UNION SELECT program FROM catalog.links WHERE id = ANY($2)) \
                        ORDER BY program, version";
const BODIES: &str = "SELECT terms.program, terms.version, body FROM catalog.terms \
                      JOIN unnest($1::bigint[], $2::integer[]) AS wanted (program, version) \
                      ON wanted.program = terms.program AND wanted.version = terms.version";
const REVOKED: &str = "SELECT id, revoked_at FROM catalog.credentials WHERE id = ANY($1) AND revoked_at IS NOT NULL";

impl PostgresCatalog {
    /// One round trip, and a second for terms that this process has not read yet. What a link names is asked for after the links
    /// and never deleted, so it is there.
    pub(crate) async fn decision_rows(&self, wanted: DecisionKeys) -> Result<DecisionRows, StoreError> {
        self.run(async |client: &Client| read(client, &self.terms, &wanted).await).await
    }
}

async fn read(client: &Client, cache: &TermsCache, wanted: &DecisionKeys) -> Result<DecisionRows, StoreError> {
    let links: Vec<i64> = wanted.links.iter().map(|id| int(id.0)).collect();
    let programs: Vec<i64> = wanted.programs.iter().map(|id| int(id.0)).collect();
    let partners: Vec<i64> = wanted.partners.iter().map(|id| int(id.0)).collect();
    let keys: Vec<i64> = wanted.keys.iter().map(|id| int(id.0)).collect();
    let select_links = format!("SELECT {LINK_COLUMNS} FROM catalog.links WHERE id = ANY($1) ORDER BY id");
    let of_links: query::Values<'_> = &[&links];
    let of_partners: query::Values<'_> = &[&partners, &links];
    let of_programs: query::Values<'_> = &[&programs, &links];
    let of_keys: query::Values<'_> = &[&keys];
    let (links, partners, versions, revoked) = tokio::try_join!(
        query::all(client, &select_links, of_links),
        query::all(client, PARTNERS, of_partners),
        query::all(client, VERSIONS, of_programs),
        query::all(client, REVOKED, of_keys),
    )?;
    Ok(DecisionRows {
        links: links.iter().map(link_row).collect::<Result<_, _>>()?,
        partners: partners.iter().map(partner_row).collect::<Result<_, _>>()?,
        revoked: revoked.iter().map(revoked_key).collect::<Result<_, _>>()?,
        terms: all_terms(client, cache, &versions).await?,
    })
}

fn partner_row(row: &Row) -> Result<PartnerRow, StoreError> {
    Ok(PartnerRow { id: PartnerId(get_id(row, 0)?), email: EmailHash(get_wide(row, 1)?) })
}

fn revoked_key(row: &Row) -> Result<(KeyId, TimeMs), StoreError> {
    Ok((KeyId(get_id(row, 0)?), TimeMs(row.try_get(1)?)))
}

/// The terms of these versions, which come by program and number.
async fn all_terms(
    client: &Client,
    cache: &TermsCache,
    versions: &[Row],
) -> Result<HashMap<ProgramId, Vec<Terms>>, StoreError> {
    let mut all: HashMap<ProgramId, Vec<Terms>> = HashMap::new();
    let (mut programs, mut numbers): (Vec<i64>, Vec<i32>) = Default::default();
    for row in versions {
        let program = ProgramId(get_id(row, 0)?);
        match cache.get(program, terms::version(row, 1)?) {
            Some(terms) => all.entry(program).or_default().push(terms),
            None => {
                programs.push(row.try_get(0)?);
                numbers.push(row.try_get(1)?);
            }
        }
    }
    if programs.is_empty() {
        return Ok(all);
    }
    for row in &query::all(client, BODIES, &[&programs, &numbers]).await? {
        let program = ProgramId(get_id(row, 0)?);
        all.entry(program).or_default().push(terms::read(Some(cache), row, program, [1, 2])?);
    }
    for versions in all.values_mut() {
        versions.sort_unstable_by_key(|terms| terms.version);
    }
    Ok(all)
}
