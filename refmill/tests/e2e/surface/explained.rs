//! Every decision says how it came about: its arithmetic, done again here, is what the ledger holds.

mod arithmetic;

use rusqlite::Connection as Database;
use serde_json::{Value, json};

use crate::account::{fresh, sale_body, with};
use crate::http::Request;
use crate::server::Launch;
use crate::site::Site;
use arithmetic::{Decided, decisions};

/// What a partner could use to stay below the thresholds.
const COMPANYS_OWN: [&str; 4] = ["weight", "threshold", "score", "fraudScore"];

#[test]
fn explanations_recompute_to_the_ledgers_transfers() {
    let site = Site::new();
    let server = Launch::new().start(&site);
    let company = server.company();
    let link = server.link(&company);
    server.click(&company, &link);
    let order = |more: Value| with(sale_body(&link), more);
    let own = json!({ "customerEmail": link.partner_email });
    let mut ids = Vec::new();
    for body in [
        order(json!({})),
        order(json!({ "orderValue": 0 })),
        order(json!({ "orderValue": 15 })),
        order(json!({ "orderValue": 1580, "currency": "JPY" })),
        order(json!({ "orderValue": 10_000, "currency": "KWD" })),
        order(own.clone()),
        order(own.clone()),
        order(with(own, json!({ "orderValue": 777 }))),
    ] {
        ids.push(server.sale_with(&company, &body).good()["conversionId"].as_str().expect("an id").to_owned());
    }
    let refund = |id: &str, amount: i64| {
        server.refund_with(&company, id, &json!({ "refundId": fresh("r"), "amount": amount })).good()
    };
    let review = |id: &str, action: &str| {
        let request = Request::new("PATCH", format!("/companies/conversions/{id}")).key(&company.key);
        server.send(&request.json(&json!({ "action": action }))).good();
    };
    (0..3).for_each(|_| drop(refund(&ids[4], 3333)));
    refund(&ids[0], 5000);
    review(&ids[5], "approve");
    refund(&ids[5], 1);
    review(&ids[6], "reject");

    let partner = server.sign_in(&link.partner_email, "affiliate");
    let shown: Vec<Value> = ids.iter().map(|id| server.read_as(&company, &format!("/conversions/{id}"))).collect();
    for (id, theirs) in ids.iter().zip(&shown) {
        let own = server.send(&Request::get(format!("/conversions/{id}")).token(&partner)).good();
        assert!(own["explanation"]["arithmetic"] == theirs["explanation"]["arithmetic"], "{own}");
        assert_eq!(held_back(&own), Vec::<String>::new(), "{own}");
    }
    // The same look finds them in what a company sees.
    assert!(shown.iter().any(|shown| {
        ["weight", "threshold", "score"].iter().all(|name| held_back(shown).contains(&(*name).to_owned()))
    }));
    server.stop();

    let decided = decided(&site);
    assert_eq!(decided.len(), ids.len());
    for shown in &shown {
        let of_order = decided.iter().find(|decided| shown["orderId"] == decided.order).expect("it is in the ledger");
        assert_eq!(shown["explanation"]["arithmetic"], of_order.explanation["arithmetic"]);
    }
}

#[test]
fn every_decision_of_the_demo_recomputes() {
    let site = Site::new();
    let server = Launch::with_demo().start(&site);
    let played = Launch::client(&site.data()).arg("demo").output().expect("the demo runs");
    assert!(played.status.success(), "{}", String::from_utf8_lossy(&played.stderr));
    server.stop();
    let decided = decided(&site);
    let paid = decided.iter().filter(|decided| decided.stands != (0, 0)).count();
    let refunded = decided.iter().filter(|decided| decided.explanation.to_string().contains("\"refund\"")).count();
    assert!(paid > 30 && refunded > 0 && paid < decided.len(), "{paid} of {} paid, {refunded} refunded", decided.len());
}

/// All decisions in the folder's ledger, each with arithmetic that ends where its transfers do.
fn decided(site: &Site) -> Vec<Decided> {
    let ledger = Database::open(site.data().join("ledger.db")).expect("the ledger");
    let all = decisions(&ledger);
    let wrong: Vec<String> = all.iter().filter_map(|decided| decided.recompute().err()).collect();
    assert_eq!(wrong, Vec::<String>::new());
    all
}

/// Names of fields, wherever they stand, that are the company's own.
fn held_back(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if COMPANYS_OWN.contains(&name.as_str()) && !value.is_null() {
                    found.push(name.clone());
                }
                found.extend(held_back(value));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| found.extend(held_back(item))),
        _ => {}
    }
    found
}
