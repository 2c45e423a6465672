use rusqlite::{Transaction, params};
use schemas::time::TimeMs;

use super::SqliteCatalog;
use crate::{
    StoreError,
    catalog::{AccountKind, Principal, Session},
    sqlite::row::{int, wide},
};

impl SqliteCatalog {
    pub(crate) async fn start_session(&self, session: Session) -> Result<(), StoreError> {
        let start = move |transaction: &Transaction<'_>| {
            let (kind, account) = account(session.principal);
            let insert =
                "INSERT INTO sessions (id, account_kind, account, issued_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)";
            let values = params![wide(session.id), kind, account, session.issued_at.0, session.expires_at.0];
            transaction.prepare_cached(insert)?.execute(values)?;
            Ok(())
        };
        self.write(start).await
    }

    pub(crate) async fn session_is_live(&self, id: u128, now: TimeMs) -> Result<bool, StoreError> {
        let look = move |transaction: &Transaction<'_>| {
            let select = "SELECT 1 FROM sessions WHERE id = ?1 AND expires_at > ?2";
            Ok(transaction.prepare_cached(select)?.exists(params![wide(id), now.0])?)
        };
        self.readers.read(look).await
    }

    pub(crate) async fn end_session(&self, id: u128) -> Result<(), StoreError> {
        let end = move |transaction: &Transaction<'_>| {
            transaction.prepare_cached("DELETE FROM sessions WHERE id = ?1")?.execute([wide(id)])?;
            Ok(())
        };
        self.write(end).await
    }

    pub(crate) async fn end_all_sessions(&self, principal: Principal) -> Result<(), StoreError> {
        let end = move |transaction: &Transaction<'_>| {
            let (kind, account) = account(principal);
            transaction
                .prepare_cached("DELETE FROM sessions WHERE account_kind = ?1 AND account = ?2")?
                .execute(params![kind, account])?;
            Ok(())
        };
        self.write(end).await
    }
}

pub(super) fn expire(transaction: &Transaction<'_>, now: TimeMs) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM sessions WHERE expires_at <= ?1", [now.0]).map(drop)
}

fn account(principal: Principal) -> (u8, i64) {
    match principal {
        Principal::Company(company) => (AccountKind::Company.number(), int(company.0)),
        Principal::Partner(partner) => (AccountKind::Partner.number(), int(partner.0)),
    }
}
