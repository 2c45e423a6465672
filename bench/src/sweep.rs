//! The same load at rising rates, up to nearly what the target can do.
//!
//! Capacity is what a closed loop comes to. The knee is the last rate before the first at which latency has left the floor. The floor
//! is the lowest p99 of the sweep; it has been left where p99, from when requests were due, is more than [`FLOOR_TIMES`] times that, or
//! where a request was not answered. A run that was discarded is neither floor nor knee.

use anyhow::ensure;

use crate::{
    cli::{LoadArgs, TargetArgs},
    load::{self, P99, progress::Progress},
    machine,
    place::Opened,
    record::{Load, Offered, Run, Sweep},
    run::{add_up, measure, write},
    text,
};

/// Shares of capacity, in percent.
const STEPS: [u32; 11] = [10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 95];
const FLOOR_TIMES: u64 = 4;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    load: LoadArgs,

    #[command(flatten)]
    target: TargetArgs,

    /// Shares of capacity to measure at, in percent, rising
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = STEPS,
        value_parser = clap::value_parser!(u32).range(1..=100))]
    steps: Vec<u32>,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    ensure!(args.steps.is_sorted_by(|a, b| a < b), "steps rise");
    let mut document = machine::document();
    load::requests(&args.load.load(Offered::AsAnswered))?;
    let opened = Opened::of(&args.target).await?;
    let swept = sweep(&args, &opened).await;
    document.machine.versions.extend(opened.place.versions.clone());
    opened.close().await;
    let sweep = swept?;
    print!("{}", text::sweep(&sweep));
    document.sweeps.push(sweep);
    write(&document, &args.load)?;
    add_up(document.sweeps.iter().flat_map(|sweep| &sweep.runs))
}

async fn sweep(args: &Args, opened: &Opened) -> anyhow::Result<Sweep> {
    let (how, progress) = (args.load.how(), Progress::where_seen());
    let closed = measure(&opened.place, &args.load.load(Offered::AsAnswered), &how, &progress).await?;
    print!("{}", text::run(&closed));
    if let Some(why) = &closed.discarded {
        anyhow::bail!("capacity is not known: {why}");
    }
    let answered: u64 = closed.answers.by_status.values().sum();
    let capacity = u32::try_from(answered * 1_000_000 / closed.answers.took_us.max(1)).unwrap_or(u32::MAX);
    ensure!(capacity > 0, "nothing was answered");
    let mut runs = Vec::new();
    for percent in &args.steps {
        let rate = u32::try_from(u64::from(capacity) * u64::from(*percent) / 100).unwrap_or(u32::MAX).max(1);
        let load = Load { seed: args.load.seed + u64::from(*percent), ..args.load.load(Offered::Rate(rate)) };
        let run = measure(&opened.place, &load, &how, &progress).await?;
        print!("\n{}", text::run(&run));
        runs.push(run);
    }
    println!();
    Ok(Sweep { capacity_per_s: capacity, knee: knee(&runs), runs })
}

/// None where latency stays on the floor all the way, or leaves it at once.
fn knee(runs: &[Run]) -> Option<usize> {
    let usable = || runs.iter().enumerate().filter(|(_, run)| run.discarded.is_none());
    let p99 = |run: &Run| run.answers.latency.at(P99);
    let floor = usable().filter_map(|(_, run)| p99(run)).min()?;
    let has_left = |run: &Run| run.answers.failed > 0 || p99(run).is_none_or(|p99| p99 > floor * FLOOR_TIMES);
    let first = usable().position(|(_, run)| has_left(run))?;
    usable().map(|(nth, _)| nth).nth(first.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Acknowledges, Answers, Generator, Quantiles, Scenario, Target};

    /// By p99 in µs; 0 is a discarded run, and a failure is above a million.
    fn check(p99s: &[u64], expected: Option<usize>) {
        let run = |p99: &u64| Run {
            target: Target { name: "t".to_owned(), acknowledges: Acknowledges::Nothing },
            load: Load {
                scenario: Scenario::Click,
                seed: 1,
                offered: Offered::Rate(1),
                seconds: 1,
                connections: 1,
                requests_a_connection: None,
                events_a_request: 1,
                crowd: Default::default(),
            },
            answers: Answers {
                requests: 1,
                events_sent: 1,
                events_acknowledged: 1,
                took_us: 1,
                by_status: Default::default(),
                failed: u64::from(*p99 > 1_000_000),
                first_failure: None,
                latency: Quantiles { count: 1, points: vec![(P99, *p99 % 1_000_000)], max_us: *p99 },
                latency_by_kind: Default::default(),
                lateness: Quantiles::default(),
                service: Quantiles::default(),
            },
            generator: Generator { cpu_us: 1, threads: 1, busy_ppm: 1 },
            costs: Vec::new(),
            stages: Vec::new(),
            audit: Vec::new(),
            discarded: (*p99 == 0).then(String::new),
        };
        let runs: Vec<Run> = p99s.iter().map(run).collect();
        assert_eq!(knee(&runs), expected, "{p99s:?}");
    }

    #[test]
    fn the_knee_is_the_last_rate_on_the_floor() {
        check(&[], None);
        check(&[200, 210, 190, 220], None);
        check(&[200, 210, 800, 801, 5_000], Some(2));
        check(&[1_000, 200, 210, 900, 5_000], None);
        check(&[200, 210, 5_000, 220], Some(1));
        check(&[200, 0, 5_000], Some(0));
        check(&[200, 1_000_210, 300], Some(0));
        check(&[0, 0], None);
    }
}
