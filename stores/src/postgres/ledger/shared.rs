//! Rows that several partitions write: keys before identifiers before budgets, each in the order of their keys, so that of two
//! batches one waits for the other and never both.

use rules::known::Ident;
use schemas::{
    hashes::KeyHash,
    ids::{CompanyId, ProgramId},
    money::Currency,
};
use tokio_postgres::Row;

use super::{
    ask::{Ask, Param, column},
    columns::{Wide, get_currency, get_id, get_wide, int, unreadable},
};
use crate::{
    StoreError,
    ledger::{
        SharedRow, Versions,
        codes::{ident_bytes, ident_from},
    },
};

pub(super) fn keys(keys: impl Iterator<Item = KeyHash>) -> Vec<Param> {
    vec![Box::new(keys.map(|key| Wide(key.0)).collect::<Vec<_>>())]
}

pub(super) fn idents(idents: impl Iterator<Item = (CompanyId, Ident)>) -> Vec<Param> {
    let idents: Vec<_> = idents.collect();
    vec![column(&idents, |(company, _)| int(company.0)), column(&idents, |(_, ident)| ident_bytes(*ident).to_vec())]
}

pub(super) fn budgets(budgets: impl Iterator<Item = (ProgramId, Currency)>) -> Vec<Param> {
    let budgets: Vec<_> = budgets.collect();
    vec![column(&budgets, |(program, _)| int(program.0)), column(&budgets, |(_, currency)| currency.code())]
}

/// Locks rows that are there, and says how often each has changed.
pub(super) fn lock(rows: &Versions) -> Vec<Ask> {
    let mut asks = Vec::new();
    if !rows.keys.is_empty() {
        asks.push(lock_keys(rows.keys.keys().copied()));
    }
    if !rows.idents.is_empty() {
        asks.push(lock_idents(rows.idents.keys().copied()));
    }
    if !rows.budgets.is_empty() {
        asks.push(lock_budgets(rows.budgets.keys().copied()));
    }
    asks
}

pub(super) fn lock_keys(of: impl Iterator<Item = KeyHash>) -> Ask {
    Ask::rows(
        "SELECT version, key_hash FROM ledger.keys WHERE key_hash = ANY($1) ORDER BY key_hash FOR NO KEY UPDATE",
        keys(of),
    )
}

pub(super) fn lock_idents(of: impl Iterator<Item = (CompanyId, Ident)>) -> Ask {
    Ask::rows(
        "SELECT i.version, i.company, i.ident FROM unnest($1::bigint[], $2::bytea[]) asked (company, ident)
         JOIN ledger.idents i USING (company, ident) ORDER BY i.company, i.ident FOR NO KEY UPDATE OF i",
        idents(of),
    )
}

pub(super) fn lock_budgets(of: impl Iterator<Item = (ProgramId, Currency)>) -> Ask {
    Ask::rows(
        "SELECT b.version, b.program, b.currency FROM unnest($1::bigint[], $2::text[]) asked (program, currency)
         JOIN ledger.budgets b USING (program, currency) ORDER BY b.program, b.currency FOR NO KEY UPDATE OF b",
        budgets(of),
    )
}

/// Makes rows that say nothing where there are none, so that they can be locked.
pub(super) fn make(rows: &Versions) -> Vec<Ask> {
    let mut asks = Vec::new();
    let absent = |version: &u64| *version == 0;
    let of: Vec<KeyHash> = rows.keys.iter().filter(|(_, version)| absent(version)).map(|(key, _)| *key).collect();
    if !of.is_empty() {
        asks.push(Ask::count(
            "INSERT INTO ledger.keys (key_hash, company) SELECT key_hash, 0 FROM unnest($1::uuid[]) made (key_hash)
             ON CONFLICT DO NOTHING",
            keys(of.into_iter()),
        ));
    }
    let of: Vec<_> = rows.idents.iter().filter(|(_, version)| absent(version)).map(|(ident, _)| *ident).collect();
    if !of.is_empty() {
        asks.push(Ask::count(
            "INSERT INTO ledger.idents (company, ident) SELECT * FROM unnest($1::bigint[], $2::bytea[]) ON CONFLICT DO NOTHING",
            idents(of.into_iter()),
        ));
    }
    let of: Vec<_> = rows.budgets.iter().filter(|(_, version)| absent(version)).map(|(budget, _)| *budget).collect();
    if !of.is_empty() {
        asks.push(Ask::count(
            "INSERT INTO ledger.budgets (program, currency, spent_minor, version)
             SELECT program, currency, 0, 1 FROM unnest($1::bigint[], $2::text[]) made (program, currency) ON CONFLICT DO NOTHING",
            budgets(of.into_iter()),
        ));
    }
    asks
}

/// The first of these keys that this transaction did not make.
pub(super) fn key_made_before(of: impl Iterator<Item = KeyHash>) -> Ask {
    Ask::rows(
        "SELECT key_hash FROM ledger.keys WHERE key_hash = ANY($1) AND xmin <> pg_current_xact_id()::xid ORDER BY key_hash LIMIT 1",
        keys(of),
    )
}

pub(super) fn ident_made_before(of: impl Iterator<Item = (CompanyId, Ident)>) -> Ask {
    Ask::rows(
        "SELECT i.company, i.ident FROM unnest($1::bigint[], $2::bytea[]) asked (company, ident)
         JOIN ledger.idents i USING (company, ident) WHERE i.xmin <> pg_current_xact_id()::xid
         ORDER BY i.company, i.ident LIMIT 1",
        idents(of),
    )
}

pub(super) fn budget_made_before(of: impl Iterator<Item = (ProgramId, Currency)>) -> Ask {
    Ask::rows(
        "SELECT b.program, b.currency FROM unnest($1::bigint[], $2::text[]) asked (program, currency)
         JOIN ledger.budgets b USING (program, currency) WHERE b.xmin <> pg_current_xact_id()::xid
         ORDER BY b.program, b.currency LIMIT 1",
        budgets(of),
    )
}

/// Which table's row stands in these columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Key,
    Ident,
    Budget,
}

pub(super) fn read(row: &Row, column: usize, kind: Kind) -> Result<SharedRow, StoreError> {
    match kind {
        Kind::Key => Ok(SharedRow::Key(KeyHash(get_wide(row, column)?))),
        Kind::Ident => {
            let ident = ident_from(row.try_get(column + 1)?);
            let ident = ident.ok_or_else(|| unreadable(row, column + 1, "an identifier"))?;
            Ok(SharedRow::Ident(CompanyId(get_id(row, column)?), ident))
        }
        Kind::Budget => Ok(SharedRow::Budget(ProgramId(get_id(row, column)?), get_currency(row, column + 1)?)),
    }
}
