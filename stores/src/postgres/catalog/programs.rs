use deadpool_postgres::Client;
use schemas::{
    ids::{CompanyId, PartnerId, ProgramId},
    time::TimeMs,
};
use tokio_postgres::Row;

use super::{PostgresCatalog, rows::status, terms};
use crate::{
    Listed, Page, StoreError,
    catalog::{OpenProgram, PartnerProgram, terms_cache::TermsCache},
    postgres::{
        query,
        row::{get_id, int},
    },
};

const NAMED: &str = "LEFT JOIN catalog.contacts ON contacts.kind = 1 AND contacts.id = int8send(companies.id)";

const OPEN_COUNT: &str = "SELECT count(*) FROM catalog.companies WHERE status = 'active'";
const OF_PARTNER_COUNT: &str = "SELECT count(*) FROM catalog.partnerships WHERE partner = $1";

impl PostgresCatalog {
    pub(crate) async fn open_programs(&self, page: Page) -> Result<Listed<OpenProgram>, StoreError> {
        let select = format!(
            "SELECT companies.id, companies.program, domain, name, terms_version, terms_body \
             FROM (SELECT * FROM catalog.companies WHERE status = 'active' \
                   ORDER BY created_at, id LIMIT $1 OFFSET $2) AS companies {} {NAMED} \
             ORDER BY companies.created_at, companies.id",
            terms::NEWEST,
        );
        let list = async |client: &Client| {
            let values: query::Values<'_> = &[&page.limit(), &page.skipped()];
            let (found, total) =
                tokio::try_join!(query::all(client, &select, values), query::one(client, OPEN_COUNT, &[]))?;
            let rows = found.iter().map(|row| program(&self.terms, row)).collect::<Result<_, _>>()?;
            Ok(Listed { rows, total: get_id(&total, 0)? })
        };
        self.run(list).await
    }

    pub(crate) async fn programs_of_partner(
        &self,
        partner: PartnerId,
        page: Page,
    ) -> Result<Listed<PartnerProgram>, StoreError> {
        let select = format!(
            "SELECT companies.id, companies.program, domain, name, terms_version, terms_body, status, joined_at \
             FROM (SELECT company, joined_at FROM catalog.partnerships WHERE partner = $1 \
                   ORDER BY joined_at, company LIMIT $2 OFFSET $3) AS joined \
             JOIN catalog.companies ON companies.id = joined.company {} {NAMED} \
             ORDER BY joined_at, companies.id",
            terms::NEWEST,
        );
        let list = async |client: &Client| {
            let id = int(partner.0);
            let values: query::Values<'_> = &[&id, &page.limit(), &page.skipped()];
            let (found, total) = tokio::try_join!(
                query::all(client, &select, values),
                query::one(client, OF_PARTNER_COUNT, &values[..1])
            )?;
            let rows = found.iter().map(|row| joined(&self.terms, row)).collect::<Result<_, _>>()?;
            Ok(Listed { rows, total: get_id(&total, 0)? })
        };
        self.run(list).await
    }
}

fn program(cache: &TermsCache, row: &Row) -> Result<OpenProgram, StoreError> {
    let program = ProgramId(get_id(row, 1)?);
    Ok(OpenProgram {
        company: CompanyId(get_id(row, 0)?),
        program,
        name: row.try_get::<_, Option<String>>(3)?.unwrap_or_default(),
        domain: row.try_get(2)?,
        terms: terms::read(Some(cache), row, program, [4, 5])?,
    })
}

fn joined(cache: &TermsCache, row: &Row) -> Result<PartnerProgram, StoreError> {
    let OpenProgram { company, program, name, domain, terms } = program(cache, row)?;
    let (status, joined_at) = (status(row, 6)?, TimeMs(row.try_get(7)?));
    Ok(PartnerProgram { company, program, name, domain, status, terms, joined_at })
}
