use rusqlite::{OptionalExtension as _, Transaction, params};
use schemas::ids::{CompanyId, LinkId, PartnerId};

/// Whose e-mail address or name it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject {
    Company(CompanyId),
    Partner(PartnerId),
    Link(LinkId),
    /// Somebody who was sent a magic link, by the digest of its token.
    Pending([u8; 32]),
}

#[derive(Debug, Default)]
pub(super) struct Contact {
    pub(super) email: Option<String>,
    pub(super) name: Option<String>,
    pub(super) widget_config: Option<String>,
}

impl Subject {
    fn key(self) -> (i64, Vec<u8>) {
        match self {
            Subject::Company(id) => (1, id.0.to_be_bytes().to_vec()),
            Subject::Partner(id) => (2, id.0.to_be_bytes().to_vec()),
            Subject::Link(id) => (3, id.0.to_be_bytes().to_vec()),
            Subject::Pending(token) => (4, token.to_vec()),
        }
    }

    pub(super) fn add(
        self,
        transaction: &Transaction<'_>,
        email: Option<&str>,
        name: Option<&str>,
    ) -> rusqlite::Result<()> {
        let (kind, id) = self.key();
        let insert = "INSERT INTO contacts (kind, id, email, name) VALUES (?1, ?2, ?3, ?4)";
        transaction.prepare_cached(insert)?.execute(params![kind, id, email, name]).map(drop)
    }

    pub(super) fn read(self, transaction: &Transaction<'_>) -> rusqlite::Result<Contact> {
        let (kind, id) = self.key();
        let select = "SELECT email, name, widget_config FROM contacts WHERE kind = ?1 AND id = ?2";
        let found = transaction.prepare_cached(select)?.query_row(params![kind, id], |row| {
            Ok(Contact { email: row.get(0)?, name: row.get(1)?, widget_config: row.get(2)? })
        });
        found.optional().map(Option::unwrap_or_default)
    }

    pub(super) fn set_name(self, transaction: &Transaction<'_>, name: &str) -> rusqlite::Result<()> {
        let (kind, id) = self.key();
        let update = "UPDATE contacts SET name = ?3 WHERE kind = ?1 AND id = ?2";
        transaction.prepare_cached(update)?.execute(params![kind, id, name]).map(drop)
    }

    pub(super) fn set_widget_config(self, transaction: &Transaction<'_>, config: &str) -> rusqlite::Result<()> {
        let (kind, id) = self.key();
        let update = "UPDATE contacts SET widget_config = ?3 WHERE kind = ?1 AND id = ?2";
        transaction.prepare_cached(update)?.execute(params![kind, id, config]).map(drop)
    }

    pub(super) fn forget(self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let (kind, id) = self.key();
        transaction
            .prepare_cached("DELETE FROM contacts WHERE kind = ?1 AND id = ?2")?
            .execute(params![kind, id])
            .map(drop)
    }
}
