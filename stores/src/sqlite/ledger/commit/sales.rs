use std::collections::BTreeMap;

use rules::known::{ClickName, LinkSales, RECENT_VALUES};
use rusqlite::Transaction;
use schemas::{
    ids::{CompanyId, LinkId},
    money::Currency,
};

use crate::sqlite::{
    ledger::fetch::recent_values,
    row::{int, wide},
};

pub(super) fn use_click(transaction: &Transaction<'_>, click: ClickName, customer: u128) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO click_customers (link, event_id_hash, customer) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    )?;
    insert.execute((int(click.link.0), int(click.event_id_hash), wide(customer))).map(drop)
}

pub(super) fn add_link_sales(
    transaction: &Transaction<'_>,
    sales: &BTreeMap<(LinkId, i64), u32>,
) -> rusqlite::Result<()> {
    let mut add = transaction.prepare_cached("UPDATE link_sales SET n = n + ?3 WHERE link = ?1 AND bucket = ?2")?;
    let mut begin = transaction.prepare_cached("INSERT INTO link_sales (link, bucket, n) VALUES (?1, ?2, ?3)")?;
    let mut forget = transaction.prepare_cached("DELETE FROM link_sales WHERE link = ?1 AND bucket < ?2")?;
    for ((link, bucket), n) in sales {
        if add.execute((int(link.0), bucket, n))? == 0 {
            begin.execute((int(link.0), bucket, n))?;
            forget.execute((int(link.0), bucket - LinkSales::KEPT))?;
        }
    }
    Ok(())
}

pub(super) fn add_values(
    transaction: &Transaction<'_>,
    values: &BTreeMap<(CompanyId, Currency), Vec<i64>>,
) -> rusqlite::Result<()> {
    let mut put = transaction.prepare_cached(
        "INSERT INTO recent_values (company, currency, amounts) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET amounts = excluded.amounts",
    )?;
    for ((company, currency), newer) in values {
        let mut amounts = recent_values(transaction, *company, *currency)?;
        amounts.extend(newer);
        let excess = amounts.len().saturating_sub(RECENT_VALUES);
        let packed: Vec<u8> = amounts[excess..].iter().flat_map(|amount| amount.to_be_bytes()).collect();
        put.execute((int(company.0), currency.code(), packed))?;
    }
    Ok(())
}
