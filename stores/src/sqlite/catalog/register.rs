use rusqlite::{OptionalExtension as _, Transaction, params};
use schemas::{catalog::ChangeNo, hashes::EmailHash, ids::CompanyId};

use super::{
    SqliteCatalog,
    changes::{self, Changed},
    contacts::Subject,
    credentials, terms,
};
use crate::{
    StoreError,
    catalog::{NewCompany, RegisterError},
    sqlite::row::{get_id, int, wide},
};

impl SqliteCatalog {
    pub(crate) async fn register_company(&self, company: NewCompany) -> Result<ChangeNo, RegisterError> {
        self.change(move |transaction| Ok(((), register(transaction, &company)?))).await.map(|((), change)| change)
    }

    pub(crate) async fn company_by_email(&self, email: EmailHash) -> Result<Option<CompanyId>, StoreError> {
        self.readers.read(move |transaction| Ok(by_email(transaction, email)?)).await
    }
}

pub(super) fn by_email(transaction: &Transaction<'_>, email: EmailHash) -> rusqlite::Result<Option<CompanyId>> {
    let select = "SELECT id FROM companies WHERE email_hash = ?1";
    transaction.prepare_cached(select)?.query_row([wide(email.0)], |row| get_id(row, 0).map(CompanyId)).optional()
}

fn register(transaction: &Transaction<'_>, company: &NewCompany) -> Result<ChangeNo, RegisterError> {
    if by_email(transaction, company.email_hash)?.is_some() {
        return Err(RegisterError::Taken);
    }
    let insert = "INSERT INTO companies (id, program, domain, status, payout_schedule, payout_minimum_minor, email_hash, created_at) \
                  VALUES (?1, ?2, ?3, 'active', ?4, ?5, ?6, ?7)";
    transaction.prepare_cached(insert)?.execute(params![
        int(company.id.0),
        int(company.program.0),
        company.domain,
        company.payout.schedule.as_str(),
        company.payout.minimum_minor,
        wide(company.email_hash.0),
        company.now.0,
    ])?;
    let program = "INSERT INTO programs (id, company) VALUES (?1, ?2)";
    transaction.prepare_cached(program)?.execute(params![int(company.program.0), int(company.id.0)])?;
    terms::add(transaction, &company.terms)?;
    Subject::Company(company.id).add(transaction, Some(&company.email), Some(&company.name))?;
    let mut change = changes::note(transaction, Changed::Company(company.id))?;
    for key in &company.keys {
        change = credentials::add(transaction, company.id, key, company.now)?;
    }
    Ok(change)
}
