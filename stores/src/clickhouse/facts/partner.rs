use schemas::{
    ids::{CompanyId, PartnerId},
    money::Currency,
    time::Day,
};

use super::{
    ClickHouseFacts,
    company::{currencies, sales_of_days},
    rows::shown,
};
use crate::{
    StoreError,
    clickhouse::{READ_WAIT, within},
    facts::{Days, PartnerCompany, PartnerDay, PartnerOverview, sql},
};

const LIFETIME: Days = Days { from: Day(i32::MIN), until: Day(i32::MAX) };

/// Currency, conversions, earned, approved.
type Earned = (String, i64, i128, i128);

impl ClickHouseFacts {
    /// Where the period has no sale, the lifetime's currencies are shown: what was earned before should not vanish.
    pub(crate) async fn partner_overview(
        &self,
        partner: PartnerId,
        days: Days,
        currency: Option<Currency>,
    ) -> Result<PartnerOverview, StoreError> {
        let clicks = self.of_days(sql::PARTNER_CLICKS, partner.0, days)?;
        let (period, lifetime, clicks) = tokio::try_join!(
            self.earned(partner, days),
            self.earned(partner, LIFETIME),
            within(READ_WAIT, clicks.fetch_one()),
        )?;
        let listed = if period.is_empty() { &lifetime } else { &period };
        let currencies = currencies(currency, listed.iter().map(|earned| &*earned.0))?;
        let code = currencies.shown.map(Currency::code);
        let of = |all: &[Earned]| {
            let found = all.iter().find(|earned| Some(&*earned.0) == code);
            found.map_or((0, 0, 0), |earned| (earned.1, shown(earned.2), shown(earned.3)))
        };
        let (conversions, earned_minor, approved_minor) = of(&period);
        let (_, lifetime_earned_minor, _) = of(&lifetime);
        Ok(PartnerOverview { currencies, clicks, conversions, earned_minor, approved_minor, lifetime_earned_minor })
    }

    async fn earned(&self, partner: PartnerId, days: Days) -> Result<Vec<Earned>, StoreError> {
        within(READ_WAIT, self.of_days(sql::PARTNER_CURRENCIES, partner.0, days)?.fetch_all()).await
    }

    pub(crate) async fn partner_daily(
        &self,
        partner: PartnerId,
        days: Days,
        currency: Currency,
    ) -> Result<Vec<PartnerDay>, StoreError> {
        let query = self.of_days(sql::PARTNER_DAILY, partner.0, days)?.bind(currency.code());
        let found = sales_of_days(within(READ_WAIT, query.fetch_all()).await?);
        let entry = |day| {
            let (conversions, earned_minor) = found.get(&day).copied().unwrap_or_default();
            PartnerDay { day, conversions, earned_minor }
        };
        Ok(days.iter().map(entry).collect())
    }

    pub(crate) async fn partner_by_company(
        &self,
        partner: PartnerId,
        days: Days,
        currency: Currency,
        limit: u32,
    ) -> Result<Vec<PartnerCompany>, StoreError> {
        let query = self.of_days(sql::PARTNER_COMPANIES, partner.0, days)?.bind(currency.code()).bind(limit);
        let found: Vec<(u64, i64, i128)> = within(READ_WAIT, query.fetch_all()).await?;
        let rows = found.into_iter().map(|(company, conversions, earned)| PartnerCompany {
            company: CompanyId(company),
            conversions,
            earned_minor: shown(earned),
        });
        Ok(rows.collect())
    }
}
