//! Several contestants under one load, in rounds that take turns: what the machine does meanwhile it does to all of them.
//!
//! Each is started anew for each of its rounds, into an empty folder, is loaded for a moment that counts nowhere, and ends before the
//! next one starts. One that idled beside the others would take their time and memory, and one that ran on would carry its queues,
//! its garbage and its files from round to round; what a fresh start is slow at (connections, code that is compiled while it runs)
//! falls into the moment that doesn't count. The brokers run on: all stand on the same.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use crate::cli::{offered, run_id};
use crate::contestant::{Contestant, Limits, Places, broker::Brokers};
use crate::load::{Hands, Patience, saturation};
use crate::machine;
use crate::record::{Comparison, Crowd, Load, Offered, Run, Scenario, Target};
use crate::report::{add_versions, load_in_words};
use crate::run::{How, Rest, add_up};
use sides::Own;

pub(crate) mod measure;
mod sides;
mod table;

/// Of one comparison, all of its rounds and contestants together.
const SECONDS_MAX: u64 = 6 * 3_600;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Folders of `bench/contestants` and `bench/rivals`, or paths of programs that speak the protocol
    #[arg(required = true, num_args = 1..)]
    names: Vec<String>,

    /// What the others are divided by: one of them
    #[arg(long, value_name = "NAME")]
    baseline: String,

    #[arg(long, value_enum, default_value_t = Scenario::Click)]
    scenario: Scenario,

    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    connections: u32,

    /// Close a connection after so many requests and open another when its first request is due [default: keep it]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    requests_a_connection: Option<u32>,

    /// Events of one request [default: 100 for a batch, else 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    events_a_request: Option<u32>,

    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,

    /// Of each round, for each of them
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,

    /// Requests a second, or `max` for as many as are answered
    #[arg(long, value_name = "N|max", default_value = "max", value_parser = offered)]
    rate: Offered,

    /// Each click has an id of its own and a fingerprint, as those of beacons and of a day have anyway
    #[arg(long)]
    event_ids: bool,

    /// The same seed makes the same requests, ids, visitors and names of orders apart: those are `--run-id`'s
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// What ids of events begin with: each round sends everyone the same then [default: another each time]
    #[arg(long, value_name = "TEXT", value_parser = run_id)]
    run_id: Option<String>,

    /// That send, each with its share of the connections
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    threads: u32,

    /// Send the same kind of load for so long first, which is not counted
    #[arg(long, value_name = "S", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=600))]
    warm_seconds: u32,

    /// Watch the processes for so long before each load, to take off what they use idle
    #[arg(long, value_name = "S", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=600))]
    idle_seconds: u32,

    /// Write a document for `bench report`
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    #[command(flatten)]
    places: Places,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let seconds = u64::from(args.rounds) * u64::from(args.seconds) * args.names.len() as u64;
    ensure!(seconds <= SECONDS_MAX, "that is {seconds} s of load, and {SECONDS_MAX} are the most");
    let mut document = machine::document();
    let contestants = find(&args).await?;
    for contestant in &contestants {
        contestant.install().await?;
    }
    let brokers = Brokers::start(&args.places, &contestants).await?;
    let compared = compared(&args, &contestants, &brokers, &mut document.machine.versions).await;
    brokers.end().await;
    document.comparisons.push(compared?);
    if let Some(file) = &args.json {
        std::fs::write(file, serde_json::to_string(&document)? + "\n")?;
    }
    add_up(document.comparisons.iter().flat_map(|comparison| &comparison.rounds).flatten())
}

impl Args {
    fn load(&self) -> Load {
        let each = if self.scenario == Scenario::Batch { 100 } else { 1 };
        Load {
            scenario: self.scenario,
            seed: self.seed,
            offered: self.rate,
            seconds: self.seconds,
            connections: self.connections,
            requests_a_connection: self.requests_a_connection,
            events_a_request: self.events_a_request.unwrap_or(each),
            crowd: Crowd { named: self.event_ids, ..Crowd::default() },
        }
    }

    fn how(&self) -> How {
        let hands =
            Hands { threads: self.threads, limits: saturation::Limits::default(), patience: Patience::default() };
        let rest = Rest::Watch(Duration::from_secs(self.idle_seconds.into()));
        How { hands, warm_seconds: self.warm_seconds, rest, run_id: self.run_id.clone() }
    }
}

/// Rounds, and which of `count` contestants comes when: turned round every other time, so that whoever is favoured by coming
/// after another is so only in half of them.
fn order(round: u32, count: usize) -> Vec<usize> {
    if round.is_multiple_of(2) { (0..count).collect() } else { (0..count).rev().collect() }
}

async fn find(args: &Args) -> anyhow::Result<Vec<Contestant>> {
    let mut contestants: Vec<Contestant> = Vec::new();
    for name in &args.names {
        let contestant = Contestant::find(&args.places, name, Limits::default()).await?;
        let name = &contestant.about.name;
        ensure!(contestants.iter().all(|other| other.about.name != *name), "{name} is named twice");
        contestants.push(contestant);
    }
    if contestants.iter().all(|contestant| contestant.about.name != args.baseline) {
        bail!("the baseline {} is none of those that are compared", args.baseline);
    }
    Ok(contestants)
}

async fn compared(
    args: &Args,
    contestants: &[Contestant],
    brokers: &Brokers,
    versions: &mut BTreeMap<String, String>,
) -> anyhow::Result<Comparison> {
    let (load, how) = (args.load(), args.how());
    for Contestant { about, .. } in contestants {
        add_versions(versions, BTreeMap::from([(about.product.clone(), about.version.clone())]));
    }
    let mut owns: Vec<Own> = contestants.iter().map(own).collect();
    let mut rounds: Vec<Vec<Run>> = Vec::new();
    for round in 0..args.rounds {
        let mut runs = Vec::new();
        for place in order(round, contestants.len()) {
            let (contestant, own) = (&contestants[place], &mut owns[place]);
            let run = match measure::once(contestant, &args.places, brokers.of(contestant), &load, &how).await {
                Ok(turn) => {
                    own.processes = turn.processes;
                    add_versions(versions, turn.versions);
                    turn.run
                }
                Err(error) => measure::none(own.target.clone(), load.clone(), format!("{error:#}")),
            };
            table::say_run(round, args.rounds, &run, &own.processes);
            runs.push(run);
        }
        rounds.push(runs);
    }
    let baseline = owns.iter().find(|own| own.target.name == args.baseline).context("the baseline is one of them")?;
    let sides: Vec<_> = owns.iter().map(|own| sides::side(own, baseline, &rounds)).collect();
    table::say_sides(&sides, &args.baseline);
    Ok(Comparison { what: load_in_words(&load), baseline: args.baseline.clone(), rounds, sides })
}

/// Before it has run, nothing is known of its processes.
fn own(contestant: &Contestant) -> Own {
    let about = &contestant.about;
    Own { target: Target { name: about.name.clone(), acknowledges: about.acknowledges }, processes: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_turned_round_every_other_time() {
        for (round, count, expected) in
            [(0, 3, vec![0, 1, 2]), (1, 3, vec![2, 1, 0]), (2, 3, vec![0, 1, 2]), (3, 1, vec![0]), (0, 0, vec![])]
        {
            assert_eq!(order(round, count), expected, "round {round} of {count}");
        }
    }
}
