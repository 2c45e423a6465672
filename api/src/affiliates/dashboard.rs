use axum::extract::State;
use schemas::{ids::PartnerId, money::Currency};
use serde::Serialize;
use stores::catalog::Partner;
use utoipa::ToSchema;

use super::{
    programs::{JoinedProgram, joined},
    settings::own,
    totals::pending_payout,
};
use crate::{
    Api,
    auth::caller::Affiliate,
    error::ErrorBody,
    period::{Period, PeriodAsked},
    query::CurrencyAsked,
    reply::{Envelope, Reply, data},
};

/// An affiliate's overview. Amounts are minor units of `currency`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AffiliateDashboard {
    affiliate: AffiliateView,
    stats: Stats,
    /// The first joined first.
    programs: Vec<JoinedProgram>,
    /// Newest first. Empty: nothing is paid out yet.
    recent_payouts: Vec<Payout>,
    #[schema(example = 30)]
    period_days: u32,
    #[schema(value_type = String, example = "USD")]
    currency: Currency,
    /// In which the period has conversions too.
    #[schema(value_type = Vec<String>, example = json!(["EUR"]))]
    other_currencies: Vec<Currency>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct AffiliateView {
    #[schema(value_type = String, example = "aff_0000000000001")]
    id: PartnerId,
    #[schema(example = "aff@example.com")]
    email: String,
    #[schema(required = true, example = "Jane")]
    name: Option<String>,
    #[schema(example = "standard")]
    tier: String,
    #[schema(example = "active")]
    status: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stats {
    /// Of conversions that are not rejected, less refunds.
    #[schema(example = 5000)]
    period_earnings: i64,
    #[schema(example = 12)]
    period_conversions: i64,
    /// Approved and not paid, whatever the period.
    #[schema(example = 3500)]
    pending_payout: i64,
    /// Whatever the period.
    #[schema(example = 45000)]
    lifetime_earnings: i64,
    /// People's clicks in the period.
    #[schema(example = 890)]
    total_clicks: u64,
    /// Joined and not paused.
    #[schema(example = 3)]
    active_programs: usize,
}

/// A payout to the affiliate.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Payout {
    #[schema(example = 5000)]
    amount: i64,
    #[schema(value_type = String, example = "USD")]
    currency: Currency,
    /// RFC 3339.
    #[schema(format = DateTime, example = "2026-03-30T10:00:00.000Z")]
    paid_at: String,
}

/// The affiliate's overview
#[utoipa::path(get, path = "/affiliates/dashboard", tag = "affiliates", security(("token" = [])),
    params(PeriodAsked, CurrencyAsked),
    responses(
        (status = 200, body = Envelope<AffiliateDashboard>),
        (status = 400, description = "`VALIDATION_ERROR`", body = ErrorBody),
        (status = 401, description = "`UNAUTHORIZED`", body = ErrorBody),
        (status = 403, description = "`FORBIDDEN`: a company's token", body = ErrorBody),
    ))]
pub(crate) async fn dashboard(
    State(api): State<Api>,
    Affiliate(partner): Affiliate,
    period: Period,
    asked: CurrencyAsked,
) -> Reply<AffiliateDashboard> {
    let affiliate = own(&api, partner).await?;
    let overview = api.facts.partner_overview(partner, period.days, asked.currency).await?;
    let currency = asked.or_shown(&overview.currencies);
    let programs = joined(&api, partner, currency).await?;
    let stats = Stats {
        period_earnings: overview.earned_minor,
        period_conversions: overview.conversions,
        pending_payout: pending_payout(&api, partner, currency).await?,
        lifetime_earnings: overview.lifetime_earned_minor,
        total_clicks: overview.clicks,
        active_programs: programs.iter().filter(|program| program.is_active()).count(),
    };
    Ok(data(AffiliateDashboard {
        affiliate: affiliate.into(),
        stats,
        programs,
        recent_payouts: Vec::new(),
        period_days: period.count,
        currency,
        other_currencies: overview.currencies.others,
    }))
}

impl From<Partner> for AffiliateView {
    fn from(partner: Partner) -> AffiliateView {
        AffiliateView {
            id: partner.id,
            email: partner.email,
            name: partner.name,
            tier: partner.tier,
            status: partner.status,
        }
    }
}
