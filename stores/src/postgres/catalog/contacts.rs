use deadpool_postgres::{GenericClient, Transaction};
use schemas::ids::{CompanyId, LinkId, PartnerId};
use tokio_postgres::Error;

use crate::postgres::query;

/// Whose e-mail address or name it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject {
    Company(CompanyId),
    Partner(PartnerId),
    Link(LinkId),
    /// Somebody who was sent a magic link, by the digest of its token.
    Pending([u8; 32]),
}

impl Subject {
    fn key(self) -> (i16, Vec<u8>) {
        match self {
            Subject::Company(id) => (1, id.0.to_be_bytes().to_vec()),
            Subject::Partner(id) => (2, id.0.to_be_bytes().to_vec()),
            Subject::Link(id) => (3, id.0.to_be_bytes().to_vec()),
            Subject::Pending(token) => (4, token.to_vec()),
        }
    }

    pub(super) async fn add(
        self,
        transaction: &Transaction<'_>,
        email: Option<&str>,
        name: Option<&str>,
    ) -> Result<(), Error> {
        let (kind, id) = self.key();
        let insert = "INSERT INTO catalog.contacts (kind, id, email, name) VALUES ($1, $2, $3, $4)";
        query::execute(transaction, insert, &[&kind, &id, &email, &name]).await.map(drop)
    }

    pub(super) async fn email(self, client: &impl GenericClient) -> Result<Option<String>, Error> {
        let (kind, id) = self.key();
        let select = "SELECT email FROM catalog.contacts WHERE kind = $1 AND id = $2";
        let found = query::one_or_none(client, select, &[&kind, &id]).await?;
        found.map_or(Ok(None), |row| row.try_get(0))
    }

    pub(super) async fn set_name(self, transaction: &Transaction<'_>, name: &str) -> Result<(), Error> {
        let (kind, id) = self.key();
        let update = "UPDATE catalog.contacts SET name = $3 WHERE kind = $1 AND id = $2";
        query::execute(transaction, update, &[&kind, &id, &name]).await.map(drop)
    }

    pub(super) async fn set_widget_config(self, transaction: &Transaction<'_>, config: &str) -> Result<(), Error> {
        let (kind, id) = self.key();
        let update = "UPDATE catalog.contacts SET widget_config = $3 WHERE kind = $1 AND id = $2";
        query::execute(transaction, update, &[&kind, &id, &config]).await.map(drop)
    }

    /// Destroys the row and gives the address that it held.
    pub(super) async fn take_email(self, transaction: &Transaction<'_>) -> Result<Option<String>, Error> {
        let (kind, id) = self.key();
        let take = "DELETE FROM catalog.contacts WHERE kind = $1 AND id = $2 RETURNING email";
        let taken = query::one_or_none(transaction, take, &[&kind, &id]).await?;
        taken.map_or(Ok(None), |row| row.try_get(0))
    }
}
