use std::sync::Arc;

use api::{Condition, Ready, surroundings};
use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use serde_json::json;
use tower::ServiceExt as _;

use crate::stage::{By, REQUESTS_PER_SECOND, Stage};

#[tokio::test]
async fn whatever_is_wrong_is_said_in_the_envelope() {
    let stage = Stage::start().await;
    let check = async |method: Method, path: &str, content_type: &str, body: Vec<u8>, (status, code, message)| {
        let request = Request::builder().method(method).uri(path).header("content-type", content_type);
        stage.send(request.body(Body::from(body)).unwrap()).await.refused(status, code, message);
    };
    let json = "application/json";
    let register = "/companies/register";
    check(Method::GET, "/nowhere", json, vec![], (404, "NOT_FOUND", "there is no such path")).await;
    check(Method::GET, "/companies", json, vec![], (404, "NOT_FOUND", "")).await;
    check(Method::GET, "/conversions/%FF", json, vec![], (401, "UNAUTHORIZED", "")).await;
    for (method, path) in [
        (Method::GET, register),
        (Method::PUT, "/healthz"),
        (Method::DELETE, "/companies/settings"),
        (Method::OPTIONS, "/programs"),
        (Method::POST, "/docs/"),
        (Method::POST, "/openapi.json"),
    ] {
        check(method, path, json, vec![], (405, "METHOD_NOT_ALLOWED", "")).await;
    }
    let wrong_type = (415, "UNSUPPORTED_MEDIA_TYPE", "the body takes");
    check(Method::POST, register, "text/plain", b"{}".to_vec(), wrong_type).await;
    check(Method::POST, register, "", b"{}".to_vec(), wrong_type).await;
    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(65_536));
    check(Method::POST, register, json, large.into_bytes(), (413, "PAYLOAD_TOO_LARGE", "")).await;
    for (body, message) in [
        (&b""[..], "body: takes a JSON object"),
        (b"[]", "body: takes a JSON object"),
        (b"{\"name\":\"\xff\"}", "body: takes UTF-8"),
        (br#"{"name":"a\u0000"}"#, "name: takes no U+0000"),
        (br#"{"name":"\udc00"}"#, "name: takes no half"),
        (br#"{"name":"A","domain":"a.example","zzz":{"a":["\u0000"]}}"#, "zzz: takes no U+0000"),
    ] {
        check(Method::POST, register, json, body.to_vec(), (400, "VALIDATION_ERROR", message)).await;
    }
}

#[tokio::test]
async fn what_is_good_is_answered_and_kept_by_no_cache() {
    let stage = Stage::start().await;
    for path in ["/healthz", "/readyz", "/programs"] {
        let answered = stage.get(path, By::Nobody).await;
        assert_eq!(answered.headers["cache-control"], "no-store");
        answered.taken();
    }
    let waiting = Stage::not_ready(vec!["log", "processor"]).await.get("/readyz", By::Nobody).await;
    assert_eq!(waiting.headers["retry-after"], "1");
    assert_eq!(waiting.body["error"]["waiting"], json!(["log", "processor"]));
    waiting.refused(503, "UNAVAILABLE", "not ready: log, processor");
}

#[tokio::test]
async fn a_process_without_the_api_says_how_it_is_and_nothing_else() {
    let condition = Condition { waiting: vec!["the log is away".to_owned()], degraded: Vec::new() };
    let ready = Ready(Arc::new(move || condition.clone()));
    for (method, path, status, part) in [
        (Method::GET, "/healthz", 200, r#""status":"ok""#),
        (Method::GET, "/readyz", 503, r#""waiting":["the log is away"]"#),
        (Method::PUT, "/readyz", 405, "METHOD_NOT_ALLOWED"),
        (Method::GET, "/programs", 404, "NOT_FOUND"),
        (Method::POST, "/track/click", 404, "NOT_FOUND"),
    ] {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let response = surroundings(ready.clone()).oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains(part), "{path}: {part} is not in {body}");
    }
}

#[tokio::test]
async fn the_documentation_asks_no_other_host() {
    let stage = Stage::start().await;
    let document = stage.get("/openapi.json", By::Nobody).await;
    assert_eq!(document.body["openapi"], "3.1.0");
    let page = stage.get("/docs/", By::Nobody).await;
    assert!(
        page.status.is_success()
            && page.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'self'")
    );
    let request = Request::get("/docs/swagger-initializer.js").body(Body::empty()).unwrap();
    let script = stage.text(request).await;
    assert!(script.contains("/openapi.json") && script.contains(r#""validatorUrl": "none""#), "{script}");
    let request = Request::get("/docs/").body(Body::empty()).unwrap();
    let text = stage.text(request).await;
    assert!(text.contains("<script") && !text.contains("//"), "{text}");
}

#[tokio::test]
async fn the_sign_in_page_loads_its_own_script_and_nothing_else() {
    let stage = Stage::start().await;
    let page = stage.get("/login?token=abc", By::Nobody).await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(page.status.is_success() && policy.starts_with("default-src 'none'; script-src 'self'"), "{policy}");
    assert_eq!(page.headers["cache-control"], "no-store");
    assert_eq!(page.headers["referrer-policy"], "no-referrer");
    let text = stage.text(Request::get("/login").body(Body::empty()).unwrap()).await;
    assert!(text.contains(r#"src="/login.js""#) && !text.contains("//"), "{text}");
    let script = stage.text(Request::get("/login.js").body(Body::empty()).unwrap()).await;
    // Only a press of the button uses the token up: what opens links by itself must not.
    let (before, pressed) = script.split_once("addEventListener(\"click\"").unwrap();
    assert!(!before.contains("fetch(") && pressed.contains(r#"fetch("/auth/verify""#), "{script}");
}

#[tokio::test]
async fn a_key_has_a_limit_and_is_told_when_to_come_back() {
    let stage = Stage::start().await;
    let company = stage.company("limited").await;
    let mut over = None;
    for _ in 0..REQUESTS_PER_SECOND * 20 {
        let answered = stage.get("/balances", By::Key(&company.key)).await;
        if answered.status != 200 {
            over = Some(answered);
            break;
        }
    }
    let over = over.expect("a limit");
    assert!(over.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 0);
    over.refused(429, "RATE_LIMITED", "too many requests");
    let other = stage.company("other").await;
    assert_eq!(stage.get("/balances", By::Key(&other.key)).await.taken(), json!([]));
}
