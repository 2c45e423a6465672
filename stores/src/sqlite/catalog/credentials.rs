use rusqlite::{OptionalExtension as _, Transaction, params};
use schemas::{
    catalog::{ChangeNo, CredentialKind, KeyRow},
    ids::{CompanyId, KeyId},
    time::TimeMs,
};

use super::{
    SqliteCatalog,
    changes::{self, Changed},
    rows::{KEY_COLUMNS, key_row},
    settings::exists,
};
use crate::{
    StoreError,
    catalog::{CompanyError, NewCredential},
    sqlite::row::{get_id, int},
};

impl SqliteCatalog {
    pub(crate) async fn replace_key(
        &self,
        company: CompanyId,
        key: NewCredential,
        now: TimeMs,
    ) -> Result<ChangeNo, CompanyError> {
        let replace = move |transaction: &Transaction<'_>| {
            if !exists(transaction, company)? {
                return Err(CompanyError::Unknown);
            }
            revoke(transaction, company, key.kind, now)?;
            Ok(((), add(transaction, company, &key, now)?))
        };
        self.change(replace).await.map(|((), change)| change)
    }

    pub(crate) async fn credential_by_digest(&self, digest: [u8; 32]) -> Result<Option<KeyRow>, StoreError> {
        let find = move |transaction: &Transaction<'_>| {
            let select = format!("SELECT {KEY_COLUMNS} FROM credentials WHERE digest = ?1");
            Ok(transaction.prepare_cached(&select)?.query_row([digest], key_row).optional()?)
        };
        self.readers.read(find).await
    }
}

pub(super) fn add(
    transaction: &Transaction<'_>,
    company: CompanyId,
    key: &NewCredential,
    now: TimeMs,
) -> rusqlite::Result<ChangeNo> {
    let insert =
        "INSERT INTO credentials (id, company, kind, digest, shown, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let values = params![int(key.id.0), int(company.0), key.kind as u8, key.digest, key.shown, now.0];
    transaction.prepare_cached(insert)?.execute(values)?;
    changes::note(transaction, Changed::Key(key.id))
}

/// What settings show of the company's key of this kind that works now.
pub(super) fn shown(
    transaction: &Transaction<'_>,
    company: CompanyId,
    kind: CredentialKind,
) -> rusqlite::Result<Option<String>> {
    let select = "SELECT shown FROM credentials WHERE company = ?1 AND kind = ?2 AND revoked_at IS NULL";
    transaction.prepare_cached(select)?.query_row(params![int(company.0), kind as u8], |row| row.get(0)).optional()
}

fn revoke(
    transaction: &Transaction<'_>,
    company: CompanyId,
    kind: CredentialKind,
    now: TimeMs,
) -> rusqlite::Result<()> {
    let update =
        "UPDATE credentials SET revoked_at = ?3 WHERE company = ?1 AND kind = ?2 AND revoked_at IS NULL RETURNING id";
    let mut update = transaction.prepare_cached(update)?;
    let revoked = update.query_map(params![int(company.0), kind as u8, now.0], |row| get_id(row, 0).map(KeyId))?;
    for key in revoked.collect::<rusqlite::Result<Vec<_>>>()? {
        changes::note(transaction, Changed::Key(key))?;
    }
    Ok(())
}
