//! Rows of the edge's paths: clicks, sales, postbacks, redirects and batches.

use serde_json::{Value, json};

use super::ground::Ground;
use super::{Row, row};
use crate::account::{click_body, fresh, with};
use crate::http::Request;

pub(super) fn rows(ground: &Ground) -> Vec<Row> {
    let groups = [clicks, broken_bodies, sales, keys, repeated, postbacks, redirects, batches];
    groups.iter().flat_map(|group| group(ground)).collect()
}

fn clicks(ground: &Ground) -> Vec<Row> {
    let bad = |what, more: Value, says| row(what, ground.click(more), 400, says);
    let good = click_body(&ground.company, &ground.link);
    let without = |name: &str| {
        let mut body = good.clone();
        body.as_object_mut().expect("an object").remove(name);
        Request::post("/track/click").json(&body)
    };
    let paused = Request::post("/track/click").json(&click_body(&ground.paused, &ground.paused_link));
    let long = format!("https://a.example/{}", "x".repeat(2100));
    vec![
        bad("a code that is a number", json!({ "code": 5 }), "code: takes a text"),
        bad("a code that is a list", json!({ "code": ["abc"] }), "code: takes a text"),
        bad("a code that can be none", json!({ "code": "a b" }), "code: takes 3 to 64"),
        bad("NUL in a code", json!({ "code": "ab\0c" }), "code: takes a text without U+0000"),
        bad("NUL in a campaign", json!({ "utmCampaign": "\0" }), "utmCampaign: takes a text without U+0000"),
        bad("a page without a host", json!({ "landingPage": "pricing" }), "landingPage: takes an http(s) URL"),
        bad(
            "a page that runs script",
            json!({ "landingPage": "javascript:alert(1)" }),
            "landingPage: takes an http(s) URL",
        ),
        bad("a page too long", json!({ "landingPage": long }), "at most 2048 characters"),
        bad("a referrer that is a list", json!({ "referrer": [] }), "referrer: takes a text"),
        bad(
            "an event id too long",
            json!({ "eventId": "x".repeat(65) }),
            "eventId: takes a text of at most 64 characters",
        ),
        row("no code", without("code"), 400, "code: is required"),
        row("no landing page", without("landingPage"), 400, "landingPage: is required"),
        row(
            "a click of an unknown code",
            ground.click(json!({ "code": fresh("nobody") })),
            404,
            "code: there is no such link",
        ),
        row("a click too large", ground.click(json!({ "referrer": "x".repeat(9000) })), 413, "at most 8192 bytes"),
        row("a click for a paused program", paused, 200, r#""tracked":false"#),
        row("a click by PUT", Request::new("PUT", "/track/click").json(&good), 405, "POST"),
        row("a click as XML", Request::post("/track/click").raw("application/xml", "<a/>"), 415, "application/json"),
        row("nothing of the edge", Request::get("/track/nothing"), 404, "nothing at this path"),
    ]
}

/// Bodies that are no JSON object, on an edge's path and on the API's.
fn broken_bodies(ground: &Ground) -> Vec<Row> {
    let deep_list = "[".repeat(4_000);
    let deep_value = format!(r#"{{"metadata":{}{}}}"#, r#"{"a":"#.repeat(3_000), "1".to_owned() + &"}".repeat(3_000));
    let bodies: [(&'static str, Vec<u8>); 9] = [
        ("nothing", Vec::new()),
        ("no JSON", b"hello".to_vec()),
        ("half of an object", br#"{"code":"a"#.to_vec()),
        ("a list", b"[]".to_vec()),
        ("null", b"null".to_vec()),
        ("two values", b"{}{}".to_vec()),
        ("deep nesting", deep_list.into_bytes()),
        ("half a character", br#"{"code":"\ud800","email":"\ud800","orderId":"\ud800"}"#.to_vec()),
        ("invalid UTF-8", b"{\"code\":\"\xff\xfe\",\"email\":\"\xff\",\"orderId\":\"\xff\"}".to_vec()),
    ];
    let mut rows = Vec::new();
    for (what, body) in bodies {
        let raw = |path: &str| Request::post(path).key(&ground.company.key).raw("application/json", body.clone());
        rows.push(row(what, raw("/track/click"), 400, ":"));
        rows.push(row(what, raw("/track/conversion"), 400, ":"));
        rows.push(row(what, raw("/companies/register"), 400, ":"));
    }
    let deep = Request::post("/track/conversion").key(&ground.company.key).raw("application/json", deep_value);
    rows.push(row("a deep object", deep, 400, ":"));
    rows
}

fn sales(ground: &Ground) -> Vec<Row> {
    let bad = |what, more: Value, says| row(what, ground.sale(more), 400, says);
    let amount = "orderValue: takes a whole number from 0 to 1000000000000";
    let time = "occurredAt: takes a time from 90 days back to 5 minutes ahead";
    let receipt = "clickId: takes a click id that was issued here";
    let mut rows = vec![
        bad("a negative amount", json!({ "orderValue": -1 }), amount),
        bad("an amount with decimals", json!({ "orderValue": 99.99 }), amount),
        bad("an amount as text", json!({ "orderValue": "9999" }), amount),
        bad("an amount too large", json!({ "orderValue": 1_000_000_000_001_i64 }), amount),
        bad("an order of no characters", json!({ "orderId": "" }), "orderId: takes a text of 1 to 255"),
        bad("an order of too many", json!({ "orderId": "x".repeat(256) }), "orderId: takes a text of 1 to 255"),
        bad("an order that is a number", json!({ "orderId": 5 }), "orderId: takes a text"),
        bad("NUL in an order", json!({ "orderId": "a\0" }), "orderId: takes a text without U+0000"),
        bad("an unknown currency", json!({ "currency": "XXZ" }), "currency: takes an ISO 4217 currency code"),
        bad("a currency of two letters", json!({ "currency": "US" }), "currency: takes an ISO 4217"),
        bad("a currency that is a number", json!({ "currency": 840 }), "currency: takes a text"),
        bad("a date from the future", json!({ "occurredAt": "2999-01-01T00:00:00Z" }), time),
        bad("a date too long ago", json!({ "occurredAt": "2001-01-01T00:00:00Z" }), time),
        bad("a date that is none", json!({ "occurredAt": "yesterday" }), "occurredAt: takes an RFC 3339 time"),
        bad("metadata as text", json!({ "metadata": "x" }), "metadata: takes an object"),
        bad(
            "metadata too large",
            json!({ "metadata": { "a": "x".repeat(17_000) } }),
            "metadata: takes an object of at most 16384",
        ),
        bad("NUL in metadata", json!({ "metadata": { "a": ["\0"] } }), "metadata: takes texts"),
        bad(
            "a customer's e-mail that is none",
            json!({ "customerEmail": "nobody" }),
            "customerEmail: takes an e-mail address",
        ),
        bad("a receipt that is none", json!({ "clickId": "A".repeat(48) }), receipt),
        bad("a tampered receipt", json!({ "clickId": tampered(&ground.receipt) }), receipt),
        bad("a foreign receipt", json!({ "clickId": ground.foreign_receipt }), "clickId: belongs to another company"),
        row(
            "a sale of an unknown code",
            ground.sale(json!({ "affiliateCode": fresh("nobody") })),
            404,
            "affiliateCode: there is no",
        ),
        row(
            "a sale too large",
            ground.sale(json!({ "metadata": { "a": "x".repeat(70_000) } })),
            413,
            "at most 65536 bytes",
        ),
    ];
    for (what, number) in [
        ("an overflow", "1180591620717411303424"),
        ("an exponent", "1e3"),
        ("a whole float", "1.0"),
        ("an endless one", "1e999"),
    ] {
        let body = format!(r#"{{"orderId":"never","orderValue":{number},"affiliateCode":"{}"}}"#, ground.link.code);
        let request = Request::post("/track/conversion").key(&ground.company.key).raw("application/json", body);
        rows.push(row(what, request, 400, amount));
    }
    for (field, says) in [
        ("orderId", "orderId: is required"),
        ("orderValue", "orderValue: is required"),
        ("affiliateCode", "affiliateCode: is required"),
    ] {
        rows.push(bad("a field that is missing", json!({ field: null }), says));
    }
    rows
}

fn keys(ground: &Ground) -> Vec<Row> {
    let says = "x-api-key: takes the company's live secret key";
    let with_key = |what, key: &str| row(what, ground.sale(json!({})).key(key), 401, says);
    let body = json!({ "orderId": "never", "orderValue": 100, "affiliateCode": ground.link.code });
    vec![
        with_key("a publishable key", &ground.company.publishable),
        with_key("a revoked key", &ground.revoked_key),
        with_key("a postback key", &ground.postback_key),
        with_key("an unknown key", "sk_live_nobody"),
        row("no key", Request::post("/track/conversion").json(&body), 401, says),
        row("a token for a key", Request::post("/track/conversion").token(&ground.token).json(&body), 401, says),
        row(
            "another company's key",
            ground.sale(json!({})).key(&ground.stranger.key),
            404,
            "affiliateCode: there is no such link",
        ),
    ]
}

fn repeated(ground: &Ground) -> Vec<Row> {
    let again =
        |more| Request::post("/track/conversion").key(&ground.company.key).json(&with(ground.order.clone(), more));
    let order = ground.order["orderId"].as_str().expect("a text");
    let postback = format!(
        "/postback?click_id={}&amount=50.00&currency=USD&txid={order}&key={}",
        ground.receipt, ground.postback_key
    );
    vec![
        row("the same order with the same body", again(json!({})), 409, "already recorded, with the same content"),
        row(
            "the same order with another body",
            again(json!({ "orderValue": 5001 })),
            409,
            "already recorded, with other content",
        ),
        row("the same order by another path", Request::get(postback), 409, "already recorded"),
    ]
}

fn postbacks(ground: &Ground) -> Vec<Row> {
    let with = |name: &str, value: &str| {
        let txid = fresh("never");
        let mut query = vec![("click_id", ground.receipt.as_str()), ("amount", "1.00"), ("currency", "USD")];
        query.extend([("txid", txid.as_str()), ("key", ground.postback_key.as_str())]);
        query.retain(|(known, _)| *known != name);
        if !value.is_empty() {
            query.push((name, value));
        }
        let query: Vec<String> = query.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        Request::get(format!("/postback?{}", query.join("&")))
    };
    let bad = |what, name: &str, value: &str, says| row(what, with(name, value), 400, says);
    let key = "key: takes the company's live postback key";
    vec![
        bad("more decimals than a cent", "amount", "1.001", "amount: has more decimals than its currency"),
        bad("decimals of a yen", "currency", "JPY", "amount: has more decimals than its currency"),
        bad("an exponent", "amount", "1e3", "amount: takes a plain decimal number"),
        bad("a negative amount", "amount", "-1", "amount: takes a plain decimal number"),
        bad("a sign", "amount", "%2B1", "amount: takes a plain decimal number"),
        bad("an overflow", "amount", "99999999999999999999", "amount: is too large"),
        bad("an amount too large", "amount", "10000000000.01", "amount: is too large"),
        bad("no amount", "amount", "", "amount: is required"),
        bad("an unknown currency", "currency", "XXZ", "currency: takes an ISO 4217"),
        bad("NUL in an order", "txid", "a%00", "txid: takes a text"),
        bad("no order", "txid", "", "txid: is required"),
        bad("a forged receipt", "click_id", &"A".repeat(48), "click_id: takes a click id"),
        bad("a tampered receipt", "click_id", &tampered(&ground.receipt), "takes a click id that was issued here"),
        bad("a foreign receipt", "click_id", &ground.foreign_receipt, "belongs to another company"),
        bad("no receipt", "click_id", "", "click_id: is required"),
        row("a secret key", with("key", &ground.company.key), 401, key),
        row("no key", with("key", ""), 401, key),
    ]
}

fn redirects(ground: &Ground) -> Vec<Row> {
    let to = |url: &str| Request::get(format!("/r/{}?to={url}", ground.link.code));
    vec![
        row("a redirect elsewhere", to("https%3A%2F%2Fevil.example%2F"), 400, "to: takes an http(s) URL under"),
        row("a redirect to a script", to("javascript%3Aalert(1)"), 400, "to: takes an http(s) URL under"),
        row(
            "a redirect of an unknown code",
            Request::get(format!("/r/{}", fresh("nobody"))),
            404,
            "there is no such link",
        ),
        row("a redirect of no code", Request::get("/r/a%20b"), 400, "code: takes 3 to 64"),
        row("a redirect by POST", Request::post(format!("/r/{}", ground.link.code)).json(&json!({})), 405, "GET, HEAD"),
    ]
}

fn batches(ground: &Ground) -> Vec<Row> {
    let send = |body: &Value| Request::post("/track/batch").key(&ground.company.key).json(body);
    let click = with(click_body(&ground.company, &ground.link), json!({ "type": "click" }));
    let sale = json!({ "type": "conversion", "orderId": "never", "orderValue": -1, "affiliateCode": ground.link.code });
    let big = with(click.clone(), json!({ "referrer": "x".repeat(1_100_000) }));
    vec![
        row("a batch that is no list", send(&click), 400, "body: takes an array of events"),
        row("1,001 events", send(&json!(vec![click; 1001])), 413, "at most 1000 events"),
        row("a batch over 1 MiB", send(&json!([big])), 413, "at most 1048576 bytes"),
        row("an item of no type", send(&json!([{ "type": "nothing" }])), 200, r#""status":400"#),
        row("an item that is bad", send(&json!([sale])), 200, r#""status":400"#),
    ]
}

/// With one character changed in its middle.
fn tampered(receipt: &str) -> String {
    let mut bytes = receipt.as_bytes().to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] = if bytes[middle] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).expect("ASCII")
}
