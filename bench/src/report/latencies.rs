//! How long answers took, from when each request was due.

use crate::record::Quantiles;

use super::{
    costs::with_shared,
    draw::{self, Axis, Drawing, Figure, Lines, Point, SERIES_MAX, Scale, Series},
    figures,
    groups::{Group, Of},
    markup::Markup,
    numbers::{self, count, or_none, time},
    tables::{Cell, folded, number, text},
};

/// Shares that tables name, in millionths.
pub(crate) const SHARES: [u32; 5] = [500_000, 900_000, 990_000, 999_000, 999_900];
const BEYOND_ALL_PPM: u32 = 1_000_000;

/// One curve, or one line of a table.
struct Curve<'a> {
    name: String,
    latency: &'a Quantiles,
    lateness: Option<&'a Quantiles>,
}

pub(crate) fn section(page: &mut Markup, groups: &[Group<'_>]) {
    for (group, n) in groups.iter().zip(1..) {
        let open = || group.runs.iter().filter(|named| figures::tells_latency(named.run));
        let curves: Vec<Curve<'_>> = open()
            .map(|named| Curve {
                name: named.name.clone(),
                latency: &named.run.answers.latency,
                lateness: Some(&named.run.answers.lateness),
            })
            .collect();
        let says = with_shared(group, SAYS);
        charts(page, &format!("latency-{n}"), &group.title, &says, &curves);
        if group.of != Of::Runs {
            continue;
        }
        for (named, m) in open().filter(|named| named.run.answers.latency_by_kind.len() > 1).zip(1..) {
            let kinds = named.run.answers.latency_by_kind.iter().filter(|(_, latency)| latency.count > 0);
            let curves: Vec<Curve<'_>> =
                kinds.map(|(kind, latency)| Curve { name: kind.clone(), latency, lateness: None }).collect();
            let title = format!("{}: by what was asked for", group.title);
            let says = format!("{SAYS} Of {}.", named.name);
            charts(page, &format!("latency-{n}-kinds-{m}"), &title, &says, &curves);
        }
    }
}

const SAYS: &str = "What share of the answers had come after how long; each nine takes as much room as the one before. \
                    A curve ends where fewer than one answer would lie beyond it.";

fn charts(page: &mut Markup, id: &str, title: &str, says: &str, curves: &[Curve<'_>]) {
    for (curves, n) in curves.chunks(SERIES_MAX).zip(1..) {
        let figure = Figure {
            id: format!("{id}-{n}"),
            title: if n == 1 { title.to_owned() } else { format!("{title} ({n})") },
            says: says.to_owned(),
            drawing: Drawing::Lines(Lines {
                x: Axis { title: "share of the answers".to_owned(), scale: Scale::Nines, label: share_tick },
                y: Axis { title: "latency".to_owned(), scale: Scale::Log, label: numbers::time_tick },
                series: curves.iter().map(series).collect(),
                mark: None,
                missing: Vec::new(),
            }),
        };
        draw::figure(page, &figure, |page| table(page, title, curves));
    }
}

fn series(curve: &Curve<'_>) -> Series {
    let points = curve.latency.points.iter();
    let counted = points.filter(|(share, _)| *share < BEYOND_ALL_PPM && figures::is_counted(curve.latency, *share));
    let points = counted.map(|(share, us)| Point {
        x: u64::from(*share),
        y: *us,
        says: format!("{} {}", numbers::share(*share), time(*us)),
    });
    Series { name: curve.name.clone(), points: points.collect() }
}

fn share_tick(share_ppm: u64) -> String {
    numbers::share(u32::try_from(share_ppm).unwrap_or(u32::MAX))
}

fn table(page: &mut Markup, title: &str, curves: &[Curve<'_>]) {
    let row = |curve: &Curve<'_>| -> Vec<Cell> {
        let mut cells = vec![text(&curve.name), number(count(curve.latency.count))];
        let at = |share| number(or_none(figures::quantile(curve.latency, share).map(time)));
        cells.extend(SHARES.map(at));
        cells.push(number(time(curve.latency.max_us)));
        let late = curve.lateness.and_then(|lateness| figures::quantile(lateness, 990_000));
        cells.push(number(or_none(late.map(time))));
        cells
    };
    let rows: Vec<Vec<Cell>> = curves.iter().map(row).collect();
    let heads = ["Run", "Answers", "p50", "p90", "p99", "p99.9", "p99.99", "longest", "sent late, p99"];
    folded(page, "As a table", &format!("{title}: latency"), &heads, &rows);
}
