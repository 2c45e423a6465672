use serde_json::json;

use crate::stage::{By, Stage};

#[tokio::test]
async fn numbers_of_nothing_are_zeros() {
    let stage = Stage::start().await;
    let company = stage.company("one").await;
    let by = By::Key(&company.key);
    let dashboard = stage.get("/companies/dashboard", by).await.taken();
    let wanted = json!({
        "totalRevenue": 0, "totalCommissionPaid": 0, "affiliateCount": 0, "conversionRate": 0.0, "totalClicks": 0,
        "totalConversions": 0, "topAffiliates": [], "periodDays": 30, "currency": "USD", "otherCurrencies": [],
    });
    assert_eq!(dashboard, wanted);
    let analytics = stage.get("/companies/analytics?days=7&currency=jpy", by).await.taken();
    assert_eq!((&analytics["currency"], &analytics["periodDays"]), (&json!("JPY"), &json!(7)));
    let daily = analytics["daily"].as_array().unwrap();
    assert!(daily.len() == 7 && daily.iter().all(|day| day["clicks"] == 0 && day["revenue"] == 0));
    let weekdays: Vec<_> =
        analytics["revenueByDay"].as_array().unwrap().iter().map(|day| day["dayOfWeek"].clone()).collect();
    assert_eq!(weekdays, [1, 2, 3, 4, 5, 6, 7]);

    let listed = stage.get("/companies/conversions?status=pending", by).await;
    assert_eq!(listed.body["statusCounts"], json!({"pending": 0, "approved": 0, "rejected": 0}));
    assert_eq!(listed.body["meta"], json!({"page": 1, "perPage": 20, "total": 0}));
    let outcomes = stage.get("/companies/outcomes?days=1", by).await.taken();
    assert_eq!((&outcomes["outcomes"], outcomes["totals"].as_array().map(Vec::len)), (&json!([]), Some(5)));
    assert_eq!(stage.get("/balances", by).await.taken(), json!([]));

    let jwt = stage.sign_in("jane@example.com", "affiliate").await;
    let earnings = stage.get("/affiliates/earnings?days=3", By::Token(&jwt)).await.taken();
    assert_eq!((earnings["dailyEarnings"].as_array().map(Vec::len), &earnings["byCompany"]), (Some(3), &json!([])));
}

#[tokio::test]
async fn what_a_query_takes_is_said() {
    let stage = Stage::start().await;
    let company = stage.company("one").await;
    for (path, message) in [
        ("/companies/dashboard?days=0", "days: takes a whole number from 1 to 365"),
        ("/companies/dashboard?days=366", "days: takes"),
        ("/companies/analytics?days=-1", "days: takes"),
        ("/companies/analytics?days=x", "days: takes"),
        ("/companies/outcomes?days=", "days: takes"),
        ("/companies/dashboard?currency=XXZ", "currency: takes an ISO 4217"),
        ("/companies/conversions?status=paid", "status: takes \"pending\""),
        ("/companies/conversions?page=0", "page: takes"),
        ("/companies/conversions?perPage=10000", "perPage: takes a whole number from 1 to 100"),
    ] {
        stage.get(path, By::Key(&company.key)).await.refused(400, "VALIDATION_ERROR", message);
    }
}
