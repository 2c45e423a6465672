//! What stays and what grows as more is kept.

mod judged;

use crate::{
    grow::verdict::{self, Course, by_keys, memory_a_further_key},
    record::{Growth, GrowthStep},
};

use super::{
    draw::{self, Axis, Drawing, Figure, Lines, Point, SERIES_MAX, Scale, Series},
    labels,
    markup::Markup,
    numbers::{self, bytes, bytes_tick, cost, count, or_none, over, ratio, time},
    tables::{Cell, folded, number, text},
};

/// What is drawn over what is kept: its title, its unit, its line's name and the value of a step after the one before.
type Measure = (&'static str, fn(u64) -> String, &'static str, fn(&GrowthStep, Option<&GrowthStep>) -> Option<u64>);

const MEASURES: [Measure; 3] = [
    ("CPU time an event", numbers::cost_tick, "an event", |step, _| Some(step.cpu_ns_an_event)),
    ("memory of each further key", bytes_tick, "a further key", |step, before| memory_a_further_key(step, before?)),
    ("disk an event", bytes_tick, "an event", |step, _| disk_an_event(step)),
];

pub(crate) fn section(page: &mut Markup, growths: &[Growth]) {
    for (growth, n) in growths.iter().zip(1..) {
        let unsound = verdict::unsound(growth);
        if !unsound.is_empty() {
            page.element("h3", &[], labels::capital(&growth.what));
            unsound.iter().for_each(|why| page.element("p", &[("class", &"bad")], why));
            continue;
        }
        for ((what, unit, name, value), m) in MEASURES.iter().zip(1..).filter(|_| tells_costs(growth)) {
            let points = with_before(growth).filter_map(|(step, before)| {
                let value = value(step, before)?;
                point(growth, step, value, *unit)
            });
            let mut series = vec![Series { name: (*name).to_owned(), points: points.collect() }];
            if m == 1 && growth.steps.iter().all(|step| !step.costs.is_empty()) {
                series = judged::cpu_series(growth);
            }
            let y = Axis { title: (*what).to_owned(), scale: Scale::Linear, label: *unit };
            chart(page, growth, &format!("growth-{n}-{m}"), what, y, series);
        }
        judged::section(page, growth);
        queries(page, growth, n);
        if tells_costs(growth) {
            steps(page, growth);
        }
        query_steps(page, growth);
    }
}

/// Dashboards alone have none.
pub(crate) fn tells_costs(growth: &Growth) -> bool {
    growth.steps.iter().any(|step| step.cpu_ns_an_event > 0 || step.memory_bytes > 0)
}

pub(crate) fn memory_a_key(step: &GrowthStep) -> Option<u64> {
    over(step.memory_bytes, 1, step.keys)
}

fn with_before(growth: &Growth) -> impl Iterator<Item = (&GrowthStep, Option<&GrowthStep>)> {
    let before = std::iter::once(None).chain(growth.steps.iter().map(Some));
    growth.steps.iter().zip(before)
}

/// Of what its step brought, where that is known.
pub(crate) fn disk_an_event(step: &GrowthStep) -> Option<u64> {
    verdict::disk_an_event(step, None).or_else(|| over(step.disk_bytes, 1, step.events))
}

/// Where a step stands.
pub(crate) fn at(growth: &Growth, step: &GrowthStep) -> String {
    if by_keys(growth) { format!("{} keys", count(step.keys)) } else { format!("{} events", count(step.events)) }
}

/// Of a course, in its unit.
pub(crate) fn shown(course: &Course, value: u64) -> String {
    if course.what.starts_with("CPU") { cost(value) } else { bytes(value) }
}

/// The last step over the first, in thousandths: 1 is flat.
pub(crate) fn grew(growth: &Growth, value: impl Fn(&GrowthStep) -> Option<u64>) -> Option<u64> {
    over(value(growth.steps.last()?)?, 1_000, value(growth.steps.first()?)?)
}

fn chart(page: &mut Markup, growth: &Growth, id: &str, what: &str, y: Axis, series: Vec<Series>) {
    if series.iter().all(|series| series.points.is_empty()) {
        return;
    }
    let axis = if by_keys(growth) { "keys" } else { "events" };
    let figure = Figure {
        id: id.to_owned(),
        title: format!("{}: {what}", labels::capital(&growth.what)),
        says: format!(
            "A flat line costs the same however much is kept; {axis} grow tenfold with each decade to the right."
        ),
        drawing: Drawing::Lines(Lines {
            x: Axis { title: axis.to_owned(), scale: Scale::Log, label: numbers::round },
            y,
            series,
            mark: None,
            missing: Vec::new(),
        }),
    };
    draw::figure(page, &figure, |page| {
        let Drawing::Lines(lines) = &figure.drawing else {
            return;
        };
        let each = lines.series.iter().flat_map(|series| series.points.iter().map(move |point| (series, point)));
        let rows: Vec<Vec<Cell>> = each.map(|(series, point)| vec![text(&series.name), text(&point.says)]).collect();
        folded(page, "As a table", &figure.title, &["What", "Is"], &rows);
    });
}

fn queries(page: &mut Markup, growth: &Growth, n: u32) {
    let mut names: Vec<&str> =
        growth.steps.iter().flat_map(|step| step.queries_us.keys().map(String::as_str)).collect();
    names.sort_unstable();
    names.dedup();
    for (names, m) in names.chunks(SERIES_MAX).zip(1..) {
        let series = |name: &&str| {
            let points = growth.steps.iter().filter_map(|step| {
                let us = *step.queries_us.get(*name)?;
                point(growth, step, us, time)
            });
            Series { name: (*name).to_owned(), points: points.collect() }
        };
        let y = Axis { title: "p95 of a query".to_owned(), scale: Scale::Log, label: numbers::time_tick };
        let id = format!("growth-{n}-queries-{m}");
        chart(page, growth, &id, "p95 of dashboards' queries", y, names.iter().map(series).collect());
    }
}

fn point(growth: &Growth, step: &GrowthStep, y: u64, unit: fn(u64) -> String) -> Option<Point> {
    let x = if by_keys(growth) { step.keys } else { step.events };
    (x > 0).then(|| Point {
        x,
        y,
        says: format!("{} at {} keys, {} events", unit(y), count(step.keys), count(step.events)),
    })
}

fn steps(page: &mut Markup, growth: &Growth) {
    let row = |(step, before): (&GrowthStep, Option<&GrowthStep>)| -> Vec<Cell> {
        let further = before.and_then(|before| memory_a_further_key(step, before));
        vec![
            number(count(step.events)),
            number(count(step.keys)),
            number(cost(step.cpu_ns_an_event)),
            number(bytes(step.memory_bytes)),
            number(or_none(memory_a_key(step).map(bytes))),
            number(or_none(further.map(bytes))),
            number(bytes(step.disk_bytes)),
            number(or_none(disk_an_event(step).map(bytes))),
        ]
    };
    let mut rows: Vec<Vec<Cell>> = with_before(growth).map(row).collect();
    let times =
        |value: fn(&GrowthStep) -> Option<u64>| or_none(grew(growth, value).map(|times| format!("× {}", ratio(times))));
    rows.push(
        [
            "last over first".to_owned(),
            times(|step| Some(step.keys)),
            times(|step| Some(step.cpu_ns_an_event)),
            times(|step| Some(step.memory_bytes)),
            times(memory_a_key),
            String::new(),
            times(|step| Some(step.disk_bytes)),
            times(disk_an_event),
        ]
        .map(number)
        .into(),
    );
    let heads = ["Events", "Keys", "CPU an event", "Memory", "a key", "a further key", "Disk", "an event"];
    folded(page, "All of it as a table", &labels::capital(&growth.what), &heads, &rows);
}

fn query_steps(page: &mut Markup, growth: &Growth) {
    let each = growth.steps.iter().flat_map(|step| step.queries_us.iter().map(move |query| (step, query)));
    let row = |(step, (name, us)): (&GrowthStep, (&String, &u64))| -> Vec<Cell> {
        vec![Cell::Text(name.clone()), number(count(step.events)), number(count(step.keys)), number(time(*us))]
    };
    let mut rows: Vec<(&String, Vec<Cell>)> = each.map(|(step, query)| (query.0, row((step, query)))).collect();
    rows.sort_by_key(|(name, _)| *name);
    let rows: Vec<Vec<Cell>> = rows.into_iter().map(|(_, row)| row).collect();
    if !rows.is_empty() {
        let caption = format!("{}: queries", labels::capital(&growth.what));
        folded(page, "Queries as a table", &caption, &["Query", "Events", "Keys", "p95"], &rows);
    }
}
