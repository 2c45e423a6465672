use rusqlite::{Row, Transaction, params};
use schemas::{
    ids::{CompanyId, PartnerId, ProgramId},
    time::TimeMs,
};

use super::{SqliteCatalog, contacts::Subject, rows::status, terms};
use crate::{
    Listed, Page, StoreError,
    catalog::{CompanyStatus, OpenProgram, PartnerProgram},
    sqlite::row::{get_id, int},
};

const OPEN: &str = "SELECT id, program, domain, status, created_at FROM companies WHERE status = 'active' \
                    ORDER BY created_at, id LIMIT ?1 OFFSET ?2";
const OPEN_COUNT: &str = "SELECT count(*) FROM companies WHERE status = 'active'";

const OF_PARTNER: &str = "SELECT companies.id, companies.program, domain, status, joined_at \
                          FROM partnerships JOIN companies ON companies.id = company WHERE partner = ?1 \
                          ORDER BY joined_at, company LIMIT ?2 OFFSET ?3";
const OF_PARTNER_COUNT: &str = "SELECT count(*) FROM partnerships WHERE partner = ?1";

impl SqliteCatalog {
    pub(crate) async fn open_programs(&self, page: Page) -> Result<Listed<OpenProgram>, StoreError> {
        let list = move |transaction: &Transaction<'_>| {
            let mut select = transaction.prepare_cached(OPEN)?;
            let found = select.query_map(params![page.limit(), page.skipped()], program)?;
            let rows = found.map(|found| open(transaction, found?)).collect::<Result<_, StoreError>>()?;
            let total = transaction.prepare_cached(OPEN_COUNT)?.query_row([], |row| get_id(row, 0))?;
            Ok(Listed { rows, total })
        };
        self.readers.read(list).await
    }

    pub(crate) async fn programs_of_partner(
        &self,
        partner: PartnerId,
        page: Page,
    ) -> Result<Listed<PartnerProgram>, StoreError> {
        let list = move |transaction: &Transaction<'_>| {
            let mut select = transaction.prepare_cached(OF_PARTNER)?;
            let found = select.query_map(params![int(partner.0), page.limit(), page.skipped()], program)?;
            let rows = found.map(|found| joined(transaction, found?)).collect::<Result<_, StoreError>>()?;
            let total =
                transaction.prepare_cached(OF_PARTNER_COUNT)?.query_row([int(partner.0)], |row| get_id(row, 0))?;
            Ok(Listed { rows, total })
        };
        self.readers.read(list).await
    }
}

struct Found {
    company: CompanyId,
    program: ProgramId,
    domain: String,
    status: CompanyStatus,
    since: TimeMs,
}

fn program(row: &Row<'_>) -> rusqlite::Result<Found> {
    Ok(Found {
        company: CompanyId(get_id(row, 0)?),
        program: ProgramId(get_id(row, 1)?),
        domain: row.get(2)?,
        status: status(row, 3)?,
        since: TimeMs(row.get(4)?),
    })
}

fn open(transaction: &Transaction<'_>, found: Found) -> Result<OpenProgram, StoreError> {
    Ok(OpenProgram {
        company: found.company,
        program: found.program,
        name: Subject::Company(found.company).read(transaction)?.name.unwrap_or_default(),
        domain: found.domain,
        terms: terms::newest(transaction, found.program)?,
    })
}

fn joined(transaction: &Transaction<'_>, found: Found) -> Result<PartnerProgram, StoreError> {
    let (status, joined_at) = (found.status, found.since);
    let OpenProgram { company, program, name, domain, terms } = open(transaction, found)?;
    Ok(PartnerProgram { company, program, name, domain, status, terms, joined_at })
}
