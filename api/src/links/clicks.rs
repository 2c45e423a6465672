use axum::extract::State;
use schemas::{code::Code, receipt::Visit, web::Device};
use serde::Serialize;
use stores::{catalog::Link, facts::LinkClick};
use utoipa::ToSchema;

use crate::{
    Api,
    auth::caller::AnyCaller,
    error::{ApiError, ErrorBody},
    paging::Paging,
    reply::{Listed, listed},
    segment::Segment,
};

/// One click. No address is kept of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClickView {
    /// RFC 3339.
    #[schema(format = DateTime, example = "2026-03-30T10:00:00.000Z")]
    time: String,
    /// Host and path.
    #[schema(example = "acme.com/pricing")]
    landing_page: String,
    /// The referrer's host.
    #[schema(required = true, example = "twitter.com")]
    referrer: Option<String>,
    /// `desktop`, `mobile`, `tablet`, `tv` or `other`.
    #[schema(value_type = String, example = "desktop")]
    device: Device,
    /// A bot's, a prefetch or a HEAD request: not counted.
    #[schema(example = false)]
    bot: bool,
}

impl From<LinkClick> for ClickView {
    fn from(click: LinkClick) -> ClickView {
        ClickView {
            time: click.at.rfc3339(),
            landing_page: format!("{}{}", click.landing.host, click.landing.path),
            referrer: click.referrer_host,
            device: click.device,
            bot: click.visit != Visit::Person,
        }
    }
}

/// The clicks of a link, newest first
///
/// For its company and its affiliate.
#[utoipa::path(get, path = "/links/{code}/clicks", tag = "links", security(("token" = []), ("key" = [])),
    params(("code" = String, Path, description = "3 to 64 of `A-Za-z0-9_-`, in any case"), Paging),
    responses(
        (status = 200, body = Listed<ClickView>),
        (status = 400, description = "`VALIDATION_ERROR`, also for what can be no code", body = ErrorBody),
        (status = 401, description = "`UNAUTHORIZED`", body = ErrorBody),
        (status = 404, description = "`NOT_FOUND`: no such link, or somebody else's", body = ErrorBody),
    ))]
pub(crate) async fn clicks(
    State(api): State<Api>,
    caller: AnyCaller,
    Segment(code): Segment,
    paging: Paging,
) -> Result<Listed<ClickView>, ApiError> {
    let code = Code::parse(&code).map_err(|error| ApiError::invalid("code", error.to_string()))?;
    let own = |link: &Link| match caller {
        AnyCaller::Company(company) => link.row.company == company,
        AnyCaller::Affiliate(partner) => link.row.partner == partner,
    };
    let link = api.catalog.link_by_code(code).await?.filter(own).ok_or(ApiError::NotFound("link"))?;
    let found = api.facts.link_clicks(link.row.id, paging.page()).await?;
    Ok(listed(found.rows.into_iter().map(ClickView::from).collect(), paging.meta(found.total)))
}
