use std::{fs, net::IpAddr};

use axum::body::Body;
use http::{Method, Request};
use ingest::address::Address;
use schemas::time::{HOUR_MS, MINUTE_MS};
use serde_json::{Value, json};

use crate::stage::{By, PUBLIC_URL, Stage, pass_ms};

#[tokio::test]
async fn a_company_registers_once() {
    let stage = Stage::start().await;
    let good =
        json!({"name": "Acme Store", "domain": "https://acme.com", "email": "you@acme.com", "commissionRate": 0.10});
    let made = stage.post("/companies/register", By::Nobody, good.clone()).await.made();
    let publishable = made["publishableKey"].as_str().unwrap();
    assert!(made["id"].as_str().unwrap().starts_with("cmp_") && publishable.starts_with("pk_live_"), "{made}");
    let snippet = format!(r#"<script src="{PUBLIC_URL}/v1.js" data-key="{publishable}" async></script>"#);
    assert_eq!(made["embedSnippet"], snippet);
    let again = json!({"name": "B", "domain": "b.example", "email": "YOU@acme.com"});
    stage.post("/companies/register", By::Nobody, again).await.refused(409, "DUPLICATE", "a company is registered");

    for (field, wrong) in [
        ("name", json!("")),
        ("name", json!("x".repeat(256))),
        ("name", json!(7)),
        ("name", Value::Null),
        ("email", json!("nobody")),
        ("email", json!("a@b.cd\r\nBcc: x@y.zz")),
        ("domain", json!("not a host")),
        ("domain", json!("ftp://a.example")),
        ("domain", json!("https://me@a.example")),
        ("commissionRate", json!(0)),
        ("commissionRate", json!(1.01)),
        ("commissionRate", json!(-0.1)),
        ("commissionRate", json!("0.1")),
        ("commissionRate", json!(0.12345678)),
    ] {
        let mut body = good.clone();
        body["email"] = json!("new@acme.com");
        body[field] = wrong;
        let message = format!("{field}: takes");
        stage.post("/companies/register", By::Nobody, body).await.refused(400, "VALIDATION_ERROR", &message);
    }
    assert_eq!(stage.get("/programs", By::Nobody).await.body["meta"]["total"], 1);
}

#[tokio::test]
async fn a_magic_link_signs_in_once_within_15_minutes() {
    let stage = Stage::start().await;
    let company = stage.company("one").await;
    let verify = async |token: &str| stage.post("/auth/verify", By::Nobody, json!({"token": token})).await;
    let token = stage.mailed_token(&company.email, "company").await.unwrap();
    let data = verify(&token).await.taken();
    assert_eq!(
        (&data["userId"], &data["role"], &data["email"]),
        (&json!(company.id), &json!("company"), &json!(company.email))
    );
    verify(&token).await.refused(401, "UNAUTHORIZED", "the magic link");
    verify(&"0".repeat(43)).await.refused(401, "UNAUTHORIZED", "the magic link");

    let jwt = data["token"].as_str().unwrap();
    stage.get("/companies/settings", By::Token(jwt)).await.taken();
    // A token ends with a whole second, and the looks at it take a moment.
    pass_ms(HOUR_MS - 5_000);
    stage.get("/companies/settings", By::Token(jwt)).await.taken();
    pass_ms(5_000);
    stage.get("/companies/settings", By::Token(jwt)).await.refused(401, "UNAUTHORIZED", "the token");

    let late = stage.mailed_token("late@example.com", "affiliate").await.unwrap();
    pass_ms(15 * MINUTE_MS);
    verify(&late).await.refused(401, "UNAUTHORIZED", "the magic link");
}

#[tokio::test]
async fn mails_are_few_and_answers_are_alike() {
    let stage = Stage::start().await;
    let company = stage.company("one").await;
    let ask = async |email: &str, kind: &str, from: &str| {
        let body = Body::from(json!({"email": email, "type": kind}).to_string());
        let mut request =
            Request::post("/auth/magic-link").header("content-type", "application/json").body(body).unwrap();
        request.extensions_mut().insert(Address::of(from.parse::<IpAddr>().unwrap()));
        stage.send(request).await.taken()
    };
    let known = ask(&company.email, "company", "203.0.113.1").await;
    assert_eq!(known, ask("stranger@example.com", "company", "203.0.113.1").await);
    for n in 0..10 {
        assert_eq!(known, ask(&company.email, "company", &format!("203.0.113.{}", n + 2)).await);
    }
    for n in 0..30 {
        assert_eq!(known, ask(&format!("partner-{n}@example.com"), "affiliate", "198.51.100.7").await);
    }
    stage.end_mails().await;
    let mails = fs::read_dir(stage.folder.path().join("outbox")).unwrap().count();
    assert_eq!(mails, 5 + 20, "five to the company, twenty for the one address");
    let other = json!({"email": company.email, "type": "root"});
    stage.post("/auth/magic-link", By::Nobody, other).await.refused(400, "VALIDATION_ERROR", "type: takes");
}

#[tokio::test]
async fn who_may_not_is_told_so() {
    let stage = Stage::start().await;
    let company = stage.company("one").await;
    let owner = stage.sign_in(&company.email, "company").await;
    let partner = stage.sign_in("jane@example.com", "affiliate").await;
    let check = async |method: Method, path: &str, by: By<'_>, status: u16| {
        let answered = stage.call(method, path, by, None).await;
        let code = if status == 403 { "FORBIDDEN" } else { "UNAUTHORIZED" };
        answered.refused(status, code, "");
    };
    let company_paths =
        ["/companies/dashboard", "/companies/settings", "/companies/analytics", "/companies/conversions"];
    for path in company_paths.into_iter().chain(["/companies/links", "/companies/outcomes"]) {
        check(Method::GET, path, By::Nobody, 401).await;
        check(Method::GET, path, By::Key("sk_live_nope"), 401).await;
        check(Method::GET, path, By::Token("a.b.c"), 401).await;
        check(Method::GET, path, By::Token(&partner), 403).await;
        stage.get(path, By::Token(&owner)).await;
    }
    for path in ["/affiliates/dashboard", "/affiliates/earnings", "/affiliates/settings", "/affiliates/links"] {
        check(Method::GET, path, By::Nobody, 401).await;
        check(Method::GET, path, By::Key(&company.key), 401).await;
        check(Method::GET, path, By::Token(&owner), 403).await;
        stage.get(path, By::Token(&partner)).await.taken();
    }
    check(Method::POST, "/companies/rotate-key", By::Key(&company.key), 401).await;
    check(Method::POST, "/companies/rotate-key", By::Token(&partner), 403).await;
    let other_end = if owner.ends_with("AAA") { "AAE" } else { "AAA" };
    let tampered = format!("{}{other_end}", &owner[..owner.len() - 3]);
    check(Method::GET, "/companies/settings", By::Token(&tampered), 401).await;
    let claims = owner.split('.').nth(1).unwrap();
    let unsigned = format!("eyJhbGciOiJub25lIn0.{claims}.");
    check(Method::GET, "/companies/settings", By::Token(&unsigned), 401).await;
}

#[tokio::test]
async fn logging_out_ends_one_session_or_all() {
    let stage = Stage::start().await;
    let company = stage.company("one").await;
    let works = async |token: &str| stage.get("/companies/settings", By::Token(token)).await.status == 200;
    let (one, two) = (stage.sign_in(&company.email, "company").await, stage.sign_in(&company.email, "company").await);
    stage.call(Method::POST, "/auth/logout", By::Token(&one), None).await.taken();
    assert!(!works(&one).await && works(&two).await);
    stage.call(Method::POST, "/auth/logout", By::Token(&one), None).await.refused(401, "UNAUTHORIZED", "the token");
    let three = stage.sign_in(&company.email, "company").await;
    stage.call(Method::POST, "/auth/logout-all", By::Token(&two), None).await.taken();
    assert!(!works(&two).await && !works(&three).await);
    assert!(works(&stage.sign_in(&company.email, "company").await).await);
}
