use std::collections::HashMap;

use clickhouse::query::Query;
use schemas::{
    ids::{CompanyId, PartnerId},
    money::Currency,
    time::Day,
};

use super::{
    ClickHouseFacts,
    rows::{currency, date, day, shown, unreadable},
};
use crate::{
    StoreError,
    clickhouse::{READ_WAIT, within},
    facts::{CompanyDay, CompanyOverview, Counted, Currencies, Days, TopPartner, sql},
};

type Sold = (String, i64, i128, i128, i128);

impl ClickHouseFacts {
    pub(crate) async fn company_overview(
        &self,
        company: CompanyId,
        days: Days,
        currency: Option<Currency>,
        top: u32,
    ) -> Result<CompanyOverview, StoreError> {
        let sold = self.of_days(sql::COMPANY_CURRENCIES, company.0, days)?;
        let clicks = self.of_days(sql::COMPANY_CLICKS, company.0, days)?;
        let (sold, clicks): (Vec<Sold>, u64) =
            tokio::try_join!(within(READ_WAIT, sold.fetch_all()), within(READ_WAIT, clicks.fetch_one()))?;
        let currencies = currencies(currency, sold.iter().map(|sold| &*sold.0))?;
        let code = currencies.shown.map(Currency::code);
        let shown_sold = sold.iter().find(|sold| Some(&*sold.0) == code);
        let top = match currencies.shown {
            Some(currency) if top > 0 => self.top_partners(company, days, currency, top).await?,
            _ => Vec::new(),
        };
        Ok(CompanyOverview {
            currencies,
            clicks,
            conversions: shown_sold.map_or(0, |sold| sold.1),
            all_conversions: sold.iter().map(|sold| sold.1).sum(),
            revenue_minor: shown_sold.map_or(0, |sold| shown(sold.2)),
            commission_minor: shown_sold.map_or(0, |sold| shown(sold.3)),
            approved_minor: shown_sold.map_or(0, |sold| shown(sold.4)),
            top,
        })
    }

    async fn top_partners(
        &self,
        company: CompanyId,
        days: Days,
        currency: Currency,
        limit: u32,
    ) -> Result<Vec<TopPartner>, StoreError> {
        let query = self.of_days(sql::TOP_PARTNERS, company.0, days)?.bind(currency.code()).bind(limit);
        let found: Vec<(u64, i64, i128, i128)> = within(READ_WAIT, query.fetch_all()).await?;
        let top = found.into_iter().map(|(partner, conversions, revenue, earned)| TopPartner {
            partner: PartnerId(partner),
            conversions,
            revenue_minor: shown(revenue),
            earned_minor: shown(earned),
        });
        Ok(top.collect())
    }

    pub(crate) async fn company_daily(
        &self,
        company: CompanyId,
        days: Days,
        currency: Currency,
    ) -> Result<Vec<CompanyDay>, StoreError> {
        let clicks = self.of_days(sql::COMPANY_CLICKS_DAILY, company.0, days)?;
        let sales = self.of_days(sql::COMPANY_SALES_DAILY, company.0, days)?.bind(currency.code());
        let (clicks, sales): (Vec<(u16, u64)>, _) =
            tokio::try_join!(within(READ_WAIT, clicks.fetch_all()), within(READ_WAIT, sales.fetch_all()))?;
        let sales = sales_of_days(sales);
        let clicks: HashMap<Day, u64> = clicks.into_iter().map(|(number, clicks)| (day(number), clicks)).collect();
        let entry = |day| {
            let (conversions, revenue_minor) = sales.get(&day).copied().unwrap_or_default();
            CompanyDay { day, clicks: clicks.get(&day).copied().unwrap_or(0), conversions, revenue_minor }
        };
        Ok(days.iter().map(entry).collect())
    }

    pub(crate) async fn traffic_sources(
        &self,
        company: CompanyId,
        days: Days,
        limit: u32,
    ) -> Result<Vec<Counted>, StoreError> {
        self.counted(sql::SOURCES, company, days, limit).await
    }

    pub(crate) async fn top_pages(
        &self,
        company: CompanyId,
        days: Days,
        limit: u32,
    ) -> Result<Vec<Counted>, StoreError> {
        self.counted(sql::PAGES, company, days, limit).await
    }

    async fn counted(
        &self,
        select: &str,
        company: CompanyId,
        days: Days,
        limit: u32,
    ) -> Result<Vec<Counted>, StoreError> {
        let query = self.of_days(select, company.0, days)?.bind(limit);
        let found: Vec<(String, u64)> = within(READ_WAIT, query.fetch_all()).await?;
        Ok(found.into_iter().map(|(name, clicks)| Counted { name, clicks }).collect())
    }

    pub(crate) async fn revenue_by_weekday(
        &self,
        company: CompanyId,
        days: Days,
        currency: Currency,
    ) -> Result<[i64; 7], StoreError> {
        let query = self.of_days(sql::REVENUE_BY_WEEKDAY, company.0, days)?.bind(currency.code());
        let found: Vec<(u8, i128)> = within(READ_WAIT, query.fetch_all()).await?;
        let mut revenue = [0; 7];
        for (weekday, sum) in found {
            let place = revenue.get_mut(usize::from(weekday).wrapping_sub(1));
            *place.ok_or_else(|| unreadable("a weekday"))? = shown(sum);
        }
        Ok(revenue)
    }

    /// A question whose first parameters are whom it is about, and the days.
    pub(super) fn of_days(&self, select: &str, whom: u64, days: Days) -> Result<Query, StoreError> {
        Ok(bind_days(self.open_server()?.client.query(select).bind(whom), days))
    }
}

fn bind_days(query: Query, days: Days) -> Query {
    query.bind(date(days.from)).bind(date(days.until))
}

/// Conversions and money of each day.
pub(super) fn sales_of_days(found: Vec<(u16, i64, i128)>) -> HashMap<Day, (i64, i64)> {
    found.into_iter().map(|(number, conversions, minor)| (day(number), (conversions, shown(minor)))).collect()
}

pub(super) fn currencies<'a>(
    asked: Option<Currency>,
    found: impl Iterator<Item = &'a str>,
) -> Result<Currencies, StoreError> {
    let found = found.map(currency).collect::<Result<Vec<_>, _>>()?;
    Ok(Currencies::of(asked, found))
}
