use deadpool_postgres::{Client, GenericClient, Transaction};
use schemas::{hashes::EmailHash, ids::PartnerId, time::TimeMs};
use std::collections::HashMap;
use tokio_postgres::Row;

use super::{PostgresCatalog, contacts::Subject};
use crate::{
    StoreError,
    catalog::Partner,
    postgres::{
        query,
        row::{get_id, int, wide},
    },
};

const SELECT: &str = "SELECT partners.id, email, name, tier, status, stripe_connect_id, created_at FROM catalog.partners \
                      LEFT JOIN catalog.contacts ON contacts.kind = 2 AND contacts.id = int8send(partners.id) \
                      WHERE partners.id = ANY($1)";

impl PostgresCatalog {
    pub(crate) async fn partner_by_email_or_create(
        &self,
        email: String,
        email_hash: EmailHash,
        id_if_new: PartnerId,
        now: TimeMs,
    ) -> Result<PartnerId, StoreError> {
        let find = async |transaction: &Transaction<'_>| {
            by_email_or_create(transaction, &email, email_hash, id_if_new, now).await
        };
        self.write(find).await
    }

    pub(crate) async fn partner(&self, id: PartnerId) -> Result<Option<Partner>, StoreError> {
        Ok(self.partners(vec![id]).await?.pop())
    }

    pub(crate) async fn partners(&self, ids: Vec<PartnerId>) -> Result<Vec<Partner>, StoreError> {
        self.run(async |client: &Client| read(client, &ids).await).await
    }

    pub(crate) async fn set_partner_name(&self, id: PartnerId, name: String) -> Result<Option<Partner>, StoreError> {
        let set = async |transaction: &Transaction<'_>| {
            Subject::Partner(id).set_name(transaction, &name).await?;
            Ok(read(transaction, &[id]).await?.pop())
        };
        self.write(set).await
    }
}

/// Whether there is this partner; nobody else who asks goes on before the transaction ends.
pub(super) async fn lock(transaction: &Transaction<'_>, partner: PartnerId) -> Result<bool, StoreError> {
    let lock = "SELECT 1 FROM catalog.partners WHERE id = $1 FOR NO KEY UPDATE";
    Ok(query::one_or_none(transaction, lock, &[&int(partner.0)]).await?.is_some())
}

/// One folded e-mail address is one partner, whoever names it first.
pub(super) async fn by_email_or_create(
    transaction: &Transaction<'_>,
    email: &str,
    email_hash: EmailHash,
    id_if_new: PartnerId,
    now: TimeMs,
) -> Result<PartnerId, StoreError> {
    let select = "SELECT id FROM catalog.partners WHERE email_hash = $1";
    let hash = wide(email_hash.0);
    if let Some(row) = query::one_or_none(transaction, select, &[&hash]).await? {
        return get_id(&row, 0).map(PartnerId);
    }
    // It waits for whoever is making the same partner; what that one committed, the next statement sees.
    let insert = "INSERT INTO catalog.partners (id, email_hash, created_at) VALUES ($1, $2, $3) \
                  ON CONFLICT (email_hash) DO NOTHING";
    if query::execute(transaction, insert, &[&int(id_if_new.0), &hash, &now.0]).await? == 0 {
        let row = query::one(transaction, select, &[&hash]).await?;
        return get_id(&row, 0).map(PartnerId);
    }
    Subject::Partner(id_if_new).add(transaction, Some(email), None).await?;
    Ok(id_if_new)
}

/// In the order asked for.
async fn read(client: &impl GenericClient, ids: &[PartnerId]) -> Result<Vec<Partner>, StoreError> {
    let wanted: Vec<i64> = ids.iter().map(|id| int(id.0)).collect();
    let rows = query::all(client, SELECT, &[&wanted]).await?;
    let found = rows.iter().map(partner).collect::<Result<Vec<_>, _>>()?;
    let found: HashMap<PartnerId, Partner> = found.into_iter().map(|partner| (partner.id, partner)).collect();
    Ok(ids.iter().filter_map(|id| found.get(id).cloned()).collect())
}

fn partner(row: &Row) -> Result<Partner, StoreError> {
    Ok(Partner {
        id: PartnerId(get_id(row, 0)?),
        email: row.try_get::<_, Option<String>>(1)?.unwrap_or_default(),
        name: row.try_get(2)?,
        tier: row.try_get(3)?,
        status: row.try_get(4)?,
        stripe_connect_id: row.try_get(5)?,
        created_at: TimeMs(row.try_get(6)?),
    })
}
