use axum::extract::FromRequestParts;
use http::request::Parts;
use stores::facts::Days;
use utoipa::IntoParams;

use crate::{Api, error::ApiError, query::Query};

const DAYS_DEFAULT: u32 = 30;
const DAYS_MAX: u32 = 365;

/// Query parameters of what looks back.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "says what `Period` reads, for the documentation")]
pub(crate) struct PeriodAsked {
    /// Today and the n−1 UTC days before it.
    #[param(minimum = 1, maximum = 365, default = 30)]
    days: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) days: Days,
    pub(crate) count: u32,
}

impl FromRequestParts<Api> for Period {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let count = Query::of(parts).whole_number("days", 1, DAYS_MAX)?.unwrap_or(DAYS_DEFAULT);
        Ok(Period { days: Days::last(count, (api.now)()), count })
    }
}
