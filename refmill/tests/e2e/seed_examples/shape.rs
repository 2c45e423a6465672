//! Keys and types of an answer against those documented. More keys than documented are allowed.

use serde_json::{Value, json};

/// Documented as a text, and null for who has not connected yet.
const NULLABLE: [&str; 1] = ["$.data.stripeConnectId"];

/// Where the answer is not as documented. A documented list's element is asked of every element, and of one at least.
pub(super) fn differences(documented: &Value, answer: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("$", documented, answer, &mut found);
    found
}

fn compare(at: &str, documented: &Value, answer: &Value, found: &mut Vec<String>) {
    if answer.is_null() && NULLABLE.contains(&at) {
        return;
    }
    match (documented, answer) {
        (Value::Object(wanted), Value::Object(given)) => {
            for (name, wanted) in wanted {
                let at = format!("{at}.{name}");
                match given.get(name) {
                    Some(given) => compare(&at, wanted, given, found),
                    None => found.push(format!("{at} is missing")),
                }
            }
        }
        (Value::Array(wanted), Value::Array(given)) => {
            let Some(wanted) = wanted.first() else { return };
            if given.is_empty() {
                found.push(format!("{at} is empty"));
            }
            given.iter().for_each(|given| compare(&format!("{at}[]"), wanted, given, found));
        }
        (wanted, given) if kind(wanted) != kind(given) && !(wanted.is_f64() && given.is_number()) => {
            found.push(format!("{at} is {}, not {}", kind(given), kind(wanted)));
        }
        _ => {}
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a number with decimals",
        Value::Number(_) => "a whole number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[test]
fn every_kind_of_difference_is_caught() {
    let documented = json!({ "a": 1, "b": 0.5, "c": "x", "d": [{ "e": 1 }], "f": [] });
    let good = json!({ "a": 7, "b": 2, "c": "", "d": [{ "e": 1, "more": 1 }], "f": [1], "more": 1 });
    assert_eq!(differences(&documented, &good), Vec::<String>::new());
    for (name, broken, wanted) in [
        ("a", json!("1"), "$.a is a text, not a whole number"),
        ("a", json!(1.5), "$.a is a number with decimals, not a whole number"),
        ("c", json!(null), "$.c is null, not a text"),
        ("d", json!([]), "$.d is empty"),
        ("d", json!([{ "e": 1 }, {}]), "$.d[].e is missing"),
        ("f", json!({}), "$.f is an object, not a list"),
    ] {
        let mut answer = good.clone();
        answer[name] = broken;
        assert_eq!(differences(&documented, &answer), [wanted]);
    }
    let mut answer = good;
    answer.as_object_mut().expect("an object").remove("b");
    assert_eq!(differences(&documented, &answer), ["$.b is missing"]);
}
