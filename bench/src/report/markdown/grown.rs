//! Growth. What is not sound has a reason here and no figure.

use super::{plain, table};
use crate::{
    grow::verdict::{self, Course},
    record::{Growth, GrowthStep},
    report::{
        growths, labels,
        numbers::{bytes, cost, count, or_none, ratio, time},
    },
};

pub(super) fn tables(text: &mut String, growth: &Growth) {
    let title = labels::capital(&plain(&growth.what));
    let unsound = verdict::unsound(growth);
    if !unsound.is_empty() {
        let rows = unsound.into_iter().map(|why| vec![plain(&why)]);
        return table(text, &title, &["no figures, as"], rows);
    }
    let rows = growth.steps.iter().map(|step| {
        vec![
            count(step.events),
            count(step.keys),
            cost(step.cpu_ns_an_event),
            bytes(step.memory_bytes),
            or_none(growths::memory_a_key(step).map(bytes)),
            or_none(growths::disk_an_event(step).map(bytes)),
        ]
    });
    if growths::tells_costs(growth) {
        let heads = ["events", "keys", "CPU an event", "memory", "a key", "disk an event"];
        table(text, &title, &heads, rows);
    }
    if growth.steps.iter().any(|step| !step.costs.is_empty()) {
        courses(text, growth);
    }
    queries(text, growth);
}

/// What each process and each store costs at each step.
fn courses(text: &mut String, growth: &Growth) {
    let mut heads = vec![String::new()];
    heads.extend(growth.steps.iter().map(|step| growths::at(growth, step)));
    heads.extend(["last over first".to_owned(), String::new()]);
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let (courses, grew) = (verdict::courses(growth), verdict::grew(growth));
    let row = |course: &Course| {
        let mut row = vec![plain(&course.what)];
        row.extend(course.each.iter().map(|value| or_none(value.map(|value| growths::shown(course, value)))));
        row.push(or_none(course.ratios().last().flatten().map(ratio)));
        let has_grown = grew.iter().any(|grew| grew.what == course.what);
        row.push(if has_grown { "grew" } else { "" }.to_owned());
        row
    };
    table(text, "An event there", &heads, courses.iter().map(row));
}

fn queries(text: &mut String, growth: &Growth) {
    let whole = growth.steps.iter().flat_map(|step| step.queries.iter().map(move |query| (step, query)));
    let whole: Vec<Vec<String>> = whole
        .map(|(step, query)| {
            let times = [query.p50_us, query.p95_us, query.p99_us].map(time).join(", ");
            vec![plain(&query.name), count(step.events), count(step.keys), times, rows_behind(step)]
        })
        .collect();
    if !whole.is_empty() {
        let heads = ["query", "clicks", "keys", "p50, p95, p99", "rows of sums by day"];
        return table(text, "Queries there", &heads, sorted(whole));
    }
    let short = growth.steps.iter().flat_map(|step| step.queries_us.iter().map(move |query| (step, query)));
    let short: Vec<Vec<String>> =
        short.map(|(step, (name, us))| vec![plain(name), count(step.events), count(step.keys), time(*us)]).collect();
    if !short.is_empty() {
        table(text, "Queries there", &["query", "events", "keys", "p95"], sorted(short));
    }
}

fn rows_behind(step: &GrowthStep) -> String {
    count(step.rows.iter().filter(|(table, _)| *table != "clicks").map(|(_, rows)| *rows).sum::<u64>())
}

fn sorted(mut rows: Vec<Vec<String>>) -> impl Iterator<Item = Vec<String>> {
    rows.sort_by(|a, b| a[0].cmp(&b[0]));
    rows.into_iter()
}
