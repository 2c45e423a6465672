//! Latency as the rate rises, and where it leaves the floor.

use crate::record::{Offered, Run, Sweep};

use super::{
    draw::{self, Axis, Drawing, Figure, Lines, Point, Scale, Series},
    figures, labels,
    markup::Markup,
    numbers::{self, NONE, count, or_none, over, percent, rate_tick, time},
    tables::{Cell, folded, number, text},
};

const SHARES: [u32; 3] = [500_000, 990_000, 999_000];

pub(crate) fn section(page: &mut Markup, sweeps: &[Sweep]) {
    for (sweep, n) in sweeps.iter().zip(1..) {
        let Some(first) = sweep.runs.first() else {
            continue;
        };
        let name = &first.target.name;
        let title = format!("{name}: {}, {}", labels::kind(&first.load), labels::connections(&first.load));
        let figure = Figure {
            id: format!("sweep-{n}"),
            says: says(sweep),
            drawing: Drawing::Lines(Lines {
                x: Axis { title: "requests a second offered".to_owned(), scale: Scale::Linear, label: |n| count(n) },
                y: Axis { title: "latency".to_owned(), scale: Scale::Log, label: numbers::time_tick },
                series: SHARES.iter().map(|share| series(sweep, *share)).collect(),
                mark: knee(sweep).map(|(rate, _)| (rate.into(), format!("knee {}", rate_tick(rate.into())))),
                missing: missing(sweep),
            }),
            title,
        };
        draw::figure(page, &figure, |page| table(page, &figure.title, sweep));
    }
}

/// The rate and the run of the last step before latency leaves the floor; none that was discarded.
pub(crate) fn knee(sweep: &Sweep) -> Option<(u32, &Run)> {
    let run = sweep.runs.get(sweep.knee?).filter(|run| run.discarded.is_none())?;
    Some((rate(run)?, run))
}

/// Of a closed loop's requests a second.
pub(crate) fn share_of_capacity(sweep: &Sweep, rate: u32) -> Option<String> {
    let ppm = over(rate.into(), 1_000_000, sweep.capacity_per_s.into())?;
    Some(percent(u32::try_from(ppm).unwrap_or(u32::MAX)))
}

pub(crate) fn rate(run: &Run) -> Option<u32> {
    match run.load.offered {
        Offered::Rate(rate) => Some(rate),
        Offered::AsAnswered => None,
    }
}

fn says(sweep: &Sweep) -> String {
    let capacity = format!("A closed loop came to {} requests/s.", count(sweep.capacity_per_s));
    let found = match knee(sweep) {
        Some((rate, _)) => {
            let share = or_none(share_of_capacity(sweep, rate));
            format!("{capacity} The knee is at {} requests/s, {share} of that.", count(rate))
        }
        None => format!("{capacity} No knee was found."),
    };
    if missing(sweep).is_empty() { found } else { format!("{found} A cross is a rate whose run was discarded.") }
}

fn missing(sweep: &Sweep) -> Vec<(u64, String)> {
    let discarded = sweep.runs.iter().filter_map(|run| Some((rate(run)?, run.discarded.as_ref()?)));
    discarded.map(|(rate, why)| (rate.into(), format!("{}: discarded, {why}", rate_tick(rate.into())))).collect()
}

fn series(sweep: &Sweep, share_ppm: u32) -> Series {
    let counted = sweep.runs.iter().filter(|run| run.discarded.is_none());
    let points = counted.filter_map(|run| {
        let (x, y) = (rate(run)?, figures::quantile(&run.answers.latency, share_ppm)?);
        Some(Point { x: x.into(), y, says: format!("{} at {}", time(y), rate_tick(x.into())) })
    });
    Series { name: numbers::share(share_ppm), points: points.collect() }
}

fn table(page: &mut Markup, title: &str, sweep: &Sweep) {
    let row = |run: &Run| -> Vec<Cell> {
        let offered = rate(run).map_or(NONE.to_owned(), count);
        let mut cells = vec![number(offered)];
        cells.push(number(or_none(rate(run).and_then(|rate| share_of_capacity(sweep, rate)))));
        if let Some(why) = &run.discarded {
            cells.extend((0..6).map(|_| number(NONE)));
            cells.push(Cell::Bad(format!("discarded: {why}")));
            return cells;
        }
        let at = |share| number(or_none(figures::quantile(&run.answers.latency, share).map(time)));
        cells.push(number(or_none(figures::events_a_second(run).map(rate_tick))));
        cells.extend(SHARES.map(at));
        cells.push(number(time(run.answers.latency.max_us)));
        cells.push(number(or_none(figures::all_cpu_ns_an_event(run).map(numbers::cost))));
        let is_knee = knee(sweep).is_some_and(|(_, knee)| std::ptr::eq(knee, run));
        cells.push(text(if is_knee { "the knee" } else { "" }));
        cells
    };
    let rows: Vec<Vec<Cell>> = sweep.runs.iter().map(row).collect();
    let heads =
        ["Offered a second", "of capacity", "Acknowledged", "p50", "p99", "p99.9", "longest", "CPU an event", "Note"];
    folded(page, "As a table", title, &heads, &rows);
}
