use axum::extract::{FromRequestParts, Path};
use http::request::Parts;

use crate::{Api, error::ApiError};

/// The part of the path that names something. What can't be a text names nothing.
pub(crate) struct Segment(pub(crate) String);

impl FromRequestParts<Api> for Segment {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let Path(text) = Path::<String>::from_request_parts(parts, api).await.map_err(|_| ApiError::NoSuchPath)?;
        Ok(Segment(text))
    }
}
