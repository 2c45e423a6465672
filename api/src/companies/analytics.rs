use axum::extract::State;
use schemas::money::Currency;
use serde::Serialize;
use stores::facts::{CompanyDay, Counted};
use utoipa::ToSchema;

use crate::{
    Api, TOP,
    auth::caller::CompanyCaller,
    error::ErrorBody,
    period::{Period, PeriodAsked},
    query::CurrencyAsked,
    reply::{Envelope, Reply, data},
};

/// A company's period in detail. Amounts are minor units of `currency`, days are UTC.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Analytics {
    /// Each day of the period, oldest first.
    daily: Vec<AnalyticsDay>,
    /// `utmSource`, or else the referrer's host, or `direct`; most clicks first.
    traffic_sources: Vec<TrafficSource>,
    /// Most clicks first.
    top_pages: Vec<TopPage>,
    /// All seven days, Monday first.
    revenue_by_day: Vec<WeekdayRevenue>,
    #[schema(example = 30)]
    period_days: u32,
    #[schema(value_type = String, example = "USD")]
    currency: Currency,
    /// In which the period has conversions too.
    #[schema(value_type = Vec<String>, example = json!(["EUR"]))]
    other_currencies: Vec<Currency>,
}

/// A sale stands on its own day, and a refund lowers that day.
#[derive(Serialize, ToSchema)]
pub(crate) struct AnalyticsDay {
    #[schema(format = Date, example = "2026-03-01")]
    date: String,
    #[schema(example = 45)]
    clicks: u64,
    #[schema(example = 3)]
    conversions: i64,
    #[schema(example = 12000)]
    revenue: i64,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct TrafficSource {
    #[schema(example = "twitter")]
    source: String,
    #[schema(example = 120)]
    count: u64,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct TopPage {
    /// The path alone.
    #[schema(example = "/pricing")]
    page: String,
    #[schema(example = 89)]
    clicks: u64,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WeekdayRevenue {
    /// ISO weekday: Monday is 1.
    #[schema(minimum = 1, maximum = 7, example = 1)]
    day_of_week: u8,
    #[schema(example = 34000)]
    revenue: i64,
}

/// The company's period by day, source, page and weekday
#[utoipa::path(get, path = "/companies/analytics", tag = "companies", security(("token" = []), ("key" = [])),
    params(PeriodAsked, CurrencyAsked),
    responses(
        (status = 200, body = Envelope<Analytics>),
        (status = 400, description = "`VALIDATION_ERROR`", body = ErrorBody),
        (status = 401, description = "`UNAUTHORIZED`", body = ErrorBody),
        (status = 403, description = "`FORBIDDEN`: an affiliate's token", body = ErrorBody),
    ))]
pub(crate) async fn analytics(
    State(api): State<Api>,
    caller: CompanyCaller,
    period: Period,
    asked: CurrencyAsked,
) -> Reply<Analytics> {
    let (company, days) = (caller.company, period.days);
    let (overview, sources, pages) = tokio::try_join!(
        api.facts.company_overview(company, days, asked.currency, 0),
        api.facts.traffic_sources(company, days, TOP),
        api.facts.top_pages(company, days, TOP),
    )?;
    let currencies = overview.currencies;
    let currency = asked.or_shown(&currencies);
    let (daily, weekdays) = tokio::try_join!(
        api.facts.company_daily(company, days, currency),
        api.facts.revenue_by_weekday(company, days, currency),
    )?;
    Ok(data(Analytics {
        daily: daily.into_iter().map(AnalyticsDay::from).collect(),
        traffic_sources: sources.into_iter().map(TrafficSource::from).collect(),
        top_pages: pages.into_iter().map(TopPage::from).collect(),
        revenue_by_day: (1..)
            .zip(weekdays)
            .map(|(day_of_week, revenue)| WeekdayRevenue { day_of_week, revenue })
            .collect(),
        period_days: period.count,
        currency,
        other_currencies: currencies.others,
    }))
}

impl From<CompanyDay> for AnalyticsDay {
    fn from(day: CompanyDay) -> AnalyticsDay {
        AnalyticsDay {
            date: day.day.iso(),
            clicks: day.clicks,
            conversions: day.conversions,
            revenue: day.revenue_minor,
        }
    }
}

impl From<Counted> for TrafficSource {
    fn from(counted: Counted) -> TrafficSource {
        TrafficSource { source: counted.name, count: counted.clicks }
    }
}

impl From<Counted> for TopPage {
    fn from(counted: Counted) -> TopPage {
        TopPage { page: counted.name, clicks: counted.clicks }
    }
}
