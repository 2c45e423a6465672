//! The tables that a README holds, so that each figure in it is one that was printed. What does not hold when counted again is no
//! figure: its line says so instead.

mod grown;

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::record::{Comparison, Document, ProcessCost, Run, Scenario, Spread, Sweep};

use super::{
    comparisons,
    figures::{self, Audited, audited},
    groups, labels, merge,
    numbers::{self, NONE, bytes, cost, count, decimal, or_none, rate_tick, ratio, time},
    page, sweeps,
};

pub(crate) fn tables(document: &Document) -> String {
    let mut text = String::new();
    let mut targets: Vec<&str> = groups::counted(&document.runs).map(|run| run.target.name.as_str()).collect();
    targets.dedup();
    let mut known: Vec<&str> = Vec::new();
    for target in targets {
        if !known.contains(&target) {
            known.push(target);
            loads(&mut text, document, target);
        }
    }
    document.comparisons.iter().for_each(|comparison| compared(&mut text, comparison));
    document.sweeps.iter().for_each(|sweep| knee(&mut text, sweep));
    document.growths.iter().for_each(|growth| grown::tables(&mut text, growth));
    origin(&mut text, document);
    text
}

fn loads(text: &mut String, document: &Document, target: &str) {
    let runs: Vec<&Run> = groups::counted(&document.runs).filter(|run| run.target.name == target).collect();
    let acknowledges = runs.first().map(|run| labels::acknowledges(run.target.acknowledges)).unwrap_or_default();
    let heads = [
        "load",
        "CPU an event, without brokers and databases",
        "with them",
        "peak memory, without",
        "acknowledged",
        "p50, p99, p99.9",
        "in facts",
        "in the ledger",
        "audit",
    ];
    table(text, &format!("{}, answers {acknowledges}", plain(target)), &heads, runs.iter().map(|run| load_row(run)));
    let sound: Vec<&Run> = runs.into_iter().filter(|run| !is_broken(run)).collect();
    by_process(text, "CPU µs an event, by process", &sound, |run, process| {
        figures::cpu_ns_an_event(run, process.cpu_ns).map(numbers::cost_in_us)
    });
    by_process(text, "Cores, by process, at 100,000 events a second; orders at 1,000", &sound, cores);
    by_process(text, "Bytes written an event, by process", &sound, |run, process| {
        figures::written_bytes_an_event(run, process).map(count)
    });
    memory(text, &sound);
}

/// Least and most over the loads.
fn memory(text: &mut String, runs: &[&Run]) {
    let mut memory: Vec<(&str, u64, u64)> = Vec::new();
    for process in runs.iter().flat_map(|run| &run.costs) {
        let (idle, peak) = (process.idle_memory_bytes, process.peak_memory_bytes);
        match memory.iter_mut().find(|(name, ..)| *name == process.name) {
            Some((_, least, most)) => (*least, *most) = (idle.min(*least), peak.max(*most)),
            None => memory.push((&process.name, idle, peak)),
        }
    }
    if !memory.is_empty() {
        let row = |(name, least, most): &(&str, u64, u64)| vec![process(name), bytes(*least), bytes(*most)];
        table(text, "Memory, by process", &["", "idle", "at most"], memory.iter().map(row));
    }
}

fn is_broken(run: &Run) -> bool {
    matches!(audited(run), Audited::Broken { .. })
}

fn load_row(run: &Run) -> Vec<String> {
    let load = plain(&labels::load(&run.load));
    let (verdict, figures) = match audited(run) {
        Audited::Broken { lines, broken } => {
            (format!("{broken} of {lines} does not hold"), [const { String::new() }; 7].map(|_| NONE.to_owned()))
        }
        Audited::No => ("none".to_owned(), load_figures(run)),
        Audited::Holds { lines } => (format!("{lines} of {lines} hold"), load_figures(run)),
    };
    std::iter::once(load).chain(figures).chain([verdict]).collect()
}

fn load_figures(run: &Run) -> [String; 7] {
    let latency = figures::tells_latency(run).then(|| {
        let shares = [500_000, 990_000, 999_000].map(|share| figures::quantile(&run.answers.latency, share));
        shares.map(|us| or_none(us.map(time))).join(", ")
    });
    let reached = |stage| figures::stage(run, stage).and_then(figures::stage_events_a_second).map(rate_tick);
    let own = run.costs.iter().filter(|process| !labels::is_server(&process.name));
    [
        or_none(figures::own_cpu_ns_an_event(run).map(cost)),
        or_none(figures::all_cpu_ns_an_event(run).map(cost)),
        or_none(own.map(|process| process.peak_memory_bytes).reduce(u64::saturating_add).map(bytes)),
        or_none(figures::events_a_second(run).map(rate_tick)),
        or_none(latency),
        or_none(reached("queryable")),
        or_none(reached("posted")),
    ]
}

/// A line a load and a column a process.
fn by_process(text: &mut String, title: &str, runs: &[&Run], cell: impl Fn(&Run, &ProcessCost) -> Option<String>) {
    let mut names: Vec<&str> = Vec::new();
    for process in runs.iter().flat_map(|run| &run.costs) {
        if !names.contains(&process.name.as_str()) {
            names.push(&process.name);
        }
    }
    // One alone stands in the table of the loads.
    if names.len() < 2 {
        return;
    }
    let heads: Vec<String> = std::iter::once("load".to_owned()).chain(names.iter().map(|name| process(name))).collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let row = |run: &&Run| {
        let of = |name: &&str| run.costs.iter().find(|process| process.name == *name);
        let cells = names.iter().map(|name| or_none(of(name).and_then(|process| cell(run, process))));
        std::iter::once(plain(&labels::load(&run.load))).chain(cells).collect()
    };
    table(text, title, &heads, runs.iter().map(row));
}

/// Orders are fewer: a deployment of 100,000 clicks a second has a thousand of them.
fn cores(run: &Run, process: &ProcessCost) -> Option<String> {
    let ns_a_core_second = if run.load.scenario == Scenario::Conversion { 1_000_000 } else { 10_000 };
    Some(decimal(figures::cpu_ns_an_event(run, process.cpu_ns)?, ns_a_core_second, 2))
}

/// What a machine calls itself is typed as it stands, a product is named.
fn process(name: &str) -> String {
    if labels::is_server(name) { plain(labels::process(name)) } else { format!("`{}`", plain(name)) }
}

fn compared(text: &mut String, comparison: &Comparison) {
    let within = |of: Spread, shown: fn(u64) -> String| {
        format!("{} ({} – {})", shown(of.median), shown(of.least), shown(of.most))
    };
    let rows = comparisons::in_order(comparison).into_iter().map(|side| {
        let name = plain(&side.target.name);
        let acknowledges = labels::acknowledges(side.target.acknowledges).to_owned();
        if comparisons::is_broken(comparison, &side.target) {
            let none = [const { String::new() }; 4].map(|_| NONE.to_owned());
            return [name, acknowledges, "the audit does not hold".to_owned()].into_iter().chain(none).collect();
        }
        let times = comparisons::ratio_to_baseline(comparison, side);
        vec![
            name,
            acknowledges,
            within(side.cpu_ns_an_event, numbers::cost_in_us),
            or_none(times.map(|times| within(times, ratio))),
            count(side.events_a_cpu_second.median),
            rate_tick(side.events_a_second.median),
            bytes(side.peak_memory_bytes),
        ]
    });
    let baseline = format!("÷ {}", plain(&comparison.baseline));
    let heads = [
        "",
        "acknowledges",
        "CPU µs an event, own processes",
        &baseline,
        "events a CPU-second",
        "events a second",
        "peak memory",
    ];
    let title = format!("{}, median (least – most) of {} rounds", plain(&comparison.what), comparison.rounds.len());
    table(text, &labels::capital(&title), &heads, rows);
}

fn knee(text: &mut String, sweep: &Sweep) {
    let Some(first) = sweep.runs.first() else {
        return;
    };
    let title = format!(
        "{}: {}, {}; a closed loop came to {} requests/s",
        plain(&first.target.name),
        labels::kind(&first.load),
        labels::connections(&first.load),
        count(sweep.capacity_per_s)
    );
    let rows = groups::counted(&sweep.runs).filter(|run| !is_broken(run)).map(|run| {
        let rate = sweeps::rate(run);
        let at = |share| or_none(figures::quantile(&run.answers.latency, share).map(time));
        let is_knee = sweeps::knee(sweep).is_some_and(|(_, knee)| std::ptr::eq(knee, run));
        vec![
            or_none(rate.map(|rate| rate_tick(rate.into()))),
            or_none(rate.and_then(|rate| sweeps::share_of_capacity(sweep, rate))),
            at(500_000),
            at(990_000),
            at(999_000),
            if is_knee { "the knee" } else { "" }.to_owned(),
        ]
    });
    table(text, &title, &["offered", "of capacity", "p50", "p99", "p99.9", ""], rows);
}

/// Where all of it comes from, in a line to be kept beside it.
fn origin(text: &mut String, document: &Document) {
    let machine = &document.machine;
    let began = i64::try_from(document.began_at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let began = began.map(|began| format!(", {}", began.strftime("%Y-%m-%d"))).unwrap_or_default();
    let commands = document.command.split(|word| word == merge::AND).map(page::typed);
    let commands: Vec<String> = commands.map(|command| format!("`{}`", plain(&command))).collect();
    let versions: Vec<String> =
        machine.versions.iter().map(|(product, version)| format!("{} {}", plain(product), plain(version))).collect();
    let said = writeln!(
        text,
        "From {} on {} cores of {}{began}, load average {} before; {}.",
        commands.join(" and "),
        machine.cores,
        plain(&machine.processor),
        decimal(machine.load_average_millis, 1_000, 2),
        versions.join(", ")
    );
    said.expect("a string takes all that is written to it");
}

/// One with its title above it.
pub(crate) fn table(text: &mut String, title: &str, heads: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let mut line = |cells: String| {
        text.push_str(&cells);
        text.push('\n');
    };
    line(format!("{title}:\n"));
    line(format!("| {} |", heads.join(" | ")));
    line(format!("|{}", "---|".repeat(heads.len())));
    rows.for_each(|row| line(format!("| {} |", row.join(" | "))));
    line(String::new());
}

/// Text of a document, of which no part is a table's, a tag's or code's.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '|' => plain.push_str("\\|"),
            '<' => plain.push_str("&lt;"),
            '`' => plain.push('\''),
            letter if letter.is_control() => plain.push(' '),
            letter => plain.push(letter),
        }
    }
    plain
}
