use axum::{
    Json,
    extract::{FromRequestParts, State},
    response::{IntoResponse, Response},
};
use http::request::Parts;
use schemas::{conversion::HouseStatus, hashes::KeyKind};
use serde::Serialize;
use stores::ledger::{ListedStatus, PageOf, StatusCounts};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Api,
    auth::caller::CompanyCaller,
    conversions::ConversionView,
    error::{ApiError, ErrorBody},
    paging::{Meta, Paging},
    query::Query,
};

/// A page of conversions, newest first, with how many of each status the company has, whatever the filter.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConversionsListed {
    /// Always true.
    #[schema(example = true)]
    success: bool,
    data: Vec<ConversionView>,
    meta: Meta,
    status_counts: CountsByStatus,
}

/// Unattributed and refused ones count as rejected.
#[derive(Serialize, ToSchema)]
pub(crate) struct CountsByStatus {
    #[schema(example = 5)]
    pending: u64,
    #[schema(example = 140)]
    approved: u64,
    #[schema(example = 11)]
    rejected: u64,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatusAsked {
    /// `pending`, `approved` or `rejected`. Default: all.
    #[param(value_type = Option<String>, example = "pending")]
    status: Option<HouseStatus>,
}

impl FromRequestParts<Api> for StatusAsked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, ApiError> {
        let takes = "takes \"pending\", \"approved\" or \"rejected\"";
        let status = Query::of(parts).read("status", takes, HouseStatus::parse)?;
        Ok(StatusAsked { status })
    }
}

/// The company's conversions
#[utoipa::path(get, path = "/companies/conversions", tag = "companies", security(("token" = []), ("key" = [])),
    params(StatusAsked, Paging),
    responses(
        (status = 200, body = ConversionsListed),
        (status = 400, description = "`VALIDATION_ERROR`", body = ErrorBody),
        (status = 401, description = "`UNAUTHORIZED`", body = ErrorBody),
        (status = 403, description = "`FORBIDDEN`: an affiliate's token", body = ErrorBody),
    ))]
pub(crate) async fn conversions(
    State(api): State<Api>,
    caller: CompanyCaller,
    asked: StatusAsked,
    paging: Paging,
) -> Result<ConversionsListed, ApiError> {
    let status = asked.status.map_or(ListedStatus::Any, ListedStatus::Only);
    let page = PageOf { page: paging.page, per_page: paging.per_page };
    let found = api.ledger.conversions_page(caller.company, KeyKind::Sale, status, page).await?;
    Ok(ConversionsListed {
        success: true,
        data: found.conversions.iter().map(ConversionView::for_company).collect(),
        meta: paging.meta(found.total),
        status_counts: found.counts.into(),
    })
}

impl From<StatusCounts> for CountsByStatus {
    fn from(counts: StatusCounts) -> CountsByStatus {
        CountsByStatus { pending: counts.pending, approved: counts.approved, rejected: counts.rejected }
    }
}

impl IntoResponse for ConversionsListed {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}
