//! Several targets under one load.

use crate::record::{Comparison, Side, Spread, Target};

use super::{
    draw::{self, Axis, Bars, Drawing, Figure, Row, Scale, Segment},
    figures::{self, Audited},
    groups, labels,
    markup::Markup,
    numbers::{self, NONE, bytes, cost, count, or_none, over, rate_tick, ratio},
    tables::{Cell, number, table, text},
};

pub(crate) fn section(page: &mut Markup, comparisons: &[Comparison]) {
    for (comparison, n) in comparisons.iter().zip(1..) {
        let sides = in_order(comparison);
        let x = Axis {
            title: "CPU time an event, own processes".to_owned(),
            scale: Scale::Linear,
            label: numbers::cost_tick,
        };
        let figure = Figure {
            id: format!("comparison-{n}"),
            title: labels::capital(&comparison.what),
            says: says(comparison),
            drawing: Drawing::Bars(Bars { x, rows: sides.iter().map(|side| row(comparison, side)).collect() }),
        };
        draw::figure(page, &figure, |page| {
            table(page, "Median of the rounds, from the least to the most", &HEADS, &rows(comparison));
            if sides.len() > 1 {
                against_each_other(page, &sides);
            }
        });
    }
}

/// Those of which a round counts, the cheapest first.
pub(crate) fn in_order(comparison: &Comparison) -> Vec<&Side> {
    let mut sides: Vec<&Side> = comparison.sides.iter().filter(|side| counted(comparison, &side.target) > 0).collect();
    sides.sort_by_key(|side| side.cpu_ns_an_event.median);
    sides
}

/// Zeros are what is left of a side that no round says anything of.
fn counts(comparison: &Comparison, side: &Side) -> bool {
    counted(comparison, &side.target) > 0 && side.cpu_ns_an_event.median > 0
}

/// Rounds of this target that were not discarded.
pub(crate) fn counted(comparison: &Comparison, target: &Target) -> usize {
    groups::rounds_of(comparison, target).filter(|run| run.discarded.is_none()).count()
}

/// Whether one that counts does not hold when counted again.
pub(crate) fn is_broken(comparison: &Comparison, target: &Target) -> bool {
    let counted = groups::rounds_of(comparison, target).filter(|run| run.discarded.is_none());
    counted.into_iter().any(|run| matches!(figures::audited(run), Audited::Broken { .. }))
}

pub(crate) fn ratio_to_baseline(comparison: &Comparison, side: &Side) -> Option<Spread> {
    let baseline = comparison.sides.iter().find(|side| side.target.name == comparison.baseline)?;
    (counts(comparison, baseline) && side.cpu_ratio_millis.median > 0).then_some(side.cpu_ratio_millis)
}

fn says(comparison: &Comparison) -> String {
    let load = comparison.rounds.iter().flatten().find(|run| run.discarded.is_none()).map(|run| &run.load);
    let load = load.map(|load| format!(" Load: {}.", labels::load(load))).unwrap_or_default();
    format!(
        "{} rounds that took turns; bars are medians, whiskers reach from the least to the most. Ratios are to {} in the \
         same round. Brokers and databases are not in them.{load}",
        comparison.rounds.len(),
        comparison.baseline
    )
}

fn row(comparison: &Comparison, side: &Side) -> Row {
    let Spread { least, median, most } = side.cpu_ns_an_event;
    let times = match ratio_to_baseline(comparison, side) {
        Some(_) if side.target.name == comparison.baseline => ", baseline".to_owned(),
        Some(times) => format!(", × {}", ratio(times.median)),
        None => String::new(),
    };
    let name = side.target.name.clone();
    let segment = Segment { name: name.clone(), colour: 1, value: median };
    Row { name, segments: vec![segment], spread: Some((least, most)), says: format!("{}{times}", cost(median)) }
}

const HEADS: [&str; 8] = [
    "Target",
    "Acknowledges",
    "CPU µs an event",
    "÷ baseline",
    "Events a CPU-second",
    "Events a second",
    "Peak memory",
    "Rounds",
];

fn rows(comparison: &Comparison) -> Vec<Vec<Cell>> {
    let counting = in_order(comparison).into_iter().map(|side| side_row(comparison, side));
    let lost = comparison.sides.iter().filter(|side| !counts(comparison, side));
    let lost = lost.map(|side| {
        let mut cells = vec![text(&side.target.name), text(labels::acknowledges(side.target.acknowledges))];
        cells.extend((0..5).map(|_| number(NONE)));
        cells.push(Cell::Bad("no round counts".to_owned()));
        cells
    });
    counting.chain(lost).collect()
}

fn side_row(comparison: &Comparison, side: &Side) -> Vec<Cell> {
    let within = |of: Spread, shown: fn(u64) -> String| {
        format!("{} ({} – {})", shown(of.median), shown(of.least), shown(of.most))
    };
    let all = groups::rounds_of(comparison, &side.target).count();
    let times = ratio_to_baseline(comparison, side);
    vec![
        text(&side.target.name),
        text(labels::acknowledges(side.target.acknowledges)),
        number(within(side.cpu_ns_an_event, numbers::cost_in_us)),
        number(or_none(times.map(|times| within(times, ratio)))),
        number(count(side.events_a_cpu_second.median)),
        number(rate_tick(side.events_a_second.median)),
        number(bytes(side.peak_memory_bytes)),
        if is_broken(comparison, &side.target) {
            Cell::Bad("audit does not hold".to_owned())
        } else {
            number(format!("{} of {all}", counted(comparison, &side.target)))
        },
    ]
}

/// Every target over every other, for who asks "how many times as many".
fn against_each_other(page: &mut Markup, sides: &[&Side]) {
    let heads: Vec<String> = sides.iter().map(|side| format!("÷ {}", side.target.name)).collect();
    let heads: Vec<&str> = std::iter::once("Target").chain(heads.iter().map(String::as_str)).collect();
    let row = |side: &&Side| -> Vec<Cell> {
        let times = |other: &&Side| number(or_none(times_as_many(side, other).map(ratio)));
        std::iter::once(text(&side.target.name)).chain(sides.iter().map(times)).collect()
    };
    let rows: Vec<Vec<Cell>> = sides.iter().map(row).collect();
    let caption = "Acknowledged events per CPU-second of a line over those of a column, by their medians";
    table(page, caption, &heads, &rows);
}

/// Thousandths.
fn times_as_many(side: &Side, other: &Side) -> Option<u64> {
    over(other.cpu_ns_an_event.median, 1_000, side.cpu_ns_an_event.median)
}
