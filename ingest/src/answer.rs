//! Answers in the house dialect.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use metrics::counter;
use schemas::receipt::{RECEIPT_CHARS, Receipt};
use serde_json::{Value, json};

use crate::refusal::EdgeRefusal;

/// A whole answer.
pub type Page = Full<Bytes>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(crate) fn ok(data: &Value) -> Response<Page> {
    page(StatusCode::OK, json!({ "success": true, "data": data }).to_string())
}

/// A click's answer, the one that is given most.
pub(crate) fn tracked(receipt: &Receipt) -> Response<Page> {
    let mut text = String::with_capacity(56 + RECEIPT_CHARS);
    text.push_str(r#"{"success":true,"data":"#);
    push_tracked(&mut text, receipt);
    text.push('}');
    page(StatusCode::OK, text)
}

/// What is said of a click that was taken.
pub(crate) fn push_tracked(text: &mut String, receipt: &Receipt) {
    text.push_str(r#"{"tracked":true,"clickId":""#);
    receipt.push_to(text);
    text.push_str("\"}");
}

/// Around the answers of a batch's items.
pub(crate) const BATCH_BEGIN: &str = r#"{"success":true,"data":{"results":["#;
const BATCH_END: &str = "]}}";

/// The begin of a batch's answer, with room for so many characters of its items'.
pub(crate) fn begin_batch(chars: usize) -> String {
    let mut text = String::with_capacity(BATCH_BEGIN.len() + chars + BATCH_END.len());
    text.push_str(BATCH_BEGIN);
    text
}

/// A batch's answer, which holds all that is between.
pub(crate) fn end_batch(mut text: String) -> Response<Page> {
    text.push_str(BATCH_END);
    page(StatusCode::OK, text)
}

pub(crate) fn not_tracked() -> Response<Page> {
    page(StatusCode::OK, r#"{"success":true,"data":{"tracked":false}}"#.to_owned())
}

/// An accepted conversion that is not decided yet.
pub(crate) fn processing(data: &Value, location: &str) -> Response<Page> {
    let mut response = page(StatusCode::ACCEPTED, json!({ "success": true, "data": data }).to_string());
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

pub(crate) fn preflight() -> Response<Page> {
    let mut response = Response::new(Page::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, OPTIONS"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type, x-api-key"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}

pub(crate) fn refused(refusal: &EdgeRefusal) -> Response<Page> {
    counter!("refmill_edge_refused_total", "reason" => refusal.counter()).increment(1);
    let mut response = page(refusal.status(), json!({ "success": false, "error": error(refusal) }).to_string());
    let headers = response.headers_mut();
    if let Some(seconds) = refusal.retry_after_s() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let EdgeRefusal::MethodNotAllowed { allowed } = refusal {
        headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
    }
    if refusal.closes() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The `error` of the envelope.
pub(crate) fn error(refusal: &EdgeRefusal) -> Value {
    let mut error = json!({ "code": refusal.code(), "message": refusal.to_string() });
    if let EdgeRefusal::Duplicate { first, .. } = refusal {
        error["conversionId"] = json!(first);
    }
    error
}

fn page(status: StatusCode, text: String) -> Response<Page> {
    let mut response = Response::new(Page::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}
