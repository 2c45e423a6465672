use rusqlite::{OptionalExtension as _, Transaction, params};
use schemas::{hashes::EmailHash, ids::PartnerId, time::TimeMs};

use super::{SqliteCatalog, contacts::Subject};
use crate::{
    StoreError,
    catalog::Partner,
    sqlite::row::{get_id, int, wide},
};

impl SqliteCatalog {
    pub(crate) async fn partner_by_email_or_create(
        &self,
        email: String,
        email_hash: EmailHash,
        id_if_new: PartnerId,
        now: TimeMs,
    ) -> Result<PartnerId, StoreError> {
        self.write(move |transaction| Ok(by_email_or_create(transaction, &email, email_hash, id_if_new, now)?)).await
    }

    pub(crate) async fn partner(&self, id: PartnerId) -> Result<Option<Partner>, StoreError> {
        self.readers.read(move |transaction| Ok(read(transaction, id)?)).await
    }

    pub(crate) async fn partners(&self, ids: Vec<PartnerId>) -> Result<Vec<Partner>, StoreError> {
        let read_all = move |transaction: &Transaction<'_>| {
            let found = ids.into_iter().map(|id| read(transaction, id)).collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(found.into_iter().flatten().collect())
        };
        self.readers.read(read_all).await
    }

    pub(crate) async fn set_partner_name(&self, id: PartnerId, name: String) -> Result<Option<Partner>, StoreError> {
        let set = move |transaction: &Transaction<'_>| {
            Subject::Partner(id).set_name(transaction, &name)?;
            Ok(read(transaction, id)?)
        };
        self.write(set).await
    }
}

pub(super) fn exists(transaction: &Transaction<'_>, partner: PartnerId) -> rusqlite::Result<bool> {
    transaction.prepare_cached("SELECT 1 FROM partners WHERE id = ?1")?.exists([int(partner.0)])
}

/// One folded e-mail address is one partner, whoever names it first.
pub(super) fn by_email_or_create(
    transaction: &Transaction<'_>,
    email: &str,
    email_hash: EmailHash,
    id_if_new: PartnerId,
    now: TimeMs,
) -> rusqlite::Result<PartnerId> {
    let select = "SELECT id FROM partners WHERE email_hash = ?1";
    let found = transaction
        .prepare_cached(select)?
        .query_row([wide(email_hash.0)], |row| get_id(row, 0).map(PartnerId))
        .optional()?;
    if let Some(partner) = found {
        return Ok(partner);
    }
    let insert = "INSERT INTO partners (id, email_hash, created_at) VALUES (?1, ?2, ?3)";
    transaction.prepare_cached(insert)?.execute(params![int(id_if_new.0), wide(email_hash.0), now.0])?;
    Subject::Partner(id_if_new).add(transaction, Some(email), None)?;
    Ok(id_if_new)
}

pub(super) fn read(transaction: &Transaction<'_>, id: PartnerId) -> rusqlite::Result<Option<Partner>> {
    let contact = Subject::Partner(id).read(transaction)?;
    let select = "SELECT tier, status, stripe_connect_id, created_at FROM partners WHERE id = ?1";
    let found = transaction.prepare_cached(select)?.query_row([int(id.0)], |row| {
        Ok(Partner {
            id,
            email: contact.email.unwrap_or_default(),
            name: contact.name,
            tier: row.get(0)?,
            status: row.get(1)?,
            stripe_connect_id: row.get(2)?,
            created_at: TimeMs(row.get(3)?),
        })
    });
    found.optional()
}
