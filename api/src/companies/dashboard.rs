use std::collections::HashMap;

use axum::extract::State;
use schemas::{ids::PartnerId, money::Currency};
use serde::Serialize;
use stores::{catalog::Partner, facts::TopPartner};
use utoipa::ToSchema;

use crate::{
    Api, TOP,
    auth::caller::CompanyCaller,
    error::ErrorBody,
    number::Hundredths,
    period::{Period, PeriodAsked},
    query::CurrencyAsked,
    reply::{Envelope, Reply, data},
};

/// A company's period: attributed conversions that are not rejected, and people's clicks. Amounts are minor units of `currency`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Dashboard {
    /// Less refunds.
    #[schema(example = 150000)]
    total_revenue: i64,
    /// Commission that is approved.
    #[schema(example = 15000)]
    total_commission_paid: i64,
    /// Affiliates with a link in the program, whatever the period.
    #[schema(example = 42)]
    affiliate_count: u64,
    /// Conversions over clicks in percent, two decimals.
    #[schema(value_type = f64, example = 3.25)]
    conversion_rate: Hundredths,
    #[schema(example = 1200)]
    total_clicks: u64,
    #[schema(example = 39)]
    total_conversions: i64,
    /// Most revenue first.
    top_affiliates: Vec<TopAffiliate>,
    #[schema(example = 30)]
    period_days: u32,
    #[schema(value_type = String, example = "USD")]
    currency: Currency,
    /// In which the period has conversions too.
    #[schema(value_type = Vec<String>, example = json!(["EUR"]))]
    other_currencies: Vec<Currency>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TopAffiliate {
    #[schema(value_type = String, example = "aff_0000000000001")]
    affiliate_id: PartnerId,
    #[schema(required = true, example = "Jane Doe")]
    name: Option<String>,
    #[schema(example = 12)]
    conversions: i64,
    #[schema(example = 50000)]
    revenue: i64,
    /// The affiliate's part of the commission.
    #[schema(example = 4000)]
    earned: i64,
}

/// The company's numbers over a period
#[utoipa::path(get, path = "/companies/dashboard", tag = "companies", security(("token" = []), ("key" = [])),
    params(PeriodAsked, CurrencyAsked),
    responses(
        (status = 200, body = Envelope<Dashboard>),
        (status = 400, description = "`VALIDATION_ERROR`", body = ErrorBody),
        (status = 401, description = "`UNAUTHORIZED`", body = ErrorBody),
        (status = 403, description = "`FORBIDDEN`: an affiliate's token", body = ErrorBody),
    ))]
pub(crate) async fn dashboard(
    State(api): State<Api>,
    caller: CompanyCaller,
    period: Period,
    asked: CurrencyAsked,
) -> Reply<Dashboard> {
    let overview = api.facts.company_overview(caller.company, period.days, asked.currency, TOP).await?;
    let affiliate_count = api.catalog.partner_count(caller.company).await?;
    let ids = overview.top.iter().map(|top| top.partner).collect();
    let partners = api.catalog.partners(ids).await?;
    let clicks = i64::try_from(overview.clicks).unwrap_or(i64::MAX);
    Ok(data(Dashboard {
        total_revenue: overview.revenue_minor,
        total_commission_paid: overview.approved_minor,
        affiliate_count,
        conversion_rate: Hundredths::percent(overview.conversions, clicks),
        total_clicks: overview.clicks,
        total_conversions: overview.conversions,
        top_affiliates: named(overview.top, partners),
        period_days: period.count,
        currency: asked.or_shown(&overview.currencies),
        other_currencies: overview.currencies.others,
    }))
}

fn named(top: Vec<TopPartner>, partners: Vec<Partner>) -> Vec<TopAffiliate> {
    let mut names: HashMap<PartnerId, Option<String>> =
        partners.into_iter().map(|partner| (partner.id, partner.name)).collect();
    let name = |top: TopPartner| TopAffiliate {
        affiliate_id: top.partner,
        name: names.remove(&top.partner).flatten(),
        conversions: top.conversions,
        revenue: top.revenue_minor,
        earned: top.earned_minor,
    };
    top.into_iter().map(name).collect()
}
