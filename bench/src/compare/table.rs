//! What is said while a comparison runs and when it is done, for a terminal.

use std::fmt;

use crate::record::{Run, Side, Spread};

pub(super) fn say_run(round: u32, rounds: u32, run: &Run, own: &[String]) {
    let name = &run.target.name;
    let broken: Vec<String> = run
        .audit
        .iter()
        .filter(|line| !line.holds())
        .map(|line| format!("{}: {} and not {}", line.what, line.found, line.expected))
        .collect();
    let cpu_ns: u64 = run.costs.iter().filter(|cost| own.contains(&cost.name)).map(|cost| cost.cpu_ns).sum();
    let events = run.answers.events_acknowledged;
    let each = cpu_ns.checked_div(events).map_or_else(|| "no event".to_owned(), |ns| format!("{} us each", Micros(ns)));
    let refused: u64 = run.answers.by_status.iter().filter(|(status, _)| **status >= 300).map(|(_, count)| count).sum();
    eprint!("round {} of {rounds}  {name:<22} {events:>9} acknowledged, {each}", round + 1);
    if refused > 0 {
        eprint!(", {refused} refused");
    }
    for why in broken.iter().chain(&run.discarded) {
        eprint!(" — {why}");
    }
    eprintln!();
}

pub(super) fn say_sides(sides: &[Side], baseline: &str) {
    println!(
        "{:<22} {:>24} {:>27} {:>24} {:>10}  CPU ÷ {baseline}",
        "", "CPU us an event", "events a CPU-second", "events a second", "MiB"
    );
    for side in sides {
        println!(
            "{:<22} {:>24} {:>27} {:>24} {:>10}  {}",
            side.target.name,
            between(side.cpu_ns_an_event, |ns| Micros(ns).to_string()),
            between(side.events_a_cpu_second, |events| events.to_string()),
            between(side.events_a_second, |events| events.to_string()),
            side.peak_memory_bytes >> 20,
            between(side.cpu_ratio_millis, |millis| Micros(millis).to_string()),
        );
    }
}

/// The median, and in brackets the least and the most; nothing where all rounds were discarded.
fn between(spread: Spread, shown: fn(u64) -> String) -> String {
    if spread.most == 0 {
        return "-".to_owned();
    }
    format!("{} ({}–{})", shown(spread.median), shown(spread.least), shown(spread.most))
}

/// Thousandths, with a point.
struct Micros(u64);

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = (self.0 + 5) / 10;
        write!(f, "{}.{:02}", hundredths / 100, hundredths % 100)
    }
}
