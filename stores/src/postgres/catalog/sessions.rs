use deadpool_postgres::{Client, Transaction};
use schemas::time::TimeMs;
use tokio_postgres::Error;

use super::PostgresCatalog;
use crate::{
    StoreError,
    catalog::{AccountKind, Principal, Session},
    postgres::{
        query,
        row::{int, wide},
    },
};

impl PostgresCatalog {
    pub(crate) async fn start_session(&self, session: Session) -> Result<(), StoreError> {
        let start = async |client: &Client| {
            let (kind, account) = account(session.principal);
            let insert = "INSERT INTO catalog.sessions (id, account_kind, account, issued_at, expires_at) \
                          VALUES ($1, $2, $3, $4, $5)";
            let (issued, expires) = (session.issued_at.0, session.expires_at.0);
            query::execute(client, insert, &[&wide(session.id), &kind, &account, &issued, &expires]).await?;
            Ok(())
        };
        self.run(start).await
    }

    pub(crate) async fn session_is_live(&self, id: u128, now: TimeMs) -> Result<bool, StoreError> {
        let look = async |client: &Client| {
            let select = "SELECT 1 FROM catalog.sessions WHERE id = $1 AND expires_at > $2";
            Ok(query::one_or_none(client, select, &[&wide(id), &now.0]).await?.is_some())
        };
        self.run(look).await
    }

    pub(crate) async fn end_session(&self, id: u128) -> Result<(), StoreError> {
        let end = async |client: &Client| {
            query::execute(client, "DELETE FROM catalog.sessions WHERE id = $1", &[&wide(id)]).await?;
            Ok(())
        };
        self.run(end).await
    }

    pub(crate) async fn end_all_sessions(&self, principal: Principal) -> Result<(), StoreError> {
        let end = async |client: &Client| {
            let (kind, account) = account(principal);
            let delete = "DELETE FROM catalog.sessions WHERE account_kind = $1 AND account = $2";
            query::execute(client, delete, &[&kind, &account]).await?;
            Ok(())
        };
        self.run(end).await
    }
}

pub(super) async fn expire(transaction: &Transaction<'_>, now: TimeMs) -> Result<(), Error> {
    query::execute(transaction, "DELETE FROM catalog.sessions WHERE expires_at <= $1", &[&now.0]).await.map(drop)
}

fn account(principal: Principal) -> (i16, i64) {
    match principal {
        Principal::Company(company) => (AccountKind::Company.number().into(), int(company.0)),
        Principal::Partner(partner) => (AccountKind::Partner.number().into(), int(partner.0)),
    }
}
