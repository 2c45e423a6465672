use http::Method;
use schemas::{
    conversion::HouseStatus,
    decision::{Answer, EventKind, Refusal},
    event::{Body, EdgeCount, ReviewAction},
    ids::{ConversionId, PartnerId},
    money::Currency,
};
use serde_json::{Value, json};

use crate::stage::{Answered, By, Company, Stage};

#[tokio::test]
async fn a_conversion_is_shown_to_its_company_and_its_affiliate() {
    let stage = Stage::start().await;
    let company = stage.company("one").await;
    let link = stage
        .post("/companies/links", By::Key(&company.key), json!({"affiliateEmail": "jane@example.com"}))
        .await
        .made();
    let partner: PartnerId = link["affiliateId"].as_str().unwrap().parse().unwrap();
    let path = format!("/conversions/{}", stage.decided(&company, "order_1", partner).await);

    let shown = stage.get(&path, By::Key(&company.key)).await.taken();
    for (field, wanted) in [
        ("orderId", json!("order_1")),
        ("orderValue", json!(9999)),
        ("currency", json!("USD")),
        ("commissionAmount", json!(1000)),
        ("affiliatePayout", json!(800)),
        ("refundedAmount", json!(0)),
        ("status", json!("pending")),
        ("outcome", json!("attributed")),
        ("fraudScore", json!(0.7)),
        ("fraudFlags", json!(["own_email"])),
        ("refunds", json!([])),
    ] {
        assert_eq!(shown[field], wanted, "{field}");
    }
    assert_eq!(shown["explanation"]["signals"][0]["threshold"], "any");
    let jane = stage.sign_in("jane@example.com", "affiliate").await;
    let own = stage.get(&path, By::Token(&jane)).await.taken();
    assert_eq!(own["explanation"]["arithmetic"], shown["explanation"]["arithmetic"]);
    for hidden in ["threshold", "weight", "score", "fraudScore"] {
        assert!(!own.to_string().contains(&format!("\"{hidden}\"")), "{hidden} is in {own}");
    }
    let joe = stage.sign_in("joe@example.com", "affiliate").await;
    stage.get(&path, By::Token(&joe)).await.refused(404, "NOT_FOUND", "no such conversion");
    let stranger = stage.company("two").await;
    stage.get(&path, By::Key(&stranger.key)).await.refused(404, "NOT_FOUND", "no such conversion");

    let listed = stage.get("/companies/conversions?status=pending", By::Key(&company.key)).await;
    assert_eq!(listed.body["statusCounts"], json!({"pending": 1, "approved": 0, "rejected": 0}));
    assert_eq!(listed.taken()[0]["fraudFlags"], json!(["own_email"]));
}

#[tokio::test]
async fn an_undecided_one_is_told_from_an_invented_one() {
    let stage = Stage::start().await;
    let company = stage.company("one").await;
    let by = By::Key(&company.key);
    let genuine = stage.conversion_id(&company, "order_1");
    let shown = stage.get(&format!("/conversions/{genuine}"), by).await.taken();
    assert_eq!(shown, json!({"id": genuine.to_string(), "status": "processing"}));
    let review = async |id: &str| {
        stage.call(Method::PATCH, &format!("/companies/conversions/{id}"), by, Some(json!({"action": "approve"}))).await
    };
    let refund = async |id: &str| stage.post(&format!("/conversions/{id}/refund"), by, json!({"refundId": "r"})).await;
    for answered in [review(&genuine.to_string()).await, refund(&genuine.to_string()).await] {
        assert_eq!(answered.headers["retry-after"], "1");
        answered.refused(503, "UNAVAILABLE", "the conversion is not decided yet");
    }
    let invented = ConversionId(genuine.0 ^ 1).to_string();
    for id in [invented.as_str(), "conv_nothing", "x"] {
        stage.get(&format!("/conversions/{id}"), by).await.refused(404, "NOT_FOUND", "no such conversion");
        review(id).await.refused(404, "NOT_FOUND", "no such conversion");
        refund(id).await.refused(404, "NOT_FOUND", "no such conversion");
    }
    assert_eq!(stage.deployment.log.span(0).await.unwrap().end, 0, "nothing was appended");
    let company = company.id.parse().unwrap();
    let count = |kind, refused| EdgeCount { company, kind, refused };
    let counted = stage.refused.take().unwrap().counts;
    assert_eq!(counted, [count(EventKind::Refund, 4), count(EventKind::Review, 4)]);
}

#[tokio::test]
async fn a_review_waits_for_one_that_is_being_decided() {
    let stage = Stage::start().await;
    let company = stage.company("one").await;
    let id = stage.conversion_id(&company, "order_1");
    let path = format!("/companies/conversions/{id}");
    let asked = stage.call(Method::PATCH, &path, By::Key(&company.key), Some(json!({"action": "reject"})));
    let decides = async {
        stage.decided(&company, "order_1", PartnerId(5)).await;
        stage.answer(0, Answer::Reviewed { conversion: id, status: HouseStatus::Rejected }).await
    };
    let (answered, event) = tokio::join!(asked, decides);
    assert_eq!(answered.taken(), json!({"id": id.to_string(), "status": "rejected"}));
    let Body::Review(review) = event.body else { panic!("{event:?}") };
    assert_eq!((review.conversion, review.action), (id, ReviewAction::Reject));
    assert!(event.key.is_some(), "the key that brought it is named");
}

/// Asks, has the answer played, and returns both.
async fn refunded(stage: &Stage, company: &Company, id: ConversionId, body: Value, answer: Answer) -> (Answered, Body) {
    let offset = stage.deployment.log.span(0).await.unwrap().end;
    let path = format!("/conversions/{id}/refund");
    let asked = stage.post(&path, By::Key(&company.key), body);
    let (answered, event) = tokio::join!(asked, stage.answer(offset, answer));
    (answered, event.body)
}

#[tokio::test]
async fn every_answer_to_a_refund_has_its_own_reply() {
    let stage = Stage::start().await;
    let company = stage.company("one").await;
    let id = stage.decided(&company, "order_1", PartnerId(5)).await;
    let made = Answer::Refunded {
        conversion: id,
        refunded_minor: 3333,
        commission_minor: 667,
        partner_minor: 534,
        currency: Currency::USD,
    };
    let body = json!({"refundId": "r for jane@example.com", "amount": 3333, "reason": "asked from 203.0.113.77"});
    let (answered, event) = refunded(&stage, &company, id, body, made).await;
    let wanted = json!({"id": id.to_string(), "refundedAmount": 3333, "commissionAmount": 667, "affiliatePayout": 534, "currency": "USD"});
    assert_eq!(answered.taken(), wanted);
    let Body::Refund(event) = event else { panic!("{event:?}") };
    assert_eq!(event.amount_minor, Some(3333));
    for text in [&event.label, event.reason.as_ref().unwrap()] {
        assert!(!text.contains("jane@") && !text.contains("203.0") && text.contains('['), "{text}");
    }
    for (answer, status, code, message) in [
        (Answer::Duplicate { first: id, same_body: true }, 409, "DUPLICATE", "this refund was made before"),
        (Answer::Duplicate { first: id, same_body: false }, 409, "DUPLICATE", "another refund has"),
        (Answer::Refused(Refusal::MoreThanLeft), 400, "VALIDATION_ERROR", "amount: takes at most"),
        (Answer::Refused(Refusal::NothingLeft), 400, "VALIDATION_ERROR", "amount: nothing is left"),
        (Answer::Refused(Refusal::UnknownConversion), 404, "NOT_FOUND", "no such conversion"),
        (Answer::Refused(Refusal::Undecided), 503, "UNAVAILABLE", "the conversion is not decided"),
        (Answer::Refused(Refusal::KeyRevoked), 401, "UNAUTHORIZED", "the key"),
        (Answer::Parked { conversion: id }, 503, "UNAVAILABLE", "the refund is taken"),
    ] {
        let (answered, _) = refunded(&stage, &company, id, json!({"refundId": "r"}), answer).await;
        answered.refused(status, code, message);
    }
    let offset = stage.deployment.log.span(0).await.unwrap().end;
    let path = format!("/conversions/{id}/refund");
    for (field, wrong) in [
        ("amount", json!(0)),
        ("amount", json!(-1)),
        ("amount", json!(1.5)),
        ("amount", json!("5")),
        ("amount", json!(1e30)),
        ("refundId", json!("")),
        ("refundId", json!("x".repeat(256))),
        ("reason", json!("x".repeat(1_001))),
    ] {
        let mut body = json!({"refundId": "r"});
        body[field] = wrong;
        stage.post(&path, By::Key(&company.key), body).await.refused(
            400,
            "VALIDATION_ERROR",
            &format!("{field}: takes"),
        );
    }
    assert_eq!(stage.deployment.log.span(0).await.unwrap().end, offset, "nothing was appended");
}

#[tokio::test]
async fn every_answer_to_a_review_has_its_own_reply() {
    let stage = Stage::start().await;
    let company = stage.company("one").await;
    let id = stage.decided(&company, "order_1", PartnerId(5)).await;
    let path = format!("/companies/conversions/{id}");
    for (answer, status, code) in [
        (Answer::Refused(Refusal::AlreadyResolved), 409, "ALREADY_RESOLVED"),
        (Answer::Refused(Refusal::NotReviewable), 409, "ALREADY_RESOLVED"),
        (Answer::Refused(Refusal::UnknownConversion), 404, "NOT_FOUND"),
    ] {
        let offset = stage.deployment.log.span(0).await.unwrap().end;
        let asked = stage.call(Method::PATCH, &path, By::Key(&company.key), Some(json!({"action": "approve"})));
        let (answered, _) = tokio::join!(asked, stage.answer(offset, answer));
        answered.refused(status, code, "");
    }
    for wrong in [json!({"action": "maybe"}), json!({}), json!({"action": null}), json!({"action": 1})] {
        let answered = stage.call(Method::PATCH, &path, By::Key(&company.key), Some(wrong)).await;
        answered.refused(400, "VALIDATION_ERROR", "action: takes \"approve\" or \"reject\"");
    }
    // Nobody decides this one.
    let answered = stage.call(Method::PATCH, &path, By::Key(&company.key), Some(json!({"action": "approve"}))).await;
    answered.refused(503, "UNAVAILABLE", "it is taken and not decided yet");
}
