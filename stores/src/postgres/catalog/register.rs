use deadpool_postgres::{Client, GenericClient, Transaction};
use schemas::{catalog::ChangeNo, hashes::EmailHash, ids::CompanyId};

use super::{
    PostgresCatalog,
    changes::{self, Changed},
    contacts::Subject,
    credentials, terms,
};
use crate::{
    StoreError,
    catalog::{NewCompany, RegisterError},
    postgres::{
        query,
        row::{get_id, int, wide},
    },
};

impl PostgresCatalog {
    pub(crate) async fn register_company(&self, company: NewCompany) -> Result<ChangeNo, RegisterError> {
        let register = async |transaction: &Transaction<'_>| Ok(((), register(transaction, &company).await?));
        self.change(register).await.map(|((), change)| change)
    }

    pub(crate) async fn company_by_email(&self, email: EmailHash) -> Result<Option<CompanyId>, StoreError> {
        self.run(async |client: &Client| by_email(client, email).await).await
    }
}

pub(super) async fn by_email(client: &impl GenericClient, email: EmailHash) -> Result<Option<CompanyId>, StoreError> {
    let select = "SELECT id FROM catalog.companies WHERE email_hash = $1";
    let found = query::one_or_none(client, select, &[&wide(email.0)]).await?;
    found.map(|row| get_id(&row, 0).map(CompanyId)).transpose()
}

async fn register(transaction: &Transaction<'_>, company: &NewCompany) -> Result<ChangeNo, RegisterError> {
    // It waits for whoever is registering under the same address.
    let insert = "INSERT INTO catalog.companies \
                  (id, program, domain, status, payout_schedule, payout_minimum_minor, email_hash, created_at) \
                  VALUES ($1, $2, $3, 'active', $4, $5, $6, $7) ON CONFLICT (email_hash) DO NOTHING";
    let (id, program) = (int(company.id.0), int(company.program.0));
    let schedule = company.payout.schedule.as_str();
    let minimum_minor = company.payout.minimum_minor;
    let hash = wide(company.email_hash.0);
    let values: query::Values<'_> = &[&id, &program, &company.domain, &schedule, &minimum_minor, &hash, &company.now.0];
    if query::execute(transaction, insert, values).await? == 0 {
        return Err(RegisterError::Taken);
    }
    let insert = "INSERT INTO catalog.programs (id, company) VALUES ($1, $2)";
    query::execute(transaction, insert, &[&program, &id]).await?;
    terms::add(transaction, &company.terms).await?;
    Subject::Company(company.id).add(transaction, Some(&company.email), Some(&company.name)).await?;
    let mut changed = vec![Changed::Company(company.id)];
    for key in &company.keys {
        credentials::add(transaction, company.id, key, company.now).await?;
        changed.push(Changed::Key(key.id));
    }
    Ok(changes::note(transaction, &changed).await?)
}
