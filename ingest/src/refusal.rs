//! What an edge refuses a request with, in precedence order: each has one status, one code and one counter.

use std::borrow::Cow;

use http::StatusCode;
use schemas::{decision::Refusal, ids::ConversionId};

use crate::body::BodyError;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EdgeRefusal {
    #[error("there is nothing at this path")]
    NoSuchPath,
    #[error("this path takes {allowed}")]
    MethodNotAllowed { allowed: &'static str },
    #[error("takes application/json{more}")]
    UnsupportedMediaType { more: &'static str },
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("x-api-key: takes the company's live secret key")]
    NoKey,
    #[error("key: takes the company's live postback key")]
    NoPostbackKey,
    #[error("too many requests: come back in {retry_after_s} s")]
    RateLimited { retry_after_s: u32 },
    #[error("{0}")]
    Invalid(#[from] Invalid),
    #[error("a batch takes at most {limit} events")]
    TooManyEvents { limit: usize },
    #[error("{field}: there is no such link")]
    UnknownCode { field: &'static str },
    #[error("this order is already recorded, with {}", if *same_body { "the same content" } else { "other content" })]
    Duplicate { first: ConversionId, same_body: bool },
    /// What the processor said no to.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The queue to the log is as full as it may get for this kind of event.
    #[error("too much is waiting to be written: come back in a moment")]
    QueueFull,
    #[error("the log cannot be written: come back in a moment")]
    LogUnavailable,
    /// It has no room, or its disk doesn't work.
    #[error("the log is away and there is no room left for its events: come back in a moment")]
    SpoolUnavailable,
    #[error("the day's key is not there yet: come back in a moment")]
    KeysNotReady,
    /// This edge does not know it, and cannot ask the catalog whether there is such a thing.
    #[error("it cannot be told now whether there is this one: come back in a moment")]
    NotCurrent,
}

/// A field that holds what it can't.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {takes}")]
pub struct Invalid {
    pub field: Cow<'static, str>,
    pub takes: Cow<'static, str>,
}

impl Invalid {
    pub fn new(field: impl Into<Cow<'static, str>>, takes: impl Into<Cow<'static, str>>) -> Invalid {
        Invalid { field: field.into(), takes: takes.into() }
    }
}

/// How long who finds a queue full is asked to wait.
const QUEUE_RETRY_AFTER_S: u32 = 1;

/// How long who finds the spool full is asked to wait.
const SPOOL_RETRY_AFTER_S: u32 = 5;

impl EdgeRefusal {
    pub fn status(&self) -> StatusCode {
        match self {
            EdgeRefusal::NoSuchPath | EdgeRefusal::UnknownCode { .. } => StatusCode::NOT_FOUND,
            EdgeRefusal::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            EdgeRefusal::UnsupportedMediaType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            EdgeRefusal::Body(error) => error.status(),
            EdgeRefusal::NoKey | EdgeRefusal::NoPostbackKey => StatusCode::UNAUTHORIZED,
            EdgeRefusal::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            EdgeRefusal::Invalid(_) => StatusCode::BAD_REQUEST,
            EdgeRefusal::TooManyEvents { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            EdgeRefusal::Duplicate { .. } => StatusCode::CONFLICT,
            EdgeRefusal::Refused(refusal) => match refusal {
                Refusal::KeyRevoked => StatusCode::UNAUTHORIZED,
                Refusal::ReceiptForged | Refusal::ReceiptForeign => StatusCode::BAD_REQUEST,
                Refusal::UnknownLink | Refusal::UnknownConversion => StatusCode::NOT_FOUND,
                _ => StatusCode::CONFLICT,
            },
            EdgeRefusal::QueueFull
            | EdgeRefusal::LogUnavailable
            | EdgeRefusal::SpoolUnavailable
            | EdgeRefusal::KeysNotReady
            | EdgeRefusal::NotCurrent => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The code in the envelope.
    pub fn code(&self) -> &'static str {
        match self.status() {
            StatusCode::NOT_FOUND => "NOT_FOUND",
            StatusCode::METHOD_NOT_ALLOWED => "METHOD_NOT_ALLOWED",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "UNSUPPORTED_MEDIA_TYPE",
            StatusCode::PAYLOAD_TOO_LARGE => "PAYLOAD_TOO_LARGE",
            StatusCode::REQUEST_TIMEOUT => "TIMEOUT",
            StatusCode::UNAUTHORIZED => "UNAUTHORIZED",
            StatusCode::TOO_MANY_REQUESTS => "RATE_LIMITED",
            StatusCode::CONFLICT => "DUPLICATE",
            StatusCode::SERVICE_UNAVAILABLE => "UNAVAILABLE",
            _ => "VALIDATION_ERROR",
        }
    }

    /// The label under which it is counted.
    pub fn counter(&self) -> &'static str {
        match self {
            EdgeRefusal::NoSuchPath => "no_such_path",
            EdgeRefusal::MethodNotAllowed { .. } => "method_not_allowed",
            EdgeRefusal::UnsupportedMediaType { .. } => "unsupported_media_type",
            EdgeRefusal::Body(BodyError::TooLarge { .. }) => "body_too_large",
            EdgeRefusal::Body(BodyError::TooSlow) => "body_too_slow",
            EdgeRefusal::Body(BodyError::Broken) => "body_broken",
            EdgeRefusal::Body(BodyError::Overloaded) => "bodies_in_flight",
            EdgeRefusal::NoKey => "no_key",
            EdgeRefusal::NoPostbackKey => "no_postback_key",
            EdgeRefusal::RateLimited { .. } => "rate_limited",
            EdgeRefusal::Invalid(_) => "invalid",
            EdgeRefusal::TooManyEvents { .. } => "too_many_events",
            EdgeRefusal::UnknownCode { .. } => "unknown_code",
            EdgeRefusal::Duplicate { .. } => "duplicate",
            EdgeRefusal::Refused(refusal) => refusal.as_str(),
            EdgeRefusal::QueueFull => "queue_full",
            EdgeRefusal::LogUnavailable => "log_unavailable",
            EdgeRefusal::SpoolUnavailable => "spool_unavailable",
            EdgeRefusal::KeysNotReady => "keys_not_ready",
            EdgeRefusal::NotCurrent => "not_current",
        }
    }

    pub fn retry_after_s(&self) -> Option<u32> {
        match self {
            EdgeRefusal::RateLimited { retry_after_s } => Some(*retry_after_s),
            EdgeRefusal::SpoolUnavailable => Some(SPOOL_RETRY_AFTER_S),
            EdgeRefusal::QueueFull
            | EdgeRefusal::LogUnavailable
            | EdgeRefusal::KeysNotReady
            | EdgeRefusal::NotCurrent
            | EdgeRefusal::Body(BodyError::Overloaded) => Some(QUEUE_RETRY_AFTER_S),
            _ => None,
        }
    }

    /// Whether the rest of the request may still be on its way, so that the connection cannot be used again.
    pub fn closes(&self) -> bool {
        matches!(self, EdgeRefusal::Body(_))
    }
}
