use std::collections::HashMap;

use deadpool_postgres::Client;
use schemas::catalog::{CatalogChange, ChangeNo};
use tokio_postgres::Row;

use super::{
    PostgresCatalog, latest,
    rows::{COMPANY_COLUMNS, KEY_COLUMNS, LINK_COLUMNS, company_row, key_row, link_row},
};
use crate::{
    StoreError,
    catalog::{ChangeKind, Changes, LoadFrom, LoadPage},
    postgres::{
        query,
        row::{get_id, int, unreadable},
    },
};

const CHANGES: &str = "SELECT no, kind, id FROM catalog.changes WHERE no > $1 ORDER BY no LIMIT $2";

impl PostgresCatalog {
    /// A row that changes between the two round trips comes as it then is, and once more under its new number.
    pub(crate) async fn changes_since(&self, after: ChangeNo, limit: u32) -> Result<Changes, StoreError> {
        let read = async |client: &Client| {
            let found = query::all(client, CHANGES, &[&int(after.0), &i64::from(limit)]).await?;
            let mut up_to = after;
            let mut changed = Vec::with_capacity(found.len());
            for row in &found {
                up_to = ChangeNo(get_id(row, 0)?);
                let kind = ChangeKind::of(row.try_get::<_, i16>(1)?.into());
                let kind = kind.ok_or_else(|| unreadable(row, 1, "no kind of change"))?;
                changed.push((kind, row.try_get::<_, i64>(2)?));
            }
            let ids = |kind| changed.iter().filter(|(of, _)| *of == kind).map(|(_, id)| *id).collect::<Vec<_>>();
            let (companies, keys, links) = tokio::try_join!(
                by_id(client, ChangeKind::Company, ids(ChangeKind::Company)),
                by_id(client, ChangeKind::Credential, ids(ChangeKind::Credential)),
                by_id(client, ChangeKind::Link, ids(ChangeKind::Link)),
            )?;
            let mut rows: HashMap<_, _> = companies.into_iter().chain(keys).chain(links).collect();
            Ok(Changes { rows: changed.into_iter().filter_map(|key| rows.remove(&key)).collect(), up_to })
        };
        self.run(read).await
    }

    /// The newest number is read before the rows, so these are at least as new.
    pub(crate) async fn load_page(&self, from: Option<LoadFrom>, limit: u32) -> Result<LoadPage, StoreError> {
        let read = async |client: &Client| {
            let current_to = latest::newest(client).await?;
            let (mut rows, mut next) = (Vec::new(), Some(from.unwrap_or(LoadFrom::START)));
            while let Some(here) = next
                && rows.len() < limit as usize
            {
                let wanted = limit as usize - rows.len();
                let found = page(client, here, wanted).await?;
                next = here.following(&found, wanted);
                rows.extend(found);
            }
            Ok(LoadPage { rows, next, current_to })
        };
        self.run(read).await
    }
}

fn table(kind: ChangeKind) -> (&'static str, &'static str) {
    match kind {
        ChangeKind::Company => (COMPANY_COLUMNS, "companies"),
        ChangeKind::Credential => (KEY_COLUMNS, "credentials"),
        ChangeKind::Link => (LINK_COLUMNS, "links"),
    }
}

fn change(kind: ChangeKind, row: &Row) -> Result<CatalogChange, StoreError> {
    match kind {
        ChangeKind::Company => company_row(row).map(CatalogChange::Company),
        ChangeKind::Credential => key_row(row).map(CatalogChange::Key),
        ChangeKind::Link => link_row(row).map(CatalogChange::Link),
    }
}

async fn by_id(
    client: &Client,
    kind: ChangeKind,
    ids: Vec<i64>,
) -> Result<Vec<((ChangeKind, i64), CatalogChange)>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let (columns, table) = table(kind);
    let select = format!("SELECT {columns} FROM catalog.{table} WHERE id = ANY($1)");
    let rows = query::all(client, &select, &[&ids]).await?;
    rows.iter().map(|row| Ok(((kind, row.try_get(0)?), change(kind, row)?))).collect()
}

async fn page(client: &Client, from: LoadFrom, limit: usize) -> Result<Vec<CatalogChange>, StoreError> {
    let (columns, table) = table(from.kind);
    let select = format!("SELECT {columns} FROM catalog.{table} WHERE id >= $1 ORDER BY id LIMIT $2");
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = query::all(client, &select, &[&from.id, &limit]).await?;
    rows.iter().map(|row| change(from.kind, row)).collect()
}
