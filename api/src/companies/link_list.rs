use std::collections::HashMap;

use axum::extract::State;
use schemas::{
    code::Code,
    ids::{LinkId, PartnerId},
    money::Currency,
};
use serde::Serialize;
use stores::catalog::Link;
use utoipa::ToSchema;

use crate::{
    Api,
    auth::caller::CompanyCaller,
    error::{ApiError, ErrorBody},
    links::{LinkTotals, Sales, totals, url},
    paging::Paging,
    reply::{Listed, listed},
};

/// A link of the company's program, and what it brought in all its time.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CompanyLink {
    #[schema(value_type = String, example = "jane10")]
    code: Code,
    #[schema(example = "http://127.0.0.1:8080/r/jane10")]
    url: String,
    #[schema(value_type = String, example = "aff_0000000000001")]
    affiliate_id: PartnerId,
    /// What the company calls it.
    #[schema(required = true)]
    name: Option<String>,
    #[schema(example = "https://acme.com/")]
    destination: String,
    /// People's.
    #[schema(example = 89)]
    clicks: u64,
    /// Of all currencies.
    #[schema(example = 12)]
    conversions: i64,
    /// The affiliate's part of the commission in `currency`, in minor units.
    #[schema(example = 800)]
    earned: i64,
    /// The currency with the most conversions.
    #[schema(value_type = String, example = "USD")]
    currency: Currency,
    /// All currencies.
    sales: Vec<Sales>,
    /// RFC 3339.
    #[schema(format = DateTime, example = "2026-03-30T10:00:00.000Z")]
    created_at: String,
}

/// The links of the company's program, newest first
#[utoipa::path(get, path = "/companies/links", tag = "companies", security(("token" = []), ("key" = [])),
    params(Paging),
    responses(
        (status = 200, body = Listed<CompanyLink>),
        (status = 400, description = "`VALIDATION_ERROR`", body = ErrorBody),
        (status = 401, description = "`UNAUTHORIZED`", body = ErrorBody),
        (status = 403, description = "`FORBIDDEN`: an affiliate's token", body = ErrorBody),
    ))]
pub(crate) async fn list_links(
    State(api): State<Api>,
    caller: CompanyCaller,
    paging: Paging,
) -> Result<Listed<CompanyLink>, ApiError> {
    let found = api.catalog.links_of_company(caller.company, paging.page()).await?;
    let mut totals = totals(&api, found.rows.iter().map(|link| link.row.id).collect()).await?;
    let links = found.rows.into_iter().map(|link| view(&api, link, &mut totals)).collect();
    Ok(listed(links, paging.meta(found.total)))
}

fn view(api: &Api, link: Link, totals: &mut HashMap<LinkId, LinkTotals>) -> CompanyLink {
    let totals = totals.remove(&link.row.id).unwrap_or_default();
    let main = totals.main();
    CompanyLink {
        url: url(api, &link.row.code),
        code: link.row.code,
        affiliate_id: link.row.partner,
        name: link.name,
        destination: link.row.destination,
        clicks: totals.clicks,
        conversions: totals.conversions(),
        earned: main.earned,
        currency: main.currency,
        sales: totals.sales,
        created_at: link.created_at.rfc3339(),
    }
}
