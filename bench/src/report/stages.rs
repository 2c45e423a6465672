//! How far events had come when.

use crate::record::{Run, Stage};

use super::{
    costs::with_shared,
    draw::{self, Axis, Bars, Drawing, Figure, Row, Scale, Segment},
    figures,
    groups::{Group, Named, Of},
    markup::Markup,
    numbers::{self, count, or_none, rate_tick, time},
    tables::{Cell, folded, number, text},
};

const ANSWERED: &str = "acknowledged";

pub(crate) fn section(page: &mut Markup, groups: &[Group<'_>]) {
    for (group, n) in groups.iter().zip(1..).filter(|(group, _)| group.of != Of::Sweep) {
        let told: Vec<&Named<'_>> = group.runs.iter().filter(|named| figures::drain_us(named.run).is_some()).collect();
        if told.is_empty() {
            continue;
        }
        let x = Axis { title: "after the last answer".to_owned(), scale: Scale::Linear, label: numbers::time_tick };
        let figure = Figure {
            id: format!("stages-{n}"),
            title: group.title.clone(),
            says: with_shared(group, "How long after the last answer the last event had come so far: the drain."),
            drawing: Drawing::Bars(Bars { x, rows: told.iter().flat_map(|named| rows(named)).collect() }),
        };
        draw::figure(page, &figure, |page| table(page, &group.title, &told));
    }
}

fn rows(named: &Named<'_>) -> Vec<Row> {
    let answered_us = figures::stage(named.run, ANSWERED).map(|stage| stage.after_us).unwrap_or_default();
    let heading = Row { name: named.name.clone(), segments: Vec::new(), spread: None, says: String::new() };
    let row = |stage: &Stage| {
        let value = stage.after_us.saturating_sub(answered_us);
        let segment = Segment { name: stage.name.clone(), colour: 1, value };
        Row { name: stage.name.clone(), segments: vec![segment], spread: None, says: since(stage, answered_us) }
    };
    let others = named.run.stages.iter().filter(|stage| stage.name != ANSWERED);
    std::iter::once(heading).chain(others.map(row)).collect()
}

fn since(stage: &Stage, answered_us: u64) -> String {
    match stage.after_us.checked_sub(answered_us) {
        Some(after) => time(after),
        None => format!("{} before", time(answered_us - stage.after_us)),
    }
}

fn table(page: &mut Markup, title: &str, runs: &[&Named<'_>]) {
    let row = |(named, stage): (&Named<'_>, &Stage)| -> Vec<Cell> {
        let answered = figures::stage(named.run, ANSWERED).filter(|answered| answered.name != stage.name);
        vec![
            text(&named.name),
            text(&stage.name),
            number(count(stage.events)),
            number(time(stage.after_us)),
            number(or_none(answered.map(|answered| since(stage, answered.after_us)))),
            number(or_none(figures::stage_events_a_second(stage).map(rate_tick))),
        ]
    };
    let each = runs.iter().flat_map(|named| named.run.stages.iter().map(move |stage| (*named, stage)));
    let mut rows: Vec<Vec<Cell>> = each.map(row).collect();
    rows.extend(runs.iter().filter_map(|named| drained(&named.name, named.run)));
    let heads = ["Run", "Stage", "Events", "After", "after the last answer", "Events a second"];
    folded(page, "As a table", &format!("{title}: stages"), &heads, &rows);
}

fn drained(name: &str, run: &Run) -> Option<Vec<Cell>> {
    let drain = number(time(figures::drain_us(run)?));
    Some(vec![text(name), text("all of it: the drain"), number(""), number(""), drain, number("")])
}
