//! A run and a sweep in short lines, for whoever started it.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use crate::grow::verdict;
use crate::record::{Growth, Load, Offered, Quantiles, Query, Run, Sweep};

const SHOWN: [(&str, u32); 6] = [
    ("p50", 500_000),
    ("p90", 900_000),
    ("p99", 990_000),
    ("p99.9", 999_000),
    ("p99.95", 999_500),
    ("p99.99", 999_900),
];

pub(crate) fn run(run: &Run) -> String {
    let mut text = String::new();
    // A string takes all that is written to it.
    let _ = write_run(&mut text, run);
    text
}

pub(crate) fn sweep(sweep: &Sweep) -> String {
    let mut text = format!("closed loop: {} requests/s\n", sweep.capacity_per_s);
    for (nth, run) in sweep.runs.iter().enumerate() {
        let knee = if sweep.knee == Some(nth) { "  <- the knee" } else { "" };
        let discarded = if run.discarded.is_some() { "  discarded" } else { "" };
        let p99 = run.answers.latency.at(990_000).map_or_else(|| "-".to_owned(), ms);
        let _ = writeln!(text, "{:>8}: p99 {p99}, {} failed{discarded}{knee}", offered(&run.load), run.answers.failed);
    }
    text
}

pub(crate) fn queries(queries: &[Query], rows: &BTreeMap<String, u64>) -> String {
    let mut text = String::new();
    for query in queries {
        let [p50, p95, p99, most] = [query.p50_us, query.p95_us, query.p99_us, query.max_us].map(ms);
        let _ = writeln!(text, "{}: p50 {p50}, p95 {p95}, p99 {p99}, max {most}, {} times", query.name, query.count);
    }
    let rows: Vec<String> = rows.iter().map(|(table, rows)| format!("{table} {rows}")).collect();
    if !rows.is_empty() {
        let _ = writeln!(text, "rows: {}", rows.join(", "));
    }
    text
}

/// What each step costs, and how often the first's that is.
pub(crate) fn growth(growth: &Growth) -> String {
    let mut text = format!("{}\n", growth.what);
    let kept = growth.steps.iter().map(|step| format!("{} events and {} keys", step.events, step.keys));
    let _ = writeln!(text, "  steps: {}", kept.collect::<Vec<_>>().join(", "));
    for course in verdict::courses(growth) {
        let or_none = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        let each: Vec<String> = course.each.iter().copied().map(or_none).collect();
        let times =
            course.ratios().map(|millis| millis.map_or_else(|| "-".to_owned(), |millis| hundredths(millis / 10)));
        let unit = if course.what.starts_with("CPU") { "ns" } else { "bytes" };
        let _ = writeln!(
            text,
            "  {}: {} {unit} (x {})",
            course.what,
            each.join(", "),
            times.collect::<Vec<_>>().join(", ")
        );
    }
    let started = growth.steps.iter().filter_map(|step| step.started_in_ms).map(|ms| format!("{ms} ms"));
    let started: Vec<String> = started.collect();
    if !started.is_empty() {
        let _ = writeln!(text, "  started in {}", started.join(", "));
    }
    text
}

fn write_run(text: &mut String, run: &Run) -> fmt::Result {
    let Run { target, load, answers, generator, .. } = run;
    let name = format!("{:?}", load.scenario).to_lowercase();
    writeln!(
        text,
        "{name} at {}, {} s, {} connections{}, seed {}: {}, acknowledges {:?}",
        offered(load),
        load.seconds,
        load.connections,
        load.requests_a_connection.map(|most| format!(" of {most} requests each")).unwrap_or_default(),
        load.seed,
        target.name,
        target.acknowledges
    )?;
    if let Some(why) = &run.discarded {
        writeln!(text, "DISCARDED: {why}")?;
    }
    let statuses: Vec<_> = answers.by_status.iter().map(|(status, count)| format!("{count} x {status}")).collect();
    writeln!(
        text,
        "requests {} ({}), not answered {}",
        answers.requests,
        if statuses.is_empty() { "no answers".to_owned() } else { statuses.join(", ") },
        answers.failed
    )?;
    if let Some(why) = &answers.first_failure {
        writeln!(text, "first not answered: {why}")?;
    }
    let per_s = answers.events_acknowledged * 1_000_000 / answers.took_us.max(1);
    writeln!(
        text,
        "events {} sent, {} acknowledged in {} = {per_s}/s",
        answers.events_sent,
        answers.events_acknowledged,
        ms(answers.took_us)
    )?;
    match load.offered {
        Offered::Rate(_) => {
            writeln!(text, "latency from when due: {}", quantiles(&answers.latency))?;
            for (kind, latency) in &answers.latency_by_kind {
                writeln!(text, "  {kind} ({}): {}", latency.count, quantiles(latency))?;
            }
            writeln!(text, "  from when sent: {}", quantiles(&answers.service))?;
            writeln!(text, "sent after due: {}", quantiles(&answers.lateness))?;
        }
        Offered::AsAnswered => {
            writeln!(text, "closed loop: for capacity and cost; latency is not told")?;
        }
    }
    writeln!(
        text,
        "generator: {} us of CPU a request, {} threads, busy {} %",
        hundredths(generator.cpu_us * 100 / answers.requests.max(1)),
        generator.threads,
        generator.busy_ppm / 10_000
    )?;
    for cost in &run.costs {
        let each = cost.cpu_ns / 10 / answers.events_acknowledged.max(1);
        let peak = cost.peak_memory_bytes >> 20;
        writeln!(text, "{}: {} us of CPU an event, {peak} MiB at most", cost.name, hundredths(each))?;
    }
    for stage in &run.stages {
        writeln!(text, "{}: {} after {}", stage.name, stage.events, ms(stage.after_us))?;
    }
    let broken = run.audit.iter().filter(|line| !line.holds());
    for line in broken.clone() {
        writeln!(text, "AUDIT: {}: expected {}, found {}", line.what, line.expected, line.found)?;
    }
    match (run.audit.len(), broken.count()) {
        (0, _) => writeln!(text, "audit: nothing to look into was named"),
        (all, broken) => writeln!(text, "audit: {} of {all} hold", all - broken),
    }
}

fn offered(load: &Load) -> String {
    match load.offered {
        Offered::Rate(rate) => format!("{rate}/s"),
        Offered::AsAnswered => "as answered".to_owned(),
    }
}

fn quantiles(of: &Quantiles) -> String {
    let shown = SHOWN.iter().filter_map(|(name, ppm)| Some(format!("{name} {}", ms(of.at(*ppm)?))));
    let shown: Vec<_> = shown.chain([format!("max {}", ms(of.max_us))]).collect();
    shown.join(", ")
}

fn ms(us: u64) -> String {
    format!("{}.{:02} ms", us / 1_000, us % 1_000 / 10)
}

fn hundredths(of: u64) -> String {
    format!("{}.{:02}", of / 100, of % 100)
}
