//! How many events a second were acknowledged.

use super::{
    costs::with_shared,
    draw::{self, Axis, Bars, Drawing, Figure, Row, Scale, Segment},
    figures,
    groups::{Group, Named},
    labels,
    markup::Markup,
    numbers::{count, or_none, rate_tick},
    tables::{Cell, folded, number, text},
};

pub(crate) fn section(page: &mut Markup, groups: &[Group<'_>]) {
    for (group, n) in groups.iter().zip(1..) {
        let told: Vec<&Named<'_>> =
            group.runs.iter().filter(|named| figures::events_a_second(named.run).is_some()).collect();
        if told.is_empty() {
            continue;
        }
        let x = Axis { title: "events a second".to_owned(), scale: Scale::Linear, label: rate_tick };
        let figure = Figure {
            id: format!("speed-{n}"),
            title: group.title.clone(),
            says: with_shared(
                group,
                "Events that were acknowledged, from the first one's due time to the last answer.",
            ),
            drawing: Drawing::Bars(Bars { x, rows: told.iter().map(|named| row(named)).collect() }),
        };
        draw::figure(page, &figure, |page| table(page, &group.title, &told));
    }
}

fn row(named: &Named<'_>) -> Row {
    let value = figures::events_a_second(named.run).unwrap_or_default();
    let segment = Segment { name: named.name.clone(), colour: 1, value };
    Row { name: named.name.clone(), segments: vec![segment], spread: None, says: rate_tick(value) }
}

fn table(page: &mut Markup, title: &str, runs: &[&Named<'_>]) {
    let row = |named: &&Named<'_>| -> Vec<Cell> {
        let answers = &named.run.answers;
        let reached = |stage| figures::stage(named.run, stage).and_then(figures::stage_events_a_second).map(rate_tick);
        let refused = answers.by_status.iter().filter(|(status, _)| **status >= 400).map(|(_, n)| *n);
        vec![
            text(&named.name),
            text(labels::offered(&named.run.load)),
            number(or_none(figures::events_a_second(named.run).map(rate_tick))),
            number(count(answers.events_sent)),
            number(count(answers.events_acknowledged)),
            number(count(refused.fold(0, u64::saturating_add))),
            number(count(answers.failed)),
            number(or_none(reached("queryable"))),
            number(or_none(reached("posted"))),
        ]
    };
    let rows: Vec<Vec<Cell>> = runs.iter().map(row).collect();
    let heads = [
        "Run",
        "Offered",
        "Acknowledged",
        "Events sent",
        "acknowledged",
        "Requests refused",
        "not answered",
        "Queryable",
        "Posted",
    ];
    folded(page, "As a table", &format!("{title}: events a second"), &heads, &rows);
}
