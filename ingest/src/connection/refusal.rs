//! What is answered before any route is asked.

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;

/// A refusal, after which the connection closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: &'static str,
    pub(super) retry_after: Option<&'static str>,
}

impl Refusal {
    pub(super) const fn invalid(message: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "VALIDATION_ERROR", message, retry_after: None }
    }

    pub(super) const HEAD_TOO_SLOW: Self = Self {
        status: StatusCode::REQUEST_TIMEOUT,
        code: "TIMEOUT",
        message: "the request's headers took too long",
        retry_after: None,
    };

    pub(super) const TOO_MANY_CONNECTIONS: Self = Self {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "UNAVAILABLE",
        message: "too many connections are open",
        retry_after: Some("1"),
    };

    pub(super) fn response(&self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::from(self.body()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        response
    }

    /// The same, where hyper is not there to write it.
    pub(super) fn wire(&self) -> String {
        let body = self.body();
        let retry_after = self.retry_after.map(|seconds| format!("retry-after: {seconds}\r\n")).unwrap_or_default();
        format!(
            "HTTP/1.1 {}\r\ncontent-type: application/json\r\n{retry_after}connection: close\r\ncontent-length: {}\r\n\r\n{body}",
            self.status,
            body.len(),
        )
    }

    fn body(&self) -> String {
        format!(r#"{{"success":false,"error":{{"code":"{}","message":"{}"}}}}"#, self.code, self.message)
    }
}
