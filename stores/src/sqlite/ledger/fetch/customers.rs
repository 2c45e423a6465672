use rules::known::{Bound, ClickName, Ident, IdentRecord, LinkSales};
use rusqlite::{OptionalExtension, Row, Transaction};
use schemas::{
    hashes::{CustomerHash, EmailHash},
    ids::{CompanyId, LinkId, PartnerId},
    money::Currency,
    time::TimeMs,
};

use crate::{
    StoreError,
    ledger::{LedgerFetched, LedgerNeeds},
    sqlite::{
        ledger::columns::ident_bytes,
        row::{get_id, get_id_or_none, get_wide, int, unreadable},
    },
};

pub(super) fn fetch(
    transaction: &Transaction<'_>,
    needs: &LedgerNeeds,
    fetched: &mut LedgerFetched,
) -> Result<(), StoreError> {
    for (company, ident) in &needs.idents {
        let found = ident_row(transaction, *company, *ident)?;
        let version = found.as_ref().map_or(0, |(_, version)| *version);
        fetched.idents.extend(found.map(|(record, _)| ((*company, *ident), record)));
        fetched.versions.idents.insert((*company, *ident), version);
    }
    for click in &needs.click_customers {
        click_customers(transaction, *click, fetched)?;
    }
    for (link, from) in &needs.link_sales {
        let sales = link_sales(transaction, *link, *from)?;
        if !sales.buckets.is_empty() {
            fetched.link_sales.insert(*link, sales);
        }
    }
    for (company, currency) in &needs.recent_values {
        let values = recent_values(transaction, *company, *currency)?;
        if !values.is_empty() {
            fetched.recent_values.insert((*company, *currency), values);
        }
    }
    Ok(())
}

/// What is known by an identifier, and how often that has changed.
fn ident_row(
    transaction: &Transaction<'_>,
    company: CompanyId,
    ident: Ident,
) -> rusqlite::Result<Option<(IdentRecord, u64)>> {
    let mut statement = transaction.prepare_cached(
        "SELECT bound_partner, bound_link, bound_at_ms, customer, email, version FROM idents WHERE company = ?1 AND ident = ?2",
    )?;
    let row = |row: &Row<'_>| Ok((read_ident_record(row)?, get_id(row, 5)?));
    statement.query_row((int(company.0), ident_bytes(ident)), row).optional()
}

fn read_ident_record(row: &Row<'_>) -> rusqlite::Result<IdentRecord> {
    let bound = match (get_id_or_none(row, 0)?, get_id_or_none(row, 1)?, row.get::<_, Option<i64>>(2)?) {
        (Some(partner), Some(link), Some(at)) => {
            Some(Bound { partner: PartnerId(partner), link: LinkId(link), at: TimeMs(at) })
        }
        _ => None,
    };
    let hash = |column: usize| row.get::<_, Option<[u8; 16]>>(column).map(|hash| hash.map(u128::from_be_bytes));
    Ok(IdentRecord { bound, customer: hash(3)?.map(CustomerHash), email: hash(4)?.map(EmailHash) })
}

fn click_customers(
    transaction: &Transaction<'_>,
    click: ClickName,
    fetched: &mut LedgerFetched,
) -> rusqlite::Result<()> {
    let mut statement =
        transaction.prepare_cached("SELECT customer FROM click_customers WHERE link = ?1 AND event_id_hash = ?2")?;
    for customer in statement.query_map((int(click.link.0), int(click.event_id_hash)), |row| get_wide(row, 0))? {
        fetched.click_customers.entry(click).or_default().insert(customer?);
    }
    Ok(())
}

fn link_sales(transaction: &Transaction<'_>, link: LinkId, from: TimeMs) -> rusqlite::Result<LinkSales> {
    let mut statement = transaction.prepare_cached(
        "SELECT bucket, n FROM link_sales
         WHERE link = ?1 AND bucket >= ?2 AND bucket >= (SELECT max(bucket) FROM link_sales WHERE link = ?1) - ?3 ORDER BY bucket",
    )?;
    let buckets = statement
        .query_map((int(link.0), LinkSales::bucket_of(from), LinkSales::KEPT), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(LinkSales { buckets: buckets.collect::<rusqlite::Result<_>>()? })
}

pub(in crate::sqlite::ledger) fn recent_values(
    transaction: &Transaction<'_>,
    company: CompanyId,
    currency: Currency,
) -> rusqlite::Result<Vec<i64>> {
    let mut statement =
        transaction.prepare_cached("SELECT amounts FROM recent_values WHERE company = ?1 AND currency = ?2")?;
    let mut rows = statement.query((int(company.0), currency.code()))?;
    let Some(row) = rows.next()? else {
        return Ok(Vec::new());
    };
    let (amounts, rest) = row.get_ref(0)?.as_blob()?.as_chunks();
    if rest.is_empty() {
        Ok(amounts.iter().copied().map(i64::from_be_bytes).collect())
    } else {
        Err(unreadable(0, "amounts"))
    }
}
