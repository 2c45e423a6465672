//! The page that the link in a mail opens. It signs in when a person asks it to, and needs nothing from another host.

use axum::{Router, response::IntoResponse, routing::get};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};

const PAGE: &str = include_str!("../../assets/login.html");
const SCRIPT: &str = include_str!("../../assets/login.js");
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(crate) fn pages() -> Router {
    Router::new()
        .route("/login", get(async || page("text/html; charset=utf-8", PAGE)))
        .route("/login.js", get(async || page("text/javascript; charset=utf-8", SCRIPT)))
}

fn page(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
    ];
    (headers, text)
}
