use http::Method;
use serde_json::json;

use crate::stage::{By, Stage};

#[tokio::test]
async fn settings_change_wholly_or_not_at_all() {
    let stage = Stage::start().await;
    let company = stage.company("one").await;
    let by = By::Key(&company.key);
    let first = stage.get("/companies/settings", by).await.taken();
    let shown = first["apiKey"].as_str().unwrap();
    assert!(
        shown.starts_with("sk_live_") && shown.ends_with("...") && company.key.starts_with(&shown[..12]),
        "{shown}"
    );
    assert!(!first.to_string().contains(&company.key));
    for (field, wanted) in [
        ("id", json!(company.id)),
        ("name", json!("Acme")),
        ("domain", json!("https://one.example")),
        ("commissionRate", json!(0.10)),
        ("attributionWindow", json!(30)),
        ("payoutSchedule", json!("monthly")),
        ("payoutMinimum", json!(5000)),
        ("widgetConfig", json!({"position": "bottom-right"})),
        ("status", json!("active")),
    ] {
        assert_eq!(first[field], wanted, "{field}");
    }
    let change =
        json!({"commissionRate": 0.15, "payoutSchedule": "biweekly", "widgetConfig": {"accentColor": "#F0A500"}});
    let changed = stage.put("/companies/settings", by, change).await.taken();
    assert_eq!((&changed["commissionRate"], &changed["attributionWindow"]), (&json!(0.15), &json!(30)));
    assert_eq!(changed["widgetConfig"], json!({"accentColor": "#F0A500"}));
    for (field, wrong) in [
        ("attributionWindow", json!(0)),
        ("attributionWindow", json!(91)),
        ("attributionWindow", json!(1.5)),
        ("attributionWindow", json!("30")),
        ("payoutMinimum", json!(999)),
        ("payoutMinimum", json!(50_001)),
        ("payoutSchedule", json!("daily")),
        ("payoutSchedule", json!(1)),
        ("widgetConfig", json!([])),
        ("widgetConfig", json!({"a": "x".repeat(9_000)})),
    ] {
        let refused = stage.put("/companies/settings", by, json!({"commissionRate": 0.5, field: wrong})).await;
        refused.refused(400, "VALIDATION_ERROR", &format!("{field}: takes"));
    }
    assert_eq!(stage.get("/companies/settings", by).await.taken(), changed);
    let nothing = stage.put("/companies/settings", by, json!({"unknown": 1, "payoutMinimum": null})).await.taken();
    assert_eq!(nothing, changed);
}

#[tokio::test]
async fn each_change_of_terms_is_a_version() {
    let stage = Stage::start().await;
    let company = stage.company("one").await;
    for (change, version) in [
        (json!({"commissionRate": 0.2}), 2),
        (json!({"attributionWindow": 7, "commissionRate": 0.2}), 3),
        (json!({"attributionWindow": 7, "payoutMinimum": 1000}), 3),
    ] {
        stage.put("/companies/settings", By::Key(&company.key), change).await.taken();
        let stored = stage.deployment.catalog.company(company.id.parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(stored.terms.version, version);
    }
}

#[tokio::test]
async fn a_rotated_key_dies_at_once_and_a_pause_is_known() {
    let stage = Stage::start().await;
    let company = stage.company("one").await;
    let jwt = stage.sign_in(&company.email, "company").await;
    let post = async |path: &str, by: By<'_>| stage.call(Method::POST, path, by, None).await.taken();
    let key = post("/companies/rotate-key", By::Token(&jwt)).await["apiKey"].as_str().unwrap().to_owned();
    stage.get("/companies/settings", By::Key(&company.key)).await.refused(401, "UNAUTHORIZED", "the key");
    stage.get("/companies/settings", By::Key(&key)).await.taken();

    let postback = post("/companies/postback-key", By::Key(&key)).await["postbackKey"].as_str().unwrap().to_owned();
    assert!(postback.starts_with("pb_live_"));
    stage.get("/companies/settings", By::Key(&postback)).await.refused(401, "UNAUTHORIZED", "the key");
    let publishable = stage.get("/companies/settings", By::Key(&key)).await.taken()["publishableKey"].clone();
    let publishable = By::Key(publishable.as_str().unwrap());
    stage.get("/companies/settings", publishable).await.refused(401, "UNAUTHORIZED", "the key");

    assert_eq!(post("/companies/pause", By::Token(&jwt)).await, json!({"status": "paused"}));
    assert_eq!(stage.get("/programs", By::Nobody).await.taken(), json!([]));
    assert_eq!(post("/companies/pause", By::Key(&key)).await, json!({"status": "active"}));
}
