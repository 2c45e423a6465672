use std::collections::HashMap;

use rusqlite::{Transaction, params};
use schemas::{
    ids::{CompanyId, PartnerId},
    money::Currency,
    time::Day,
};

use super::{SqliteFacts, company::currency};
use crate::{
    StoreError,
    facts::{Currencies, Days, PartnerCompany, PartnerDay, PartnerOverview, sql},
    sqlite::row::{get_id, int},
};

const LIFETIME: Days = Days { from: Day(i32::MIN), until: Day(i32::MAX) };

impl SqliteFacts {
    pub(crate) async fn partner_overview(
        &self,
        partner: PartnerId,
        days: Days,
        currency: Option<Currency>,
    ) -> Result<PartnerOverview, StoreError> {
        self.readers.read(move |transaction| Ok(overview(transaction, int(partner.0), days, currency)?)).await
    }

    pub(crate) async fn partner_daily(
        &self,
        partner: PartnerId,
        days: Days,
        currency: Currency,
    ) -> Result<Vec<PartnerDay>, StoreError> {
        let read = move |transaction: &Transaction<'_>| {
            let mut select = transaction.prepare_cached(sql::PARTNER_DAILY)?;
            let found = select
                .query_map(params![int(partner.0), days.from.0, days.until.0, currency.code()], |row| {
                    Ok((Day(row.get(0)?), (row.get(1)?, row.get(2)?)))
                })?;
            let found = found.collect::<rusqlite::Result<HashMap<_, _>>>()?;
            let entry = |day| {
                let (conversions, earned_minor) = found.get(&day).copied().unwrap_or_default();
                PartnerDay { day, conversions, earned_minor }
            };
            Ok(days.iter().map(entry).collect())
        };
        self.readers.read(read).await
    }

    pub(crate) async fn partner_by_company(
        &self,
        partner: PartnerId,
        days: Days,
        currency: Currency,
        limit: u32,
    ) -> Result<Vec<PartnerCompany>, StoreError> {
        let read = move |transaction: &Transaction<'_>| {
            let mut select = transaction.prepare_cached(sql::PARTNER_COMPANIES)?;
            let found = select.query_map(
                params![int(partner.0), days.from.0, days.until.0, currency.code(), limit],
                |row| {
                    Ok(PartnerCompany {
                        company: CompanyId(get_id(row, 0)?),
                        conversions: row.get(1)?,
                        earned_minor: row.get(2)?,
                    })
                },
            )?;
            Ok(found.collect::<rusqlite::Result<_>>()?)
        };
        self.readers.read(read).await
    }
}

struct Earned {
    currency: Currency,
    conversions: i64,
    earned_minor: i64,
    approved_minor: i64,
}

fn earned(transaction: &Transaction<'_>, partner: i64, days: Days) -> rusqlite::Result<Vec<Earned>> {
    let mut select = transaction.prepare_cached(sql::PARTNER_CURRENCIES)?;
    let found = select.query_map(params![partner, days.from.0, days.until.0], |row| {
        Ok(Earned {
            currency: currency(row, 0)?,
            conversions: row.get(1)?,
            earned_minor: row.get(2)?,
            approved_minor: row.get(3)?,
        })
    })?;
    found.collect()
}

/// Where the period has no sale, the lifetime's currencies are shown: what was earned before should not vanish.
fn overview(
    transaction: &Transaction<'_>,
    partner: i64,
    days: Days,
    asked: Option<Currency>,
) -> rusqlite::Result<PartnerOverview> {
    let (period, lifetime) = (earned(transaction, partner, days)?, earned(transaction, partner, LIFETIME)?);
    let listed = if period.is_empty() { &lifetime } else { &period };
    let currencies = Currencies::of(asked, listed.iter().map(|earned| earned.currency).collect());
    let of = |all: &[Earned]| {
        let shown = all.iter().find(|earned| Some(earned.currency) == currencies.shown);
        shown.map_or((0, 0, 0), |earned| (earned.conversions, earned.earned_minor, earned.approved_minor))
    };
    let (conversions, earned_minor, approved_minor) = of(&period);
    let (_, lifetime_earned_minor, _) = of(&lifetime);
    let clicks = transaction
        .prepare_cached(sql::PARTNER_CLICKS)?
        .query_row(params![partner, days.from.0, days.until.0], |row| get_id(row, 0))?;
    Ok(PartnerOverview { currencies, clicks, conversions, earned_minor, approved_minor, lifetime_earned_minor })
}
