//! Growth: what stays, what has grown, and what is no figure.

use serde_json::{Value, json};

use crate::documents::{Made, made, single};

/// Steps of a deployment that is given more and more clicks, each with its CPU and its disk an event.
fn growth(each: &[(u64, u64)]) -> Value {
    let mut before = 0;
    let steps = each.iter().zip(0_u32..).map(|((cpu_ns, disk), nth)| {
        let events = 1_000_000 * 10_u64.pow(nth);
        let sent = events - before;
        let cost = |name: &str, ns: u64| {
            json!({"name": name, "cpu_ns": ns * sent, "peak_memory_bytes": 90 << 20, "idle_memory_bytes": 40 << 20, "written_bytes": 0})
        };
        let query = json!({"name": "company dashboard, 30 days", "count": 200, "p50_us": 900, "p95_us": 1_700, "p99_us": 2_400, "max_us": 9_000});
        let step = json!({
            "events": events, "keys": 200, "cpu_ns_an_event": cpu_ns, "memory_bytes": 90 << 20, "disk_bytes": disk * events,
            "queries_us": {"company dashboard, 30 days": 1_700}, "sent": sent, "queries": [query],
            "costs": [cost("process", cpu_ns * 3 / 4), cost("kafka", cpu_ns / 4)],
            "stores": {"kafka": {"before": before * disk, "after": events * disk}},
            "rows": {"clicks": events, "clicks_by_day": 200, "pages_by_day": 500},
        });
        before = events;
        step
    });
    let steps: Vec<Value> = steps.collect();
    let mut document = single();
    document["growths"] =
        json!([{"what": "clicks in batches, refmill-servers", "steps": steps, "limit_millis": 1_250}]);
    document
}

fn shown(document: &Value) -> Made {
    made(&[document])
}

#[test]
fn what_is_flat_is_said_to_be_flat() {
    let Made { html, table, json } = shown(&growth(&[(8_000, 500), (8_400, 480), (8_800, 510)]));
    assert!(html.contains(">flat<") && !html.contains(">grew<") && !table.contains("grew"), "{table}");
    for row in [
        "| CPU an event | 8.00 µs | 8.40 µs | 8.80 µs | 1.10 |  |",
        "| CPU an event, kafka | 2.00 µs | 2.10 µs | 2.20 µs | 1.10 |  |",
        "| disk an event | 500 B | 480 B | 510 B | 1.02 |  |",
        "| company dashboard, 30 days | 10,000,000 | 200 | 900 µs, 1.70 ms, 2.40 ms | 700 |",
    ] {
        assert!(table.contains(row), "{row} is not in\n{table}");
    }
    assert!(html.contains("growth-1-1") && html.contains(">100 M<"), "cost over events by powers of ten");
    assert_eq!(json["growths"][0]["steps"][2]["sent"], 90_000_000);
}

#[test]
fn a_step_that_costs_double_is_said_to_have_grown() {
    let Made { html, table, .. } = shown(&growth(&[(8_000, 500), (8_400, 500), (16_000, 500)]));
    assert!(html.contains(">grew<"));
    assert!(table.contains("| CPU an event | 8.00 µs | 8.40 µs | 16.0 µs | 2.00 | grew |"), "{table}");
    assert!(table.contains("| disk an event | 500 B | 500 B | 500 B | 1.00 |  |"), "{table}");
}

#[test]
fn a_load_that_does_not_add_up_leaves_no_figure() {
    let mut document = growth(&[(8_000, 500), (8_123, 500)]);
    let mut run = document["runs"][0].clone();
    run["audit"] = json!([{"what": "clicks acknowledged: once in facts", "expected": 10, "found": 9}]);
    run["discarded"] = Value::Null;
    document["growths"][0]["steps"][1]["runs"] = json!([run]);
    let Made { html, table, .. } = shown(&document);
    let why = "the audit of a load of step 2 does not hold";
    assert!(html.contains(why) && table.contains(why), "{table}");
    assert!(!html.contains("8.12 µs") && !table.contains("8.12 µs"), "{table}");
    assert!(html.contains("growth 1, step 2"), "its audit is shown with all others");
}

#[test]
fn dashboards_alone_cost_nothing_and_say_nothing_of_cost() {
    let mut document = growth(&[(0, 0)]);
    let step = &mut document["growths"][0]["steps"][0];
    (step["memory_bytes"], step["costs"], step["sent"]) = (json!(0), json!([]), json!(0));
    let Made { html, table, .. } = shown(&document);
    assert!(
        table.contains("| company dashboard, 30 days | 1,000,000 | 200 | 900 µs, 1.70 ms, 2.40 ms | 700 |"),
        "{table}"
    );
    assert!(!table.contains("0.00 µs | 0 B") && !html.contains("growth-1-1") && html.contains("growth-1-queries-1"));
}
