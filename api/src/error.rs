//! Every refusal of this API, in the order in which a request is checked: each has one status, one code and one message.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use ingest::body::BodyError;
use serde::Serialize;
use stores::StoreError;
use utoipa::ToSchema;

/// How soon to come back to what is not available now.
const UNAVAILABLE_RETRY_SECONDS: u64 = 1;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("there is no such path")]
    NoSuchPath,
    #[error("this path does not take this method")]
    MethodNotAllowed,
    #[error("takes a bearer token, or a company's secret key in x-api-key")]
    NoCredentials,
    #[error("takes a bearer token in the Authorization header")]
    NoToken,
    #[error("the token is invalid, expired or logged out")]
    BadToken,
    #[error("the key is unknown, revoked or no secret key")]
    BadKey,
    #[error("the magic link is unknown, expired or used")]
    BadMagicLink,
    #[error("the token is of another role than this path takes")]
    WrongRole,
    #[error("too many requests for this key: come back in {seconds} s")]
    RateLimited { seconds: u64 },
    #[error("the body takes Content-Type application/json")]
    UnsupportedMediaType,
    #[error("{0}")]
    Body(#[from] BodyError),
    /// A field and what it takes.
    #[error("{field}: {takes}")]
    Invalid { field: String, takes: String },
    #[error("no such {0}")]
    NotFound(&'static str),
    #[error("the conversion is already approved or rejected")]
    AlreadyResolved,
    #[error("{0}")]
    Duplicate(&'static str),
    #[error("{0}")]
    Unavailable(&'static str),
    #[error("not ready: {}", .0.join(", "))]
    NotReady(Vec<String>),
    #[error("the store could not be asked")]
    Store(#[from] StoreError),
    #[error("no random bytes could be had")]
    Random(#[from] getrandom::Error),
    #[error("no token could be signed")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

/// What stands in a body beside `success: false`.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    /// Always false.
    #[schema(example = false)]
    success: bool,
    error: ErrorDetail,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorDetail {
    /// For programs: `VALIDATION_ERROR`, `UNAUTHORIZED`, `FORBIDDEN`, `NOT_FOUND`, `METHOD_NOT_ALLOWED`, `TIMEOUT`, `DUPLICATE`,
    /// `ALREADY_RESOLVED`, `PAYLOAD_TOO_LARGE`, `UNSUPPORTED_MEDIA_TYPE`, `RATE_LIMITED` or `UNAVAILABLE`.
    #[schema(example = "VALIDATION_ERROR")]
    code: &'static str,
    /// For people. A validation message names the field and what it takes.
    #[schema(example = "days: takes a whole number from 1 to 365")]
    message: String,
    /// What is not ready, each for itself; only of `/readyz`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    waiting: Vec<String>,
}

impl ApiError {
    pub(crate) fn invalid(field: &str, takes: impl Into<String>) -> ApiError {
        ApiError::Invalid { field: field.to_owned(), takes: takes.into() }
    }

    fn status(&self) -> (StatusCode, &'static str) {
        match self {
            ApiError::NoSuchPath | ApiError::NotFound(_) => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            ApiError::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
            ApiError::NoCredentials
            | ApiError::NoToken
            | ApiError::BadToken
            | ApiError::BadKey
            | ApiError::BadMagicLink => (StatusCode::UNAUTHORIZED, "UNAUTHORIZED"),
            ApiError::WrongRole => (StatusCode::FORBIDDEN, "FORBIDDEN"),
            ApiError::RateLimited { .. } => (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED"),
            ApiError::UnsupportedMediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE"),
            ApiError::Body(error) => match error {
                BodyError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE"),
                BodyError::TooSlow => (StatusCode::REQUEST_TIMEOUT, "TIMEOUT"),
                BodyError::Broken => (StatusCode::BAD_REQUEST, "VALIDATION_ERROR"),
                BodyError::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
            },
            ApiError::Invalid { .. } => (StatusCode::BAD_REQUEST, "VALIDATION_ERROR"),
            ApiError::AlreadyResolved => (StatusCode::CONFLICT, "ALREADY_RESOLVED"),
            ApiError::Duplicate(_) => (StatusCode::CONFLICT, "DUPLICATE"),
            ApiError::Unavailable(_)
            | ApiError::NotReady(_)
            | ApiError::Store(_)
            | ApiError::Random(_)
            | ApiError::Sign(_) => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
        }
    }

    fn retry_after_seconds(&self, status: StatusCode) -> Option<u64> {
        match self {
            ApiError::RateLimited { seconds } => Some(*seconds),
            _ => (status == StatusCode::SERVICE_UNAVAILABLE).then_some(UNAVAILABLE_RETRY_SECONDS),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code) = self.status();
        if let Some(error) = std::error::Error::source(&self) {
            tracing::error!(error, "{self}");
        }
        metrics::counter!("refmill_api_refusals_total", "code" => code).increment(1);
        let message = self.to_string();
        let retry_after = self.retry_after_seconds(status);
        let waiting = if let ApiError::NotReady(waiting) = self { waiting } else { Vec::new() };
        let body = ErrorBody { success: false, error: ErrorDetail { code, message, waiting } };
        let mut response = (status, Json(body)).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
