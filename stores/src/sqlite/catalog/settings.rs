use std::collections::HashMap;

use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use schemas::{
    catalog::{ChangeNo, CredentialKind},
    ids::{CompanyId, ProgramId},
    time::TimeMs,
};

use super::{
    SqliteCatalog,
    changes::{self, Changed},
    contacts::Subject,
    credentials,
    rows::{payout_schedule, status},
    terms,
};
use crate::{
    StoreError,
    catalog::{Company, CompanyError, CompanyStatus, Paused, Payout, SettingsPatch},
    sqlite::row::{get_id, int},
};

impl SqliteCatalog {
    pub(crate) async fn company(&self, id: CompanyId) -> Result<Option<Company>, StoreError> {
        self.readers.read(move |transaction| read(transaction, id)).await
    }

    pub(crate) async fn company_names(&self, ids: Vec<CompanyId>) -> Result<HashMap<CompanyId, String>, StoreError> {
        let read = move |transaction: &Transaction<'_>| {
            let name = |id| Ok((id, Subject::Company(id).read(transaction)?.name));
            let names = ids.into_iter().map(name).collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(names.into_iter().filter_map(|(id, name)| Some((id, name?))).collect())
        };
        self.readers.read(read).await
    }

    pub(crate) async fn update_settings(
        &self,
        company: CompanyId,
        patch: SettingsPatch,
    ) -> Result<Company, CompanyError> {
        self.write(move |transaction| update(transaction, company, &patch)).await
    }

    pub(crate) async fn toggle_pause(&self, company: CompanyId) -> Result<Paused, CompanyError> {
        let (status, change) = self.change(move |transaction| toggle(transaction, company)).await?;
        Ok(Paused { status, change })
    }
}

pub(super) fn exists(transaction: &Transaction<'_>, company: CompanyId) -> rusqlite::Result<bool> {
    transaction.prepare_cached("SELECT 1 FROM companies WHERE id = ?1")?.exists([int(company.0)])
}

/// What `companies` itself holds.
struct Own {
    program: ProgramId,
    domain: String,
    status: CompanyStatus,
    payout: Payout,
    created_at: TimeMs,
}

fn own(row: &Row<'_>) -> rusqlite::Result<Own> {
    Ok(Own {
        program: ProgramId(get_id(row, 0)?),
        domain: row.get(1)?,
        status: status(row, 2)?,
        payout: Payout { schedule: payout_schedule(row, 3)?, minimum_minor: row.get(4)? },
        created_at: TimeMs(row.get(5)?),
    })
}

fn read(transaction: &Transaction<'_>, id: CompanyId) -> Result<Option<Company>, StoreError> {
    let select = "SELECT program, domain, status, payout_schedule, payout_minimum_minor, created_at FROM companies WHERE id = ?1";
    let Some(found) = transaction.prepare_cached(select)?.query_row([int(id.0)], own).optional()? else {
        return Ok(None);
    };
    let contact = Subject::Company(id).read(transaction)?;
    Ok(Some(Company {
        id,
        program: found.program,
        name: contact.name.unwrap_or_default(),
        domain: found.domain,
        email: contact.email.unwrap_or_default(),
        status: found.status,
        terms: terms::newest(transaction, found.program)?,
        payout: found.payout,
        widget_config: contact.widget_config,
        secret_key_shown: credentials::shown(transaction, id, CredentialKind::Secret)?,
        publishable_key: credentials::shown(transaction, id, CredentialKind::Publishable)?,
        postback_key_shown: credentials::shown(transaction, id, CredentialKind::Postback)?,
        created_at: found.created_at,
    }))
}

fn update(transaction: &Transaction<'_>, id: CompanyId, patch: &SettingsPatch) -> Result<Company, CompanyError> {
    let before = read(transaction, id)?.ok_or(CompanyError::Unknown)?;
    if let Some(new) = &patch.terms {
        if new.program != before.program || new.version != before.terms.version + 1 {
            return Err(CompanyError::TermsMoved);
        }
        terms::add(transaction, new)?;
    }
    if let Some(config) = &patch.widget_config {
        Subject::Company(id).set_widget_config(transaction, config)?;
    }
    let schedule = patch.payout_schedule.unwrap_or(before.payout.schedule);
    let minimum_minor = patch.payout_minimum_minor.unwrap_or(before.payout.minimum_minor);
    let set = "UPDATE companies SET payout_schedule = ?2, payout_minimum_minor = ?3 WHERE id = ?1";
    transaction.prepare_cached(set)?.execute(params![int(id.0), schedule.as_str(), minimum_minor])?;
    read(transaction, id)?.ok_or(CompanyError::Unknown)
}

fn toggle(transaction: &Transaction<'_>, id: CompanyId) -> Result<(CompanyStatus, ChangeNo), CompanyError> {
    let update =
        "UPDATE companies SET status = iif(status = 'active', 'paused', 'active') WHERE id = ?1 RETURNING status";
    let now = transaction.prepare_cached(update)?.query_row([int(id.0)], |row| status(row, 0)).optional()?;
    let now = now.ok_or(CompanyError::Unknown)?;
    Ok((now, changes::note(transaction, Changed::Company(id))?))
}
