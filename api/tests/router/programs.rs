use serde_json::json;

use crate::stage::{By, PUBLIC_URL, Stage};

#[tokio::test]
async fn a_company_makes_links() {
    let stage = Stage::start().await;
    let company = stage.company("one").await;
    let by = By::Key(&company.key);
    let make = async |body| stage.post("/companies/links", by, body).await;
    let plain = make(json!({"affiliateEmail": "jane@example.com"})).await.made();
    let code = plain["code"].as_str().unwrap();
    assert_eq!(
        (&plain["url"], &plain["destination"]),
        (&json!(format!("{PUBLIC_URL}/r/{code}")), &json!("https://one.example/"))
    );
    let body = json!({"affiliateEmail": "JANE@example.com", "name": "Summer", "code": "Jane-10", "destination": "https://eu.one.example/a?b=1"});
    let named = make(body).await.made();
    assert_eq!((&named["code"], &named["affiliateId"]), (&json!("Jane-10"), &plain["affiliateId"]));
    make(json!({"affiliateEmail": "joe@example.com", "code": "jANE-10"})).await.refused(
        409,
        "DUPLICATE",
        "code: is taken",
    );
    for (field, wrong) in [
        ("affiliateEmail", json!("jane")),
        ("name", json!("")),
        ("code", json!("a b")),
        ("code", json!("ab")),
        ("code", json!(7)),
        ("code", json!("x".repeat(65))),
        ("destination", json!("https://evil.example/")),
        ("destination", json!("https://one.example@evil.example/")),
        ("destination", json!("javascript:alert(1)")),
        ("destination", json!("https://one.example/?mail=jane@example.com")),
    ] {
        let mut body = json!({"affiliateEmail": "joe@example.com"});
        body[field] = wrong;
        make(body).await.refused(400, "VALIDATION_ERROR", &format!("{field}: takes"));
    }
    let listed = stage.get("/companies/links?perPage=1&page=2", by).await;
    assert_eq!(listed.body["meta"], json!({"page": 2, "perPage": 1, "total": 2}));
    let first = &listed.taken()[0];
    assert_eq!((&first["code"], &first["clicks"], &first["earned"]), (&plain["code"], &json!(0), &json!(0)));

    let clicks = format!("/links/{}/clicks", code.to_uppercase());
    assert_eq!(stage.get(&clicks, by).await.taken(), json!([]));
    let stranger = stage.company("two").await;
    stage.get(&clicks, By::Key(&stranger.key)).await.refused(404, "NOT_FOUND", "no such link");
    stage.get("/links/a.b/clicks", by).await.refused(400, "VALIDATION_ERROR", "code: takes");
    stage.get("/links/nobody-has-this/clicks", by).await.refused(404, "NOT_FOUND", "no such link");
    for wrong in ["page=0", "perPage=0", "perPage=101", "page=x", "page=-1", "page=1&page=2"] {
        stage.get(&format!("/companies/links?{wrong}"), by).await.refused(400, "VALIDATION_ERROR", "p");
    }
}

#[tokio::test]
async fn an_affiliate_joins_once() {
    let stage = Stage::start().await;
    let company = stage.company("one").await;
    let jwt = stage.sign_in("jane@example.com", "affiliate").await;
    let by = By::Token(&jwt);
    let listed = stage.get("/programs?perPage=100", By::Nobody).await.taken();
    let wanted =
        json!([{"companyId": company.id, "name": "Acme", "domain": "https://one.example", "commissionRate": 0.10}]);
    assert_eq!(listed, wanted);
    let join = async |body| stage.post("/affiliates/programs", by, body).await;
    for nobody in ["cmp_nothing", "cmp_0000000000001", "aff_0000000000001"] {
        join(json!({"companyId": nobody})).await.refused(404, "NOT_FOUND", "no such open program");
    }
    join(json!({})).await.refused(400, "VALIDATION_ERROR", "companyId: takes");
    let joined = join(json!({"companyId": company.id, "code": "Jane-10"})).await.made();
    let url = format!("{PUBLIC_URL}/r/Jane-10");
    assert_eq!(joined, json!({"companyId": company.id, "code": "Jane-10", "url": url}));
    join(json!({"companyId": company.id})).await.refused(409, "DUPLICATE", "the affiliate has joined");

    let links = stage.get("/affiliates/links", by).await.taken();
    assert_eq!(
        (&links[0]["code"], &links[0]["companyId"], &links[0]["earned"]),
        (&json!("Jane-10"), &json!(company.id), &json!(0))
    );
    let dashboard = stage.get("/affiliates/dashboard", by).await.taken();
    assert_eq!(dashboard["affiliate"]["email"], "jane@example.com");
    assert_eq!((&dashboard["stats"]["activePrograms"], &dashboard["recentPayouts"]), (&json!(1), &json!([])));
    let program = &dashboard["programs"][0];
    assert_eq!(
        (&program["companyId"], &program["links"]),
        (&json!(company.id), &json!([{"code": "Jane-10", "url": url}]))
    );
}

#[tokio::test]
async fn an_affiliate_has_a_name() {
    let stage = Stage::start().await;
    let jwt = stage.sign_in("jane@example.com", "affiliate").await;
    let by = By::Token(&jwt);
    let first = stage.get("/affiliates/settings", by).await.taken();
    assert_eq!(
        (&first["name"], &first["tier"], &first["stripeConnectId"]),
        (&json!(null), &json!("standard"), &json!(null))
    );
    let named = stage.put("/affiliates/settings", by, json!({"name": "Zoë Ünicode"})).await.taken();
    assert_eq!((&named["name"], &named["email"]), (&json!("Zoë Ünicode"), &json!("jane@example.com")));
    for wrong in [json!(""), json!("x".repeat(256)), json!(5)] {
        stage.put("/affiliates/settings", by, json!({"name": wrong})).await.refused(
            400,
            "VALIDATION_ERROR",
            "name: takes",
        );
    }
    assert_eq!(stage.get("/affiliates/settings", by).await.taken(), named);
}
