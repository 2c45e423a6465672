//! Every run that counts, with all that it has left and no chart shows.

use crate::record::Run;

use super::{
    figures,
    groups::Placed,
    labels,
    markup::Markup,
    numbers::{self, bytes, cost, count, or_none, percent, time},
    tables::{Cell, number, table, text},
};

pub(crate) fn section(page: &mut Markup, placed: &[Placed<'_>]) {
    let counted: Vec<&Placed<'_>> = placed.iter().filter(|placed| placed.run.discarded.is_none()).collect();
    for part in counted.chunk_by(|one, next| one.part == next.part) {
        match part {
            [one] => of_run(page, one),
            several => page.within("details", &[("class", &"data")], |page| {
                let name = &several[0].part;
                page.element("summary", &[], format_args!("{name}: {} runs", several.len()));
                page.within("div", &[("class", &"inner")], |page| several.iter().for_each(|one| of_run(page, one)));
            }),
        }
    }
}

fn of_run(page: &mut Markup, placed: &Placed<'_>) {
    let run = placed.run;
    let name = format!("{}: {}, {}", placed.place, run.target.name, labels::load(&run.load));
    page.within("details", &[("class", &"data")], |page| {
        page.element("summary", &[], &name);
        let facts: Vec<Vec<Cell>> = facts(run).into_iter().map(|(what, is)| vec![text(what), text(is)]).collect();
        table(page, "What it was", &["What", "Is"], &facts);
        processes(page, run);
        quantiles(page, run);
    });
    page.line();
}

fn facts(run: &Run) -> Vec<(&'static str, String)> {
    let (answers, generator) = (&run.answers, &run.generator);
    let statuses = answers.by_status.iter().map(|(status, n)| format!("{status}: {}", count(*n)));
    let late = |share| or_none(figures::quantile(&answers.lateness, share).map(time));
    let mut facts = vec![
        ("Acknowledges", labels::acknowledges(run.target.acknowledges).to_owned()),
        ("Seed", run.load.seed.to_string()),
        ("Requests", count(answers.requests)),
        ("Events sent", count(answers.events_sent)),
        ("Events acknowledged", count(answers.events_acknowledged)),
        ("Took", time(answers.took_us)),
        ("Answers by status", or_none(statuses.reduce(|all, next| format!("{all}; {next}")))),
        ("Not answered", count(answers.failed)),
    ];
    facts.extend(answers.first_failure.clone().map(|why| ("First failure", why)));
    facts.push(("Sent late, p50 and p99", format!("{}, {}", late(500_000), late(990_000))));
    // All that a closed loop knows; it leaves out what waited to be sent.
    if answers.service.count > 0 {
        let took = |share| or_none(figures::quantile(&answers.service, share).map(time));
        facts.push(("From sent to answered, p50 and p99", format!("{}, {}", took(500_000), took(990_000))));
    }
    facts.push((
        "Load generator",
        format!(
            "{} threads, {} busy, {} of CPU",
            generator.threads,
            percent(generator.busy_ppm),
            time(generator.cpu_us)
        ),
    ));
    facts
}

fn processes(page: &mut Markup, run: &Run) {
    if run.costs.is_empty() {
        return;
    }
    let rows: Vec<Vec<Cell>> = run
        .costs
        .iter()
        .map(|process| {
            vec![
                text(labels::process(&process.name)),
                number(or_none(figures::cpu_ns_an_event(run, process.cpu_ns).map(cost))),
                number(bytes(process.idle_memory_bytes)),
                number(bytes(process.peak_memory_bytes)),
                number(or_none(figures::written_bytes_an_event(run, process).map(bytes))),
            ]
        })
        .collect();
    let heads = ["Process", "CPU an event", "Memory idle", "Peak memory", "Written an event"];
    table(page, "What it cost", &heads, &rows);
}

/// A closed loop's say nothing of what a caller would have waited.
fn quantiles(page: &mut Markup, run: &Run) {
    if !figures::tells_latency(run) {
        return;
    }
    let latency = &run.answers.latency;
    let counted = latency.points.iter().filter(|(share, _)| figures::is_counted(latency, *share));
    let mut rows: Vec<Vec<Cell>> =
        counted.map(|(share, us)| vec![text(numbers::share(*share)), number(time(*us))]).collect();
    rows.push(vec![text("longest"), number(time(latency.max_us))]);
    table(page, "Latency", &["Share of the answers", "at most"], &rows);
}
