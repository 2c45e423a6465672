use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::Serialize;
use stores::Page;
use utoipa::{IntoParams, ToSchema};

use crate::{Api, error::ApiError, query::Query};

const PER_PAGE_DEFAULT: u32 = 20;
const PER_PAGE_MAX: u32 = 100;

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct Paging {
    /// From 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1)]
    pub(crate) page: u32,
    /// From 1 to 100.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    pub(crate) per_page: u32,
}

/// Which part of a list this is, and how much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Meta {
    #[schema(example = 1)]
    page: u32,
    #[schema(example = 20)]
    per_page: u32,
    /// Of all pages together.
    #[schema(example = 156)]
    total: u64,
}

impl Paging {
    pub(crate) fn page(self) -> Page {
        Page { number: self.page, per_page: self.per_page }
    }

    pub(crate) fn meta(self, total: u64) -> Meta {
        Meta { page: self.page, per_page: self.per_page, total }
    }
}

impl FromRequestParts<Api> for Paging {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, ApiError> {
        let query = Query::of(parts);
        let page = query.whole_number("page", 1, u32::MAX)?.unwrap_or(1);
        let per_page = query.whole_number("perPage", 1, PER_PAGE_MAX)?.unwrap_or(PER_PAGE_DEFAULT);
        Ok(Paging { page, per_page })
    }
}
