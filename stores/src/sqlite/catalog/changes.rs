use rusqlite::{Transaction, params};
use schemas::{
    catalog::ChangeNo,
    ids::{CompanyId, KeyId, LinkId},
};

use crate::{
    catalog::ChangeKind,
    sqlite::row::{get_id, int},
};

/// A row that edges follow.
#[derive(Debug, Clone, Copy)]
pub(super) enum Changed {
    Company(CompanyId),
    Key(KeyId),
    Link(LinkId),
}

/// Numbers a change within the transaction that makes it, so that numbers become visible in their order.
pub(super) fn note(transaction: &Transaction<'_>, changed: Changed) -> rusqlite::Result<ChangeNo> {
    let (kind, id) = match changed {
        Changed::Company(id) => (ChangeKind::Company, id.0),
        Changed::Key(id) => (ChangeKind::Credential, id.0),
        Changed::Link(id) => (ChangeKind::Link, id.0),
    };
    let insert = "INSERT OR REPLACE INTO changes (no, kind, id) VALUES ((SELECT coalesce(max(no), 0) + 1 FROM changes), ?1, ?2) RETURNING no";
    transaction.prepare_cached(insert)?.query_row(params![kind as i64, int(id)], |row| get_id(row, 0)).map(ChangeNo)
}
