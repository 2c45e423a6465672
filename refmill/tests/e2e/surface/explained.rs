//! Every decision says how it came about: its arithmetic, done again here, is what the ledger holds.

use std::collections::BTreeMap;

use rusqlite::Connection as Database;
use serde_json::{Value, json};

use crate::account::{fresh, sale_body, with};
use crate::http::Request;
use crate::server::Launch;
use crate::site::Site;

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

    let ledger = Database::open(site.data().join("ledger.db")).expect("the ledger");
    let (mut moved, mut wrong) = (0, Vec::new());
    for shown in &shown {
        let stands = standing(&ledger, shown);
        moved += stands.values().filter(|amount| **amount > 0).count();
        wrong.extend(recompute(shown, &stands).err());
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(moved > 6, "{moved}");
    other_arithmetic_is_caught(&shown[0], &standing(&ledger, &shown[0]));
}

fn other_arithmetic_is_caught(shown: &Value, stands: &BTreeMap<&'static str, i64>) {
    assert_eq!(recompute(shown, stands), Ok(()));
    let steps = shown["explanation"]["arithmetic"].as_array().expect("steps").clone();
    for (n, step) in steps.iter().enumerate() {
        for field in ["input", "result"] {
            let mut other = shown.clone();
            let value = &mut other["explanation"]["arithmetic"][n][field];
            match step[field].as_i64() {
                Some(amount) => *value = json!(amount + 11),
                None if step[field].is_object() => *value = json!({ "partner": 1, "platform": 1 }),
                None => continue,
            }
            assert!(recompute(&other, stands).is_err(), "{field} of {step}");
        }
    }
    let more = BTreeMap::from([("partner", stands["partner"] + 1), ("platform", stands["platform"])]);
    assert!(recompute(shown, &more).is_err(), "a transfer too many");
}

/// What a conversion's transfers have left with the partner and with the platform.
fn standing(ledger: &Database, shown: &Value) -> BTreeMap<&'static str, i64> {
    let order = shown["orderId"].as_str().expect("an order");
    let id = "SELECT id FROM conversions WHERE label = ?1";
    let id: Vec<u8> = ledger.query_row(id, [order], |row| row.get(0)).expect("one conversion");
    let sum = |side: &str, kinds: &str| -> i64 {
        let sql = format!(
            "SELECT coalesce(sum(amount_minor), 0) FROM transfers WHERE conversion = ?1 AND {side}_kind IN ({kinds})"
        );
        ledger.query_row(&sql, [&id], |row| row.get(0)).expect("a sum")
    };
    let of = |kinds: &str| sum("credit", kinds) - sum("debit", kinds);
    assert_eq!(of("1, 2, 3, 4, 5, 6"), 0, "{order} sums to zero");
    assert_eq!(of("1"), -of("2, 3, 4, 5, 6"));
    BTreeMap::from([("partner", of("2, 3, 4")), ("platform", of("5, 6"))])
}

/// Does the arithmetic again, step by step, and compares where it ends with what the transfers left.
fn recompute(shown: &Value, stands: &BTreeMap<&'static str, i64>) -> Result<(), String> {
    let steps = shown["explanation"]["arithmetic"].as_array().ok_or("no arithmetic")?;
    let (mut left, mut commission, mut parts) = (shown["orderValue"].as_i64(), None, None);
    for step in steps {
        let wrong = || format!("{step} in {shown}");
        match step["step"].as_str() {
            Some("refund") => left = step["left"].as_i64(),
            Some("commission") => {
                let input = step["input"].as_i64().ok_or_else(wrong)?;
                let (rate, decimals) = decimal(step["rate"].as_str().ok_or_else(wrong)?);
                let one = 10_i64.pow(decimals);
                let result = (i128::from(input) * i128::from(rate) + i128::from(one / 2)) / i128::from(one);
                commission = i64::try_from(result).ok();
                let is_exact = step["exact"].as_str().is_none_or(|exact| is_same(exact, input * rate, one));
                if Some(input) != left || step["result"].as_i64() != commission || !is_exact {
                    return Err(wrong());
                }
            }
            Some("split") => {
                let (partner, platform) = (step["result"]["partner"].as_i64(), step["result"]["platform"].as_i64());
                let (partner, platform) = partner.zip(platform).ok_or_else(wrong)?;
                let whole = commission.ok_or_else(wrong)?;
                if partner + platform != whole || partner != (whole * 8 + 5) / 10 {
                    return Err(wrong());
                }
                parts = Some((partner, platform));
            }
            _ => return Err(wrong()),
        }
    }
    let stays = if shown["status"] == "rejected" { (0, 0) } else { parts.ok_or("no split")? };
    let (money, told) =
        ((stands["partner"], stands["platform"]), (&shown["commissionAmount"], &shown["affiliatePayout"]));
    let is_told = told == (&json!(stays.0 + stays.1), &json!(stays.0)) || shown["status"] == "rejected";
    if money == stays && is_told { Ok(()) } else { Err(format!("{money:?} moved, {stays:?} was worked out: {shown}")) }
}

/// The digits of a decimal, and how many stand behind the point.
fn decimal(text: &str) -> (i64, u32) {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    (format!("{whole}{fraction}").parse().expect("digits"), fraction.len() as u32)
}

/// Whether a decimal is `number / one`.
fn is_same(text: &str, number: i64, one: i64) -> bool {
    let (digits, decimals) = decimal(text);
    i128::from(digits) * i128::from(one) == i128::from(number) * 10_i128.pow(decimals)
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
