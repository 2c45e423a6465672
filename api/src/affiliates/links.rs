use axum::extract::State;
use schemas::{code::Code, ids::CompanyId, money::Currency};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Api,
    auth::caller::Affiliate,
    error::{ApiError, ErrorBody},
    links::{Sales, totals, url},
    paging::Paging,
    reply::{Listed, listed},
};

/// A link of the affiliate, and what it brought in all its time.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AffiliateLink {
    #[schema(value_type = String, example = "jane10")]
    code: Code,
    #[schema(example = "http://127.0.0.1:8080/r/jane10")]
    url: String,
    #[schema(value_type = String, example = "cmp_0000000000001")]
    company_id: CompanyId,
    /// People's.
    #[schema(example = 89)]
    clicks: u64,
    /// Of all currencies.
    #[schema(example = 12)]
    conversions: i64,
    /// In `currency`, in minor units.
    #[schema(example = 800)]
    earned: i64,
    /// The currency with the most conversions.
    #[schema(value_type = String, example = "USD")]
    currency: Currency,
    /// All currencies.
    sales: Vec<Sales>,
}

/// The affiliate's links, newest first
#[utoipa::path(get, path = "/affiliates/links", tag = "affiliates", security(("token" = [])), params(Paging), responses(
    (status = 200, body = Listed<AffiliateLink>),
    (status = 400, description = "`VALIDATION_ERROR`", body = ErrorBody),
    (status = 401, description = "`UNAUTHORIZED`", body = ErrorBody),
    (status = 403, description = "`FORBIDDEN`: a company's token", body = ErrorBody),
))]
pub(crate) async fn links(
    State(api): State<Api>,
    Affiliate(partner): Affiliate,
    paging: Paging,
) -> Result<Listed<AffiliateLink>, ApiError> {
    let found = api.catalog.links_of_partner(partner, paging.page()).await?;
    let mut totals = totals(&api, found.rows.iter().map(|link| link.row.id).collect()).await?;
    let view = |row: schemas::catalog::LinkRow| {
        let totals = totals.remove(&row.id).unwrap_or_default();
        let main = totals.main();
        AffiliateLink {
            url: url(&api, &row.code),
            code: row.code,
            company_id: row.company,
            clicks: totals.clicks,
            conversions: totals.conversions(),
            earned: main.earned,
            currency: main.currency,
            sales: totals.sales,
        }
    };
    let links = found.rows.into_iter().map(|link| link.row).map(view).collect();
    Ok(listed(links, paging.meta(found.total)))
}
