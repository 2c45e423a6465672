use std::collections::HashMap;

use deadpool_postgres::{Client, GenericClient, Transaction};
use schemas::{
    ids::{CompanyId, ProgramId},
    time::TimeMs,
};

use super::{
    PostgresCatalog,
    changes::{self, Changed},
    contacts::Subject,
    rows::{payout_schedule, status},
    terms,
};
use crate::{
    StoreError,
    catalog::{Company, CompanyError, Paused, Payout, SettingsPatch, terms_cache::TermsCache},
    postgres::{
        query,
        row::{get_id, int},
    },
};

impl PostgresCatalog {
    pub(crate) async fn company(&self, id: CompanyId) -> Result<Option<Company>, StoreError> {
        self.run(async |client: &Client| read(client, Some(&self.terms), id).await).await
    }

    pub(crate) async fn company_names(&self, ids: Vec<CompanyId>) -> Result<HashMap<CompanyId, String>, StoreError> {
        let read = async |client: &Client| {
            let wanted: Vec<i64> = ids.iter().map(|id| int(id.0)).collect();
            let select = "SELECT wanted, name FROM unnest($1::bigint[]) AS wanted \
                          JOIN catalog.contacts ON kind = 1 AND id = int8send(wanted) WHERE name IS NOT NULL";
            let rows = query::all(client, select, &[&wanted]).await?;
            rows.iter().map(|row| Ok((CompanyId(get_id(row, 0)?), row.try_get(1)?))).collect()
        };
        self.run(read).await
    }

    pub(crate) async fn update_settings(
        &self,
        company: CompanyId,
        patch: SettingsPatch,
    ) -> Result<Company, CompanyError> {
        self.write(async |transaction: &Transaction<'_>| update(transaction, company, &patch).await).await
    }

    pub(crate) async fn toggle_pause(&self, company: CompanyId) -> Result<Paused, CompanyError> {
        let toggle = async |transaction: &Transaction<'_>| {
            let update = "UPDATE catalog.companies \
                          SET status = CASE status WHEN 'active' THEN 'paused' ELSE 'active' END \
                          WHERE id = $1 RETURNING status";
            let row = query::one_or_none(transaction, update, &[&int(company.0)]).await?;
            let now = status(&row.ok_or(CompanyError::Unknown)?, 0)?;
            Ok::<_, CompanyError>((now, changes::note(transaction, &[Changed::Company(company)]).await?))
        };
        let (status, change) = self.change(toggle).await?;
        Ok(Paused { status, change })
    }
}

/// Whoever changes what belongs to a company does so one after the other. False: there is none.
pub(super) async fn lock(transaction: &Transaction<'_>, company: CompanyId) -> Result<bool, StoreError> {
    let lock = "SELECT 1 FROM catalog.companies WHERE id = $1 FOR NO KEY UPDATE";
    Ok(query::one_or_none(transaction, lock, &[&int(company.0)]).await?.is_some())
}

fn select() -> String {
    let shown = |kind: u8| {
        format!(
            "(SELECT shown FROM catalog.credentials \
              WHERE company = companies.id AND kind = {kind} AND revoked_at IS NULL LIMIT 1)"
        )
    };
    format!(
        "SELECT companies.program, domain, status, payout_schedule, payout_minimum_minor, created_at, \
           email, name, widget_config, {}, {}, {}, terms_version, terms_body \
         FROM catalog.companies {} \
         LEFT JOIN catalog.contacts ON contacts.kind = 1 AND contacts.id = int8send(companies.id) \
         WHERE companies.id = $1",
        shown(1),
        shown(2),
        shown(3),
        terms::NEWEST,
    )
}

async fn read(
    client: &impl GenericClient,
    cache: Option<&TermsCache>,
    id: CompanyId,
) -> Result<Option<Company>, StoreError> {
    let Some(row) = query::one_or_none(client, &select(), &[&int(id.0)]).await? else { return Ok(None) };
    let program = ProgramId(get_id(&row, 0)?);
    Ok(Some(Company {
        id,
        program,
        domain: row.try_get(1)?,
        status: status(&row, 2)?,
        payout: Payout { schedule: payout_schedule(&row, 3)?, minimum_minor: row.try_get(4)? },
        created_at: TimeMs(row.try_get(5)?),
        email: row.try_get::<_, Option<String>>(6)?.unwrap_or_default(),
        name: row.try_get::<_, Option<String>>(7)?.unwrap_or_default(),
        widget_config: row.try_get(8)?,
        secret_key_shown: row.try_get(9)?,
        publishable_key: row.try_get(10)?,
        postback_key_shown: row.try_get(11)?,
        terms: terms::read(cache, &row, program, [12, 13])?,
    }))
}

async fn update(transaction: &Transaction<'_>, id: CompanyId, patch: &SettingsPatch) -> Result<Company, CompanyError> {
    lock(transaction, id).await?;
    let before = read(transaction, None, id).await?.ok_or(CompanyError::Unknown)?;
    if let Some(new) = &patch.terms {
        let is_next = new.program == before.program && new.version == before.terms.version + 1;
        if !is_next || !terms::add(transaction, new).await? {
            return Err(CompanyError::TermsMoved);
        }
    }
    if let Some(config) = &patch.widget_config {
        Subject::Company(id).set_widget_config(transaction, config).await?;
    }
    let schedule = patch.payout_schedule.unwrap_or(before.payout.schedule);
    let minimum_minor = patch.payout_minimum_minor.unwrap_or(before.payout.minimum_minor);
    let set = "UPDATE catalog.companies SET payout_schedule = $2, payout_minimum_minor = $3 WHERE id = $1";
    query::execute(transaction, set, &[&int(id.0), &schedule.as_str(), &minimum_minor]).await?;
    read(transaction, None, id).await?.ok_or(CompanyError::Unknown)
}
