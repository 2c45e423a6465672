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
    facts::{CompanyDay, CompanyOverview, Counted, Currencies, Days, TopPartner},
    sqlite::row::{get_id, int, unreadable},
};

const BY_CURRENCY: &str = "SELECT currency, sum(conversions) AS sold, sum(revenue_minor) AS revenue, sum(commission_minor), sum(approved_minor) \
                           FROM sales_by_day WHERE company = ?1 AND day >= ?2 AND day < ?3 \
                           GROUP BY currency HAVING sold <> 0 OR revenue <> 0 ORDER BY sold DESC, revenue DESC, currency";
const CLICKS: &str = "SELECT coalesce(sum(clicks), 0) FROM clicks_by_day WHERE company = ?1 AND day >= ?2 AND day < ?3";
const PARTNERS: &str = "SELECT count(*) FROM ( \
                        SELECT partner FROM clicks_by_day WHERE company = ?1 AND day >= ?2 AND day < ?3 AND clicks > 0 UNION \
                        SELECT partner FROM sales_by_day WHERE company = ?1 AND day >= ?2 AND day < ?3 AND conversions > 0 AND partner <> 0)";
const TOP: &str = "SELECT partner, sum(conversions) AS sold, sum(revenue_minor) AS revenue, sum(partner_minor) \
                   FROM sales_by_day WHERE company = ?1 AND day >= ?2 AND day < ?3 AND currency = ?4 AND partner <> 0 \
                   GROUP BY partner HAVING sold <> 0 OR revenue <> 0 ORDER BY revenue DESC, sold DESC, partner LIMIT ?5";
const CLICKS_DAILY: &str =
    "SELECT day, sum(clicks) FROM clicks_by_day WHERE company = ?1 AND day >= ?2 AND day < ?3 GROUP BY day";
const SALES_DAILY: &str = "SELECT day, sum(conversions), sum(revenue_minor) FROM sales_by_day \
                           WHERE company = ?1 AND day >= ?2 AND day < ?3 AND currency = ?4 GROUP BY day";
const BY_WEEKDAY: &str = "SELECT weekday, sum(revenue_minor) FROM sales_by_day \
                          WHERE company = ?1 AND day >= ?2 AND day < ?3 AND currency = ?4 GROUP BY weekday";
const SOURCES: &str = "SELECT source, sum(clicks) AS count FROM sources_by_day WHERE company = ?1 AND day >= ?2 AND day < ?3 \
                       GROUP BY source ORDER BY count DESC, source LIMIT ?4";
const PAGES: &str = "SELECT path, sum(clicks) AS count FROM pages_by_day WHERE company = ?1 AND day >= ?2 AND day < ?3 \
                     GROUP BY path ORDER BY count DESC, path LIMIT ?4";

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
        self.readers.read(move |transaction| Ok(counted(transaction, SOURCES, int(company.0), days, limit)?)).await
    }

    pub(crate) async fn top_pages(
        &self,
        company: CompanyId,
        days: Days,
        limit: u32,
    ) -> Result<Vec<Counted>, StoreError> {
        self.readers.read(move |transaction| Ok(counted(transaction, PAGES, int(company.0), days, limit)?)).await
    }

    pub(crate) async fn revenue_by_weekday(
        &self,
        company: CompanyId,
        days: Days,
        currency: Currency,
    ) -> Result<[i64; 7], StoreError> {
        let read = move |transaction: &Transaction<'_>| {
            let mut select = transaction.prepare_cached(BY_WEEKDAY)?;
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

/// The currency asked for, else the first of those found.
pub(super) fn currencies(asked: Option<Currency>, found: impl Iterator<Item = Currency>) -> Currencies {
    let found: Vec<Currency> = found.collect();
    let shown = asked.or(found.first().copied());
    Currencies { shown, others: found.into_iter().filter(|currency| Some(*currency) != shown).collect() }
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
    let mut select = transaction.prepare_cached(BY_CURRENCY)?;
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
    let currencies = currencies(asked, sold.iter().map(|sold| sold.currency));
    let shown = sold.iter().find(|sold| Some(sold.currency) == currencies.shown);
    let top = match currencies.shown {
        Some(currency) => top_partners(transaction, company, days, currency, top)?,
        None => Vec::new(),
    };
    Ok(CompanyOverview {
        clicks: transaction.prepare_cached(CLICKS)?.query_row(period, |row| get_id(row, 0))?,
        conversions: shown.map_or(0, |sold| sold.conversions),
        all_conversions: sold.iter().map(|sold| sold.conversions).sum(),
        revenue_minor: shown.map_or(0, |sold| sold.revenue_minor),
        commission_minor: shown.map_or(0, |sold| sold.commission_minor),
        approved_minor: shown.map_or(0, |sold| sold.approved_minor),
        partners: transaction.prepare_cached(PARTNERS)?.query_row(period, |row| get_id(row, 0))?,
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
    let mut select = transaction.prepare_cached(TOP)?;
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
    let mut clicks = transaction.prepare_cached(CLICKS_DAILY)?;
    let clicks =
        clicks.query_map(params![company, days.from.0, days.until.0], |row| Ok((Day(row.get(0)?), get_id(row, 1)?)))?;
    let clicks = clicks.collect::<rusqlite::Result<HashMap<_, _>>>()?;
    let mut sales = transaction.prepare_cached(SALES_DAILY)?;
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
