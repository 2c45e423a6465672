use deadpool_postgres::{Client, Transaction};
use schemas::{
    catalog::{ChangeNo, KeyRow},
    ids::{CompanyId, KeyId},
    time::TimeMs,
};
use tokio_postgres::Error;

use super::{
    PostgresCatalog,
    changes::{self, Changed},
    rows::{KEY_COLUMNS, key_row},
    settings,
};
use crate::{
    StoreError,
    catalog::{CompanyError, NewCredential},
    postgres::{
        query,
        row::{get_id, int},
    },
};

impl PostgresCatalog {
    pub(crate) async fn replace_key(
        &self,
        company: CompanyId,
        key: NewCredential,
        now: TimeMs,
    ) -> Result<ChangeNo, CompanyError> {
        let replace = async |transaction: &Transaction<'_>| {
            if !settings::lock(transaction, company).await? {
                return Err(CompanyError::Unknown);
            }
            let mut changed = revoke(transaction, company, &key, now).await?;
            add(transaction, company, &key, now).await?;
            changed.push(Changed::Key(key.id));
            Ok(((), changes::note(transaction, &changed).await?))
        };
        self.change(replace).await.map(|((), change)| change)
    }

    pub(crate) async fn credential_by_digest(&self, digest: [u8; 32]) -> Result<Option<KeyRow>, StoreError> {
        let find = async |client: &Client| {
            let select = format!("SELECT {KEY_COLUMNS} FROM catalog.credentials WHERE digest = $1");
            query::one_or_none(client, &select, &[&&digest[..]]).await?.as_ref().map(key_row).transpose()
        };
        self.run(find).await
    }
}

pub(super) async fn add(
    transaction: &Transaction<'_>,
    company: CompanyId,
    key: &NewCredential,
    now: TimeMs,
) -> Result<(), Error> {
    let insert = "INSERT INTO catalog.credentials (id, company, kind, digest, shown, created_at) \
                  VALUES ($1, $2, $3, $4, $5, $6)";
    let kind = i16::from(key.kind as u8);
    query::execute(transaction, insert, &[&int(key.id.0), &int(company.0), &kind, &&key.digest[..], &key.shown, &now.0])
        .await
        .map(drop)
}

async fn revoke(
    transaction: &Transaction<'_>,
    company: CompanyId,
    key: &NewCredential,
    now: TimeMs,
) -> Result<Vec<Changed>, StoreError> {
    let update = "UPDATE catalog.credentials SET revoked_at = $3 \
                  WHERE company = $1 AND kind = $2 AND revoked_at IS NULL RETURNING id";
    let kind = i16::from(key.kind as u8);
    let revoked = query::all(transaction, update, &[&int(company.0), &kind, &now.0]).await?;
    revoked.iter().map(|row| Ok(Changed::Key(KeyId(get_id(row, 0)?)))).collect()
}
