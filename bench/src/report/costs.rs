//! What an event costs every process, and how much memory each of them took.

use std::collections::BTreeMap;

use crate::record::{ProcessCost, Run};

use super::{
    draw::{self, Axis, Bars, Drawing, Figure, Row, Scale, Segment},
    figures,
    groups::{Group, Named, Of},
    labels,
    markup::Markup,
    numbers::{self, bytes, cost, or_none},
    tables::{Cell, folded, number, text},
};

/// Of threads; the others share a colour.
const PARTS_NAMED: usize = labels::COLOURS - 1;
const MIB: u64 = 1 << 20;

pub(crate) fn section(page: &mut Markup, groups: &[Group<'_>]) {
    for (group, n) in groups.iter().zip(1..) {
        let costed: Vec<&Named<'_>> =
            group.runs.iter().filter(|named| figures::all_cpu_ns_an_event(named.run).is_some()).collect();
        if costed.is_empty() {
            continue;
        }
        let figure = Figure {
            id: format!("cost-{n}"),
            title: group.title.clone(),
            says: with_shared(group, "CPU time of each process over the events, less what it uses idle."),
            drawing: bars(
                "CPU time an event",
                numbers::cost_tick,
                costed.iter().map(|named| cost_row(named)).collect(),
            ),
        };
        draw::figure(page, &figure, |page| cost_table(page, &group.title, &costed));
        parts(page, group, n);
    }
}

pub(crate) fn memory(page: &mut Markup, groups: &[Group<'_>]) {
    for (group, n) in groups.iter().zip(1..) {
        let held: Vec<&Named<'_>> = group.runs.iter().filter(|named| !named.run.costs.is_empty()).collect();
        if held.is_empty() {
            continue;
        }
        let figure = Figure {
            id: format!("memory-{n}"),
            title: group.title.clone(),
            says: with_shared(group, "Most that each process held; all at once they held at most the sum."),
            drawing: bars("peak memory", numbers::mib_tick, held.iter().map(|named| memory_row(named)).collect()),
        };
        draw::figure(page, &figure, |page| memory_table(page, &group.title, &held));
    }
}

pub(crate) fn with_shared(group: &Group<'_>, says: &str) -> String {
    if group.shared.is_empty() { says.to_owned() } else { format!("{says} All of them: {}.", group.shared) }
}

fn bars(title: &str, label: fn(u64) -> String, rows: Vec<Row>) -> Drawing {
    Drawing::Bars(Bars { x: Axis { title: title.to_owned(), scale: Scale::Linear, label }, rows })
}

fn cost_row(named: &Named<'_>) -> Row {
    let segment = |process: &ProcessCost| Segment {
        name: labels::process(&process.name).to_owned(),
        colour: labels::colour(&process.name),
        value: figures::cpu_ns_an_event(named.run, process.cpu_ns).unwrap_or_default(),
    };
    let segments = named.run.costs.iter().map(segment).collect();
    let all = figures::all_cpu_ns_an_event(named.run).map(cost);
    Row { name: named.name.clone(), segments, spread: None, says: or_none(all) }
}

fn memory_row(named: &Named<'_>) -> Row {
    let segment = |process: &ProcessCost| Segment {
        name: labels::process(&process.name).to_owned(),
        colour: labels::colour(&process.name),
        value: process.peak_memory_bytes / MIB,
    };
    let segments = named.run.costs.iter().map(segment).collect();
    let all = figures::peak_memory_bytes(named.run).map(bytes);
    Row { name: named.name.clone(), segments, spread: None, says: or_none(all) }
}

/// Where a process says which of its threads do what.
fn parts(page: &mut Markup, group: &Group<'_>, n: u32) {
    let told: Vec<&Named<'_>> = group.runs.iter().filter(|named| with_parts(named.run).next().is_some()).collect();
    if told.is_empty() || group.of == Of::Sweep {
        return;
    }
    let colours = colours_of_parts(told.iter().map(|named| named.run));
    let several = told.iter().any(|named| with_parts(named.run).count() > 1);
    let rows: Vec<Row> = told.iter().flat_map(|named| part_rows(named, several, &colours)).collect();
    let figure = Figure {
        id: format!("parts-{n}"),
        title: format!("{}: by thread", group.title),
        says: "The same inside the processes, by the names of their threads.".to_owned(),
        drawing: bars("CPU time an event", numbers::cost_tick, rows),
    };
    draw::figure(page, &figure, |page| parts_table(page, &group.title, &told));
}

/// What takes most comes first.
fn colours_of_parts<'a>(runs: impl Iterator<Item = &'a Run>) -> BTreeMap<&'a str, usize> {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for (part, cpu_ns) in runs.flat_map(|run| &run.costs).flat_map(|process| &process.parts_cpu_ns) {
        let sum = sums.entry(part).or_default();
        *sum = sum.saturating_add(*cpu_ns);
    }
    let mut parts: Vec<(&str, u64)> = sums.into_iter().collect();
    parts.sort_by_key(|(_, sum)| std::cmp::Reverse(*sum));
    parts.into_iter().zip(1..).take(PARTS_NAMED).map(|((part, _), colour)| (part, colour)).collect()
}

fn with_parts(run: &Run) -> impl Iterator<Item = &ProcessCost> {
    run.costs.iter().filter(|process| !process.parts_cpu_ns.is_empty())
}

/// Of several processes each has a row of its own under the run's name.
fn part_rows(named: &Named<'_>, several: bool, colours: &BTreeMap<&str, usize>) -> Vec<Row> {
    let row = |process: &ProcessCost| {
        let mut segments: Vec<Segment> = Vec::new();
        for (part, cpu_ns) in &process.parts_cpu_ns {
            let value = figures::cpu_ns_an_event(named.run, *cpu_ns).unwrap_or_default();
            let colour = colours.get(part.as_str()).copied();
            let name = colour.map_or("other threads", |_| part).to_owned();
            let colour = colour.unwrap_or(labels::COLOURS);
            match segments.iter_mut().find(|segment| segment.name == name) {
                Some(known) => known.value = known.value.saturating_add(value),
                None => segments.push(Segment { name, colour, value }),
            }
        }
        segments.sort_by_key(|segment| segment.colour);
        let all = segments.iter().map(|segment| segment.value).fold(0, u64::saturating_add);
        let name = if several { labels::process(&process.name) } else { &named.name }.to_owned();
        Row { name, segments, spread: None, says: cost(all) }
    };
    let heading = Row { name: named.name.clone(), segments: Vec::new(), spread: None, says: String::new() };
    several.then_some(heading).into_iter().chain(with_parts(named.run).map(row)).collect()
}

fn each_process<'a>(runs: &'a [&Named<'a>]) -> impl Iterator<Item = (&'a Named<'a>, &'a ProcessCost)> {
    runs.iter().flat_map(|named| named.run.costs.iter().map(|process| (*named, process)))
}

fn cost_table(page: &mut Markup, title: &str, runs: &[&Named<'_>]) {
    let row = |(named, process): (&Named<'_>, &ProcessCost)| -> Vec<Cell> {
        vec![
            text(&named.name),
            text(labels::process(&process.name)),
            number(or_none(figures::cpu_ns_an_event(named.run, process.cpu_ns).map(cost))),
            number(numbers::time(process.cpu_ns / 1_000)),
            number(or_none(figures::written_bytes_an_event(named.run, process).map(bytes))),
        ]
    };
    let rows: Vec<Vec<Cell>> = each_process(runs).map(row).collect();
    let heads = ["Run", "Process", "CPU an event", "CPU in all", "Written an event"];
    folded(page, "As a table", &format!("{title}: cost by process"), &heads, &rows);
}

fn parts_table(page: &mut Markup, title: &str, runs: &[&Named<'_>]) {
    let rows: Vec<Vec<Cell>> = each_process(runs)
        .flat_map(|(named, process)| process.parts_cpu_ns.iter().map(move |part| (named, process, part)))
        .map(|(named, process, (part, cpu_ns))| {
            let each = figures::cpu_ns_an_event(named.run, *cpu_ns).map(cost);
            vec![text(&named.name), text(labels::process(&process.name)), text(part), number(or_none(each))]
        })
        .collect();
    let heads = ["Run", "Process", "Thread", "CPU an event"];
    folded(page, "As a table", &format!("{title}: cost by thread"), &heads, &rows);
}

fn memory_table(page: &mut Markup, title: &str, runs: &[&Named<'_>]) {
    let row = |(named, process): (&Named<'_>, &ProcessCost)| -> Vec<Cell> {
        let (idle, peak) = (process.idle_memory_bytes, process.peak_memory_bytes);
        vec![text(&named.name), text(labels::process(&process.name)), number(bytes(idle)), number(bytes(peak))]
    };
    let rows: Vec<Vec<Cell>> = each_process(runs).map(row).collect();
    folded(page, "As a table", &format!("{title}: memory"), &["Run", "Process", "Idle", "Peak"], &rows);
}
