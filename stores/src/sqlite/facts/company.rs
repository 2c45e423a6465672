use std::collections::HashMap;

use rusqlite::{Row, Transaction, params};
use schemas::{
    ids::{CompanyId, PartnerId},
    money::Currency,
    time::Day,
};

use super::SqliteFacts;
use crate::{
    StoreError,
    facts::{CompanyDay, CompanyOverview, Counted, Currencies, Days, TopPartner, sql},
    sqlite::row::{get_id, int, unreadable},
};

impl SqliteFacts {
    pub(crate) async fn company_overview(
        &self,
        company: CompanyId,
        days: Days,
        currency: Option<Currency>,
        top: u32,
    ) -> Result<CompanyOverview, StoreError> {
        self.readers.read(move |transaction| Ok(overview(transaction, int(company.0), days, currency, top)?)).await
    }

    pub(crate) async fn company_daily(
        &self,
        company: CompanyId,
        days: Days,
        currency: Currency,
    ) -> Result<Vec<CompanyDay>, StoreError> {
        self.readers.read(move |transaction| Ok(daily(transaction, int(company.0), days, currency)?)).await
    }

    pub(crate) async fn traffic_sources(
        &self,
        company: CompanyId,
        days: Days,
        limit: u32,
    ) -> Result<Vec<Counted>, StoreError> {
        self.readers.read(move |transaction| Ok(counted(transaction, sql::SOURCES, int(company.0), days, limit)?)).await
    }

    pub(crate) async fn top_pages(
        &self,
        company: CompanyId,
        days: Days,
        limit: u32,
    ) -> Result<Vec<Counted>, StoreError> {
        self.readers.read(move |transaction| Ok(counted(transaction, sql::PAGES, int(company.0), days, limit)?)).await
    }

    pub(crate) async fn revenue_by_weekday(
        &self,
        company: CompanyId,
        days: Days,
        currency: Currency,
    ) -> Result<[i64; 7], StoreError> {
        let read = move |transaction: &Transaction<'_>| {
            let mut select = transaction.prepare_cached(sql::REVENUE_BY_WEEKDAY)?;
            let mut found = select.query(params![int(company.0), days.from.0, days.until.0, currency.code()])?;
            let mut revenue = [0; 7];
            while let Some(row) = found.next()? {
                let weekday = usize::from(row.get::<_, u8>(0)?);
                *revenue.get_mut(weekday.wrapping_sub(1)).ok_or_else(|| unreadable(0, "no weekday"))? = row.get(1)?;
            }
            Ok(revenue)
        };
        self.readers.read(read).await
    }
}

pub(super) fn currency(row: &Row<'_>, column: usize) -> rusqlite::Result<Currency> {
    Currency::parse(row.get_ref(column)?.as_str()?).map_err(|_| unreadable(column, "no currency"))
}

struct Sold {
    currency: Currency,
    conversions: i64,
    revenue_minor: i64,
    commission_minor: i64,
    approved_minor: i64,
}

fn overview(
    transaction: &Transaction<'_>,
    company: i64,
    days: Days,
    asked: Option<Currency>,
    top: u32,
) -> rusqlite::Result<CompanyOverview> {
    let period = params![company, days.from.0, days.until.0];
    let mut select = transaction.prepare_cached(sql::COMPANY_CURRENCIES)?;
    let sold = select.query_map(period, |row| {
        Ok(Sold {
            currency: currency(row, 0)?,
            conversions: row.get(1)?,
            revenue_minor: row.get(2)?,
            commission_minor: row.get(3)?,
            approved_minor: row.get(4)?,
        })
    })?;
    let sold = sold.collect::<rusqlite::Result<Vec<_>>>()?;
    let currencies = Currencies::of(asked, sold.iter().map(|sold| sold.currency).collect());
    let shown = sold.iter().find(|sold| Some(sold.currency) == currencies.shown);
    let top = match currencies.shown {
        Some(currency) if top > 0 => top_partners(transaction, company, days, currency, top)?,
        _ => Vec::new(),
    };
    Ok(CompanyOverview {
        clicks: transaction.prepare_cached(sql::COMPANY_CLICKS)?.query_row(period, |row| get_id(row, 0))?,
        conversions: shown.map_or(0, |sold| sold.conversions),
        all_conversions: sold.iter().map(|sold| sold.conversions).sum(),
        revenue_minor: shown.map_or(0, |sold| sold.revenue_minor),
        commission_minor: shown.map_or(0, |sold| sold.commission_minor),
        approved_minor: shown.map_or(0, |sold| sold.approved_minor),
        top,
        currencies,
    })
}

fn top_partners(
    transaction: &Transaction<'_>,
    company: i64,
    days: Days,
    currency: Currency,
    limit: u32,
) -> rusqlite::Result<Vec<TopPartner>> {
    let mut select = transaction.prepare_cached(sql::TOP_PARTNERS)?;
    let found = select.query_map(params![company, days.from.0, days.until.0, currency.code(), limit], |row| {
        Ok(TopPartner {
            partner: PartnerId(get_id(row, 0)?),
            conversions: row.get(1)?,
            revenue_minor: row.get(2)?,
            earned_minor: row.get(3)?,
        })
    })?;
    found.collect()
}

fn daily(
    transaction: &Transaction<'_>,
    company: i64,
    days: Days,
    currency: Currency,
) -> rusqlite::Result<Vec<CompanyDay>> {
    let mut clicks = transaction.prepare_cached(sql::COMPANY_CLICKS_DAILY)?;
    let clicks =
        clicks.query_map(params![company, days.from.0, days.until.0], |row| Ok((Day(row.get(0)?), get_id(row, 1)?)))?;
    let clicks = clicks.collect::<rusqlite::Result<HashMap<_, _>>>()?;
    let mut sales = transaction.prepare_cached(sql::COMPANY_SALES_DAILY)?;
    let sales = sales.query_map(params![company, days.from.0, days.until.0, currency.code()], |row| {
        Ok((Day(row.get(0)?), (row.get(1)?, row.get(2)?)))
    })?;
    let sales = sales.collect::<rusqlite::Result<HashMap<_, _>>>()?;
    let entry = |day| {
        let (conversions, revenue_minor) = sales.get(&day).copied().unwrap_or_default();
        CompanyDay { day, clicks: clicks.get(&day).copied().unwrap_or(0), conversions, revenue_minor }
    };
    Ok(days.iter().map(entry).collect())
}

fn counted(
    transaction: &Transaction<'_>,
    select: &str,
    company: i64,
    days: Days,
    limit: u32,
) -> rusqlite::Result<Vec<Counted>> {
    let mut select = transaction.prepare_cached(select)?;
    let found = select.query_map(params![company, days.from.0, days.until.0, limit], |row| {
        Ok(Counted { name: row.get(0)?, clicks: get_id(row, 1)? })
    })?;
    found.collect()
}
