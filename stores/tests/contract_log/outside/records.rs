//! A record of every kind with every field set, each to a value that no other field beside it has, and what anybody should read.

use schemas::{
    conversion::{HouseStatus, Unattributed},
    decision::{Answer, Converted, Decision, EventKind, Refusal},
    event::{Body, Claim, Click, Dialect, EdgeCount, EdgeCounts, Event, Refund, Review, ReviewAction, Sale, Settle},
    hashes::{AddressHash, CustomerHash, EmailHash, KeyHash},
    ids::{CompanyId, ConversionId, EventId, KeyId, LinkId, PartnerId, Position, ProgramId},
    money::Currency,
    receipt::{Receipt, ReceiptFields, ReceiptKey, ReceiptKeyId, Visit},
    time::TimeMs,
    web::{Device, Page, Utm},
};
use serde_json::{Value, json};

const COMPANY: CompanyId = CompanyId(5);
const CONVERSION: ConversionId = ConversionId((1 << 64) + 6);

/// Every event and what is to be read of it.
pub(crate) fn events() -> Vec<(Event, Value)> {
    let (sale, sale_read) = sale();
    let counts = vec![
        EdgeCount { company: COMPANY, kind: EventKind::Sale, refused: 7 },
        EdgeCount { company: CompanyId(u64::MAX), kind: EventKind::Review, refused: u64::MAX },
    ];
    let counts_read = json!({ "counts": [
        { "company": "5", "kind": 3, "refused": "7" },
        { "company": u64::MAX.to_string(), "kind": 5, "refused": u64::MAX.to_string() },
    ] });
    let (click, click_read) = click();
    let (refund, refund_read) = refund();
    let review = Review { company: COMPANY, conversion: CONVERSION, action: ReviewAction::ClawBack };
    let settle = Settle { company: COMPANY, conversion: CONVERSION, facts_up_to: 1 << 63 };
    let all = [
        (Body::Click(Box::new(click)), "click", click_read),
        (Body::Lead(Box::new(claim())), "lead", claim_read()),
        (Body::Sale(Box::new(sale)), "sale", sale_read),
        (Body::Refund(Box::new(refund)), "refund", refund_read),
        (Body::Review(review), "review", json!({ "company": "5", "conversion": wide(CONVERSION.0), "action": 2 })),
        (
            Body::Settle(settle),
            "settle",
            json!({ "company": "5", "conversion": wide(CONVERSION.0), "facts_up_to": "9223372036854775808" }),
        ),
        (Body::EdgeCounts(EdgeCounts { counts }), "edge_counts", counts_read),
        (Body::Tick, "tick", json!({})),
    ];
    all.into_iter().zip(1..).map(|((body, name, read), id)| of_event(id, body, name, read)).collect()
}

fn of_event(id: u128, body: Body, name: &str, read: Value) -> (Event, Value) {
    let event = Event {
        id: EventId(id),
        stamped_at: TimeMs(1_700_000_000_000),
        resent: true,
        reply_to: Some(1),
        key: Some(KeyId(9)),
        first_appended_at: Some(TimeMs(1_700_000_000_001)),
        body,
    };
    let mut expected = json!({
        "id": wide(id), "stamped_at_ms": "1700000000000", "resent": true, "reply_to": 1, "key_id": "9",
        "first_appended_at_ms": "1700000000001",
    });
    expected[name] = read;
    (event, expected)
}

fn receipt() -> Receipt {
    let fields = ReceiptFields {
        visit: Visit::Person,
        client_event_id: true,
        at: TimeMs(1_700_000_000_000),
        link: LinkId(3),
        visitor: 4,
        address_cut: 5,
        event_id_hash: 6,
    };
    Receipt::sign(&ReceiptKey { id: ReceiptKeyId(2), secret: [7; 16] }, &fields)
}

fn click() -> (Click, Value) {
    let click = Click {
        company: COMPANY,
        program: ProgramId(11),
        partner: PartnerId(12),
        code: "größe".into(),
        receipt: receipt(),
        address: AddressHash(13),
        address_before: Some(AddressHash(14)),
        landing: Page { host: "shop.example".into(), path: "/a".into() },
        referrer_host: Some("blog.example".into()),
        utm: Utm { source: Some("newsletter".into()), medium: Some("e-mail".into()), campaign: Some("autumn".into()) },
        device: Device::Other,
    };
    let read = json!({
        "company": "5", "program": "11", "partner": "12", "code": "größe", "receipt": data(receipt().as_bytes()),
        "address_hash": wide(13), "address_hash_before": wide(14), "landing_host": "shop.example", "landing_path": "/a",
        "referrer_host": "blog.example", "utm_source": "newsletter", "utm_medium": "e-mail", "utm_campaign": "autumn",
        "device": 4,
    });
    (click, read)
}

fn claim() -> Claim {
    Claim {
        company: COMPANY,
        dialect: Dialect::Reditus,
        conversion: CONVERSION,
        keys: vec![KeyHash(21), KeyHash(u128::MAX)],
        label: "order 22".to_owned(),
        program: Some(ProgramId(23)),
        code_link: Some(LinkId(24)),
        receipt: Some(receipt()),
        customer: Some(CustomerHash(25)),
        email: Some(EmailHash(26)),
        disposable_email: true,
        occurred_at: Some(TimeMs(-27)),
        body_hash: 28,
    }
}

fn claim_read() -> Value {
    json!({
        "company": "5", "dialect": 4, "conversion": wide(CONVERSION.0), "keys": [wide(21), wide(u128::MAX)],
        "label": "order 22", "program": "23", "code_link": "24", "receipt": data(receipt().as_bytes()),
        "customer_hash": wide(25), "email_hash": wide(26), "disposable_email": true, "occurred_at_ms": "-27",
        "body_hash": wide(28),
    })
}

fn sale() -> (Sale, Value) {
    let sale = Sale { claim: claim(), amount_minor: 1 << 62, currency: Currency::GBP };
    (sale, json!({ "claim": claim_read(), "amount_minor": "4611686018427387904", "currency": "GBP" }))
}

fn refund() -> (Refund, Value) {
    let refund = Refund {
        company: COMPANY,
        conversion: CONVERSION,
        key: KeyHash(3),
        label: "größte Rückgabe".to_owned(),
        amount_minor: Some(-12),
        reason: Some("torn".to_owned()),
        body_hash: 4,
    };
    let read = json!({
        "company": "5", "conversion": wide(CONVERSION.0), "key": wide(3), "label": "größte Rückgabe",
        "amount_minor": "-12", "reason": "torn", "body_hash": wide(4),
    });
    (refund, read)
}

/// Every answer and what is to be read of its decision.
pub(crate) fn decisions() -> Vec<(Decision, Value)> {
    let converted = Converted {
        conversion: CONVERSION,
        unattributed: Some(Unattributed::ALL[0]),
        commission_minor: 31,
        partner_minor: 32,
        currency: Currency::GBP,
        status: HouseStatus::ALL[2],
        score_ppm: 999_999,
    };
    let refunded = Answer::Refunded {
        conversion: CONVERSION,
        refunded_minor: 33,
        commission_minor: -34,
        partner_minor: 35,
        currency: Currency::USD,
    };
    let reviewed = Answer::Reviewed { conversion: CONVERSION, status: HouseStatus::ALL[1] };
    let conversion = wide(CONVERSION.0);
    let all = [
        (
            Answer::Converted(converted),
            "converted",
            json!({
                "conversion": conversion, "unattributed": Unattributed::ALL[0] as u32, "commission_minor": "31",
                "partner_minor": "32", "currency": "GBP", "status": HouseStatus::ALL[2] as u32, "score_ppm": 999_999,
            }),
        ),
        (
            Answer::Duplicate { first: CONVERSION, same_body: true },
            "duplicate",
            json!({ "first": conversion, "same_body": true }),
        ),
        (Answer::Parked { conversion: CONVERSION }, "parked", json!({ "conversion": conversion })),
        (
            refunded,
            "refunded",
            json!({
                "conversion": conversion, "refunded_minor": "33", "commission_minor": "-34", "partner_minor": "35",
                "currency": "USD",
            }),
        ),
        (reviewed, "reviewed", json!({ "conversion": conversion, "status": HouseStatus::ALL[1] as u32 })),
        (Answer::Refused(Refusal::Undecided), "refused", json!({ "refusal": 10 })),
    ];
    all.into_iter().zip(41..).map(|((answer, name, read), id)| of_decision(id, answer, name, read)).collect()
}

fn of_decision(id: u128, answer: Answer, name: &str, read: Value) -> (Decision, Value) {
    let decision = Decision {
        event: EventId(id),
        position: Position { partition: 3, offset: 1 << 40 },
        reply_to: Some(0),
        company: COMPANY,
        kind: EventKind::Refund,
        answer,
    };
    // A reply partition that is named is there even where it is the first.
    let mut expected = json!({
        "event": wide(id), "partition": 3, "offset": "1099511627776", "reply_to": 0, "company": "5", "kind": 4,
    });
    expected[name] = read;
    (decision, expected)
}

fn wide(id: u128) -> String {
    data(&id.to_be_bytes())
}

/// Bytes as JSON has them: base64.
fn data(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().chain([&0, &0]).take(3).fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place > chunk.len() { '=' } else { digit.into() });
        }
    }
    text
}
