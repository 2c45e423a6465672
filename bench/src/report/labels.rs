//! What things are called.

use crate::record::{Acknowledges, Load, Offered, Run, Scenario, Spreading};

use super::numbers::count;

/// All of a load in words.
pub(crate) fn load(load: &Load) -> String {
    let mut parts = vec![kind(load), connections(load)];
    parts.extend(crowd(load));
    parts.extend(requests_a_connection(load));
    parts.push(offered(load));
    parts.push(seconds(load));
    parts.join(", ")
}

pub(crate) fn kind(load: &Load) -> String {
    let n = load.events_a_request;
    match (load.scenario, n) {
        (Scenario::Click, ..=1) => "one click a request".to_owned(),
        (Scenario::Click | Scenario::Batch, n) => format!("clicks in batches of {}", count(n)),
        (Scenario::Beacon, ..=1) => "one beacon a request".to_owned(),
        (Scenario::Beacon, n) => format!("beacons in batches of {}", count(n)),
        (Scenario::Conversion, ..=1) => "one order a request, answered with its decision".to_owned(),
        (Scenario::Conversion, n) => format!("orders in batches of {}", count(n)),
        (Scenario::Redirect, _) => "one redirect a request".to_owned(),
        (Scenario::Day, ..=1) => "a mixed day".to_owned(),
        (Scenario::Day, n) => format!("a mixed day in batches of {}", count(n)),
    }
}

pub(crate) fn connections(load: &Load) -> String {
    let n = load.connections;
    format!("{} {}", count(n), if n == 1 { "connection" } else { "connections" })
}

pub(crate) fn offered(load: &Load) -> String {
    match load.offered {
        Offered::Rate(rate) if load.events_a_request > 1 => format!("{} requests/s", count(rate)),
        Offered::Rate(rate) => format!("{}/s", count(rate)),
        Offered::AsAnswered => "closed loop".to_owned(),
    }
}

/// What sets these runs apart, run by run; and what they share. Two that nothing sets apart are numbered.
pub(crate) fn apart(runs: &[&Run]) -> (Vec<String>, Vec<String>) {
    let parts: Vec<[String; 7]> = runs.iter().map(|run| parts(run)).collect();
    let differs = |at: usize| parts.iter().any(|of| of[at] != parts[0][at]);
    let differing: Vec<usize> = (0..7).filter(|at| differs(*at)).collect();
    let shown = |of: &[String; 7], chosen: &dyn Fn(usize) -> bool| -> Vec<String> {
        let kept = of.iter().enumerate().filter(|(at, part)| chosen(*at) && !part.is_empty());
        kept.map(|(_, part)| part.clone()).collect()
    };
    let plain: Vec<String> = parts
        .iter()
        .map(
            |of| if differing.is_empty() { of[0].clone() } else { shown(of, &|at| differing.contains(&at)).join(", ") },
        )
        .collect();
    let shared = parts.first().map(|of| shown(of, &|at| !differing.contains(&at) && at > 0)).unwrap_or_default();
    let numbered = plain.iter().enumerate().map(|(at, name)| {
        let before = plain[..at].iter().filter(|other| *other == name).count();
        let name = if name.is_empty() { "otherwise" } else { name };
        if before == 0 { name.to_owned() } else { format!("{name} ({})", before + 1) }
    });
    (numbered.collect(), shared)
}

fn parts(run: &Run) -> [String; 7] {
    let load = &run.load;
    let each = requests_a_connection(load).unwrap_or_default();
    [
        run.target.name.clone(),
        kind(load),
        connections(load),
        crowd(load).unwrap_or_default(),
        each,
        offered(load),
        seconds(load),
    ]
}

fn requests_a_connection(load: &Load) -> Option<String> {
    load.requests_a_connection.map(|n| format!("{} a connection", if n == 1 { "one".to_owned() } else { count(n) }))
}

/// Whom it comes from, where it goes and whether it says which event it is, where that was said.
fn crowd(load: &Load) -> Option<String> {
    let links = (load.crowd.links == Spreading::Zipf).then(|| "links by Zipf's law".to_owned());
    let visitors = load.crowd.visitors.map(|visitors| format!("{} visitors", count(visitors)));
    let named = load.crowd.named.then(|| "event ids".to_owned());
    let said: Vec<String> = visitors.into_iter().chain(links).chain(named).collect();
    (!said.is_empty()).then(|| said.join(", "))
}

fn seconds(load: &Load) -> String {
    match load.crowd.events {
        Some(events) => format!("{} events", count(events)),
        None => format!("for {} s", count(load.seconds)),
    }
}

pub(crate) fn acknowledges(when: Acknowledges) -> &'static str {
    match when {
        Acknowledges::AfterDelivery => "after delivery",
        Acknowledges::AfterSync => "after fsync",
        Acknowledges::WhenQueued => "when queued",
        Acknowledges::Nothing => "nothing (control)",
    }
}

const PROCESSES: [(&str, &str); 10] = [
    ("ingest", "ingest"),
    ("process", "process"),
    ("api", "api"),
    ("kafka", "Kafka"),
    ("postgres", "Postgres"),
    ("redis", "Redis"),
    ("clickhouse", "ClickHouse"),
    ("refmill", "refmill"),
    ("rival", "rival"),
    ("control", "control"),
];

/// A product by its own name; `refmill`'s roles are typed as they stand.
pub(crate) fn process(name: &str) -> &str {
    PROCESSES.iter().find(|(known, _)| *known == name).map_or(name, |(_, shown)| shown)
}

/// Brokers and databases cost what they cost whoever calls them.
pub(crate) fn is_server(name: &str) -> bool {
    ["kafka", "postgres", "redis", "clickhouse"].iter().any(|server| name.starts_with(server))
}

/// Which colour is a process's, the same in every chart; what is named otherwise shares the last one.
pub(crate) fn colour(name: &str) -> usize {
    let at = PROCESSES.iter().position(|(known, _)| name.starts_with(known));
    at.map_or(COLOURS, |at| (at + 1).min(COLOURS))
}

pub(crate) const COLOURS: usize = 9;

/// `one click` → `One click`
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
