use axum::extract::State;
use schemas::{ids::CompanyId, money::Currency};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Api,
    auth::caller::Affiliate,
    error::ErrorBody,
    period::{Period, PeriodAsked},
    query::CurrencyAsked,
    reply::{Envelope, Reply, data},
};

/// How many companies are named.
const COMPANIES: u32 = 1_000;

/// What an affiliate earned of conversions that are not rejected. Amounts are minor units of `currency`, days are UTC.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Earnings {
    /// Each day of the period, oldest first.
    daily_earnings: Vec<EarningsDay>,
    /// Most earned first.
    by_company: Vec<CompanyEarnings>,
    #[schema(example = 30)]
    period_days: u32,
    #[schema(value_type = String, example = "USD")]
    currency: Currency,
    /// In which the period has conversions too.
    #[schema(value_type = Vec<String>, example = json!(["EUR"]))]
    other_currencies: Vec<Currency>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct EarningsDay {
    #[schema(format = Date, example = "2026-03-01")]
    date: String,
    #[schema(example = 500)]
    earned: i64,
    /// Conversions.
    #[schema(example = 2)]
    count: i64,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CompanyEarnings {
    #[schema(value_type = String, example = "cmp_0000000000001")]
    company_id: CompanyId,
    #[schema(required = true, example = "Acme")]
    company_name: Option<String>,
    #[schema(example = 3000)]
    earned: i64,
    /// Conversions.
    #[schema(example = 8)]
    count: i64,
}

/// What the affiliate earned, by day and by company
#[utoipa::path(get, path = "/affiliates/earnings", tag = "affiliates", security(("token" = [])),
    params(PeriodAsked, CurrencyAsked),
    responses(
        (status = 200, body = Envelope<Earnings>),
        (status = 400, description = "`VALIDATION_ERROR`", body = ErrorBody),
        (status = 401, description = "`UNAUTHORIZED`", body = ErrorBody),
        (status = 403, description = "`FORBIDDEN`: a company's token", body = ErrorBody),
    ))]
pub(crate) async fn earnings(
    State(api): State<Api>,
    Affiliate(partner): Affiliate,
    period: Period,
    asked: CurrencyAsked,
) -> Reply<Earnings> {
    let currencies = api.facts.partner_overview(partner, period.days, asked.currency).await?.currencies;
    let currency = asked.or_shown(&currencies);
    let daily = api.facts.partner_daily(partner, period.days, currency).await?;
    let companies = api.facts.partner_by_company(partner, period.days, currency, COMPANIES).await?;
    let ids = companies.iter().map(|company| company.company).collect();
    let mut names = api.catalog.company_names(ids).await?;
    let day = |day: stores::facts::PartnerDay| EarningsDay {
        date: day.day.iso(),
        earned: day.earned_minor,
        count: day.conversions,
    };
    let company = |earned: stores::facts::PartnerCompany| CompanyEarnings {
        company_id: earned.company,
        company_name: names.remove(&earned.company),
        earned: earned.earned_minor,
        count: earned.conversions,
    };
    Ok(data(Earnings {
        daily_earnings: daily.into_iter().map(day).collect(),
        by_company: companies.into_iter().map(company).collect(),
        period_days: period.count,
        currency,
        other_currencies: currencies.others,
    }))
}
