use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use rusqlite::{OptionalExtension as _, Transaction, params};
use schemas::{
    catalog::{CatalogChange, ChangeNo, PartnerRow},
    hashes::EmailHash,
    ids::{KeyId, PartnerId, ProgramId},
    time::TimeMs,
};

use super::{
    SqliteCatalog, links,
    rows::{COMPANY_COLUMNS, KEY_COLUMNS, LINK_COLUMNS, company_row, key_row, link_row},
    terms,
};
use crate::{
    StoreError,
    catalog::{ChangeKind, Changes, DecisionKeys, DecisionRows, LoadFrom, LoadPage, terms_cache::TermsCache},
    sqlite::row::{get_id, get_wide, int, unreadable},
};

impl SqliteCatalog {
    pub(crate) async fn changes_since(&self, after: ChangeNo, limit: u32) -> Result<Changes, StoreError> {
        let read = move |transaction: &Transaction<'_>| {
            let mut select =
                transaction.prepare_cached("SELECT no, kind, id FROM changes WHERE no > ?1 ORDER BY no LIMIT ?2")?;
            let mut found = select.query(params![int(after.0), limit])?;
            let (mut rows, mut up_to) = (Vec::new(), after);
            while let Some(change) = found.next()? {
                up_to = ChangeNo(get_id(change, 0)?);
                let kind = ChangeKind::of(change.get(1)?).ok_or_else(|| unreadable(1, "no kind of change"))?;
                let id: i64 = change.get(2)?;
                rows.extend(rows_from(transaction, LoadFrom { kind, id }, 1, "id = ?1 LIMIT ?2")?);
            }
            Ok(Changes { rows, up_to })
        };
        self.readers.read(read).await
    }

    pub(crate) async fn load_page(&self, from: Option<LoadFrom>, limit: u32) -> Result<LoadPage, StoreError> {
        let read = move |transaction: &Transaction<'_>| {
            let newest = transaction
                .prepare_cached("SELECT coalesce(max(no), 0) FROM changes")?
                .query_row([], |row| get_id(row, 0))?;
            let (mut rows, mut next) = (Vec::new(), Some(from.unwrap_or(LoadFrom::START)));
            while let Some(here) = next
                && rows.len() < limit as usize
            {
                let wanted = limit as usize - rows.len();
                let found = rows_from(transaction, here, wanted, "id >= ?1 ORDER BY id LIMIT ?2")?;
                next = here.following(&found, wanted);
                rows.extend(found);
            }
            Ok(LoadPage { rows, next, current_to: ChangeNo(newest) })
        };
        self.readers.read(read).await
    }

    pub(crate) async fn decision_rows(&self, wanted: DecisionKeys) -> Result<DecisionRows, StoreError> {
        let cache = Arc::clone(&self.terms);
        self.readers.read(move |transaction| decision_rows(transaction, &cache, &wanted)).await
    }
}

fn rows_from(
    transaction: &Transaction<'_>,
    from: LoadFrom,
    limit: usize,
    which: &str,
) -> rusqlite::Result<Vec<CatalogChange>> {
    let (columns, table) = match from.kind {
        ChangeKind::Company => (COMPANY_COLUMNS, "companies"),
        ChangeKind::Credential => (KEY_COLUMNS, "credentials"),
        ChangeKind::Link => (LINK_COLUMNS, "links"),
    };
    let mut select = transaction.prepare_cached(&format!("SELECT {columns} FROM {table} WHERE {which}"))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = select.query_map(params![from.id, limit], |row| match from.kind {
        ChangeKind::Company => company_row(row).map(CatalogChange::Company),
        ChangeKind::Credential => key_row(row).map(CatalogChange::Key),
        ChangeKind::Link => link_row(row).map(CatalogChange::Link),
    })?;
    rows.collect()
}

fn decision_rows(
    transaction: &Transaction<'_>,
    cache: &TermsCache,
    wanted: &DecisionKeys,
) -> Result<DecisionRows, StoreError> {
    let mut programs: BTreeSet<ProgramId> = wanted.programs.iter().copied().collect();
    let mut partners: BTreeSet<PartnerId> = wanted.partners.iter().copied().collect();
    let mut rows = DecisionRows::default();
    for id in wanted.links.iter().collect::<BTreeSet<_>>() {
        if let Some(link) = links::row(transaction, *id)? {
            programs.insert(link.program);
            partners.insert(link.partner);
            rows.links.push(link);
        }
    }
    for program in programs {
        let versions = terms::all(transaction, cache, program)?;
        if !versions.is_empty() {
            rows.terms.insert(program, versions);
        }
    }
    let mut email = transaction.prepare_cached("SELECT email_hash FROM partners WHERE id = ?1")?;
    for id in partners {
        let found = email.query_row([int(id.0)], |row| get_wide(row, 0).map(EmailHash)).optional()?;
        rows.partners.extend(found.map(|email| PartnerRow { id, email }));
    }
    rows.revoked = revoked(transaction, &wanted.keys)?;
    Ok(rows)
}

fn revoked(transaction: &Transaction<'_>, keys: &[KeyId]) -> rusqlite::Result<HashMap<KeyId, TimeMs>> {
    let mut select =
        transaction.prepare_cached("SELECT revoked_at FROM credentials WHERE id = ?1 AND revoked_at IS NOT NULL")?;
    let mut revoked = HashMap::new();
    for key in keys {
        if let Some(at) = select.query_row([int(key.0)], |row| row.get(0).map(TimeMs)).optional()? {
            revoked.insert(*key, at);
        }
    }
    Ok(revoked)
}
