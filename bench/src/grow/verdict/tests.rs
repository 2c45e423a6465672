use std::collections::BTreeMap;

use super::*;
use crate::record::{AuditLine, ProcessCost, Run, StoreBytes};

/// Of `refmill` and `redis`, a hundredth of it; of `facts` and `log`. All as many thousandths of what is usual.
fn step(events: u64, sent: u64, keys: u64, cpu_millis: u64, disk_millis: u64) -> GrowthStep {
    let cost = |name: &str, each_ns: u64| ProcessCost {
        name: name.to_owned(),
        cpu_ns: each_ns * cpu_millis / 1_000 * sent,
        peak_memory_bytes: 1 << 20,
        idle_memory_bytes: 1 << 20,
        written_bytes: 0,
        parts_cpu_ns: BTreeMap::new(),
    };
    let costs = vec![cost("refmill", 9_900), cost("redis", 100)];
    let store = |each: u64| StoreBytes { before: 4_096, after: 4_096 + each * disk_millis / 1_000 * sent };
    let stores: BTreeMap<String, StoreBytes> =
        [("facts", 300), ("log", 200)].map(|(name, each)| (name.to_owned(), store(each))).into();
    GrowthStep {
        events,
        keys,
        sent,
        cpu_ns_an_event: costs.iter().map(|cost| cost.cpu_ns).sum::<u64>() / sent,
        disk_bytes: stores.values().map(|bytes| bytes.after).sum(),
        memory_bytes: (20 << 20) + keys * 90,
        costs,
        stores,
        ..GrowthStep::default()
    }
}

/// Steps of 1, 10 and 100 thousand events, each with its CPU and its disk an event.
fn growth(each: [(u64, u64); 3]) -> Growth {
    let events = [(1_000, 1_000), (10_000, 9_000), (100_000, 90_000)];
    let steps = events.into_iter().zip(each).map(|((events, sent), (cpu, disk))| step(events, sent, 200, cpu, disk));
    Growth { what: "clicks".to_owned(), steps: steps.collect(), limit_millis: Some(1_250) }
}

fn check(growth: &Growth, expected: &[(&str, usize, u64)]) {
    let found = grew(growth);
    let found: Vec<(&str, usize, u64)> =
        found.iter().map(|grew| (grew.what.as_str(), grew.step, grew.millis)).collect();
    assert_eq!(found, expected);
}

#[test]
fn each_step_is_held_against_the_first() {
    let growth = growth([(1_000, 1_000), (1_100, 500), (1_200, 1_010)]);
    let courses = courses(&growth);
    let named = |what: &str| courses.iter().find(|course| course.what == what).expect(what);
    let ratios = |what: &str| named(what).ratios().collect::<Vec<_>>();
    assert_eq!(named("CPU an event").each, [Some(10_000), Some(11_000), Some(12_000)]);
    assert_eq!(ratios("CPU an event"), [Some(1_000), Some(1_100), Some(1_200)]);
    assert_eq!(ratios("CPU an event, refmill"), [Some(1_000), Some(1_100), Some(1_200)]);
    assert_eq!(named("disk an event").each, [Some(500), Some(250), Some(505)]);
    assert_eq!(ratios("disk an event, log"), [Some(1_000), Some(500), Some(1_010)]);
    assert_eq!(
        courses.iter().filter(|course| !course.is_judged).map(|course| &*course.what).collect::<Vec<_>>(),
        ["CPU an event, redis"]
    );
}

#[test]
fn what_is_flat_has_not_grown() {
    check(&growth([(1_000, 1_000), (1_000, 1_000), (1_000, 1_000)]), &[]);
    // Up to the limit it is flat, and what has become less is too.
    check(&growth([(1_000, 1_000), (1_250, 1_250), (400, 10)]), &[]);
}

#[test]
fn a_later_step_that_costs_double_is_caught() {
    check(
        &growth([(1_000, 1_000), (1_000, 1_000), (2_000, 1_000)]),
        &[("CPU an event", 2, 2_000), ("CPU an event, refmill", 2, 2_000)],
    );
    check(
        &growth([(1_000, 1_000), (1_000, 2_000), (1_000, 1_000)]),
        &[("disk an event", 1, 2_000), ("disk an event, facts", 1, 2_000), ("disk an event, log", 1, 2_000)],
    );
    // One process alone, while the others become cheaper.
    let mut hidden = growth([(1_000, 1_000), (1_000, 1_000), (1_000, 1_000)]);
    for (step, ns) in hidden.steps.iter_mut().zip([1_000, 1_500, 2_000]) {
        let sent = step.sent;
        step.costs[1].cpu_ns = ns * sent;
        step.costs[0].cpu_ns = (10_000 - ns) * sent;
    }
    check(&hidden, &[("CPU an event, redis", 1, 1_500), ("CPU an event, redis", 2, 2_000)]);
    let said = grew(&hidden)[1].to_string();
    assert_eq!(said, "CPU an event, redis grew: at step 3 it is 2.000 times the first's");
}

#[test]
fn without_a_limit_nothing_is_judged() {
    let mut growth = growth([(1_000, 1_000), (9_000, 1_000), (9_000, 1_000)]);
    growth.limit_millis = None;
    check(&growth, &[]);
}

#[test]
fn keys_are_held_against_the_first_that_came_on_top() {
    let steps =
        [(10, 1_000), (1_000, 1_010), (10_000, 1_020)].map(|(keys, cpu)| step(50_000, 50_000, keys, cpu, 1_000));
    let mut growth = Growth { what: "links".to_owned(), steps: steps.to_vec(), limit_millis: Some(1_250) };
    assert!(by_keys(&growth));
    let memory = |growth: &Growth| courses(growth).pop().expect("the last is memory").each;
    assert_eq!(memory(&growth), [None, Some(90), Some(90)]);
    check(&growth, &[]);
    growth.steps[2].memory_bytes += 9_000 * 90;
    assert_eq!(memory(&growth), [None, Some(90), Some(180)]);
    check(&growth, &[("memory of a further key", 2, 2_000)]);
    // Less memory than with fewer keys says nothing of a key.
    growth.steps[1].memory_bytes = 0;
    assert_eq!(memory(&growth)[1], None);
}

#[test]
fn a_load_that_is_discarded_or_does_not_add_up_is_named() {
    let mut growth = growth([(1_000, 1_000), (1_000, 1_000), (1_000, 1_000)]);
    let run = |expected: i128, discarded: Option<&str>| {
        Run {
        audit: vec![AuditLine { what: "clicks".to_owned(), expected, found: 7 }],
        discarded: discarded.map(str::to_owned),
        ..crate::compare::measure::none(
            crate::record::Target {
                name: "refmill".to_owned(),
                acknowledges: crate::record::Acknowledges::AfterSync,
            },
            serde_json::from_str(
                r#"{"scenario":"batch","seed":1,"offered":"as_answered","seconds":1,"connections":1,"events_a_request":100}"#,
            )
            .expect("a load of before there were crowds"),
            String::new(),
        )
    }
    };
    growth.steps[0].runs = vec![run(7, None)];
    assert!(unsound(&growth).is_empty());
    growth.steps[1].runs = vec![run(7, None), run(8, None)];
    growth.steps[2].runs = vec![run(7, Some("it was late"))];
    assert_eq!(
        unsound(&growth),
        ["the audit of a load of step 2 does not hold", "a load of step 3 is discarded: it was late"]
    );
}
