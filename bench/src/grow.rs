//! What stays flat, and what doesn't, as more is kept: events in one deployment, links and visitors in one each.

mod events;
mod keys;
mod step;
pub(crate) mod verdict;

use std::{path::PathBuf, time::Duration};

use anyhow::ensure;

use crate::{
    contestant::{self, Contestant, Limits},
    dashboards,
    load::{Hands, Patience, saturation},
    machine,
    record::{Crowd, Document, Growth, Load, Offered, Scenario},
    run::{How, Rest},
    text,
};

/// Of each kind, where none is named.
const EVENTS: [u64; 3] = [1_000_000, 10_000_000, 100_000_000];
const KEYS: [u64; 3] = [10_000, 1_000_000, 10_000_000];
/// Of one kind of growth.
const STEPS_MAX: usize = 8;
const EVENTS_MAX: u64 = 200_000_000;
const KEYS_MAX: u64 = 10_000_000;
/// A load that has not ended by then ends there.
const LOAD_SECONDS_MAX: u32 = 3_600;
/// Ten million links are written into a catalog, and read from it, before anything serves.
const STARTS_WITHIN: Duration = Duration::from_secs(3_600);
/// A cost that is so many hundredths of the first step's has grown.
const GREW_FROM_PERCENT: u32 = 125;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Start this one, measure it and end it: `refmill-embedded` or `refmill-servers`
    #[arg(long, value_name = "NAME")]
    contestant: String,

    #[command(flatten)]
    places: contestant::Places,

    /// Clicks in all at each step's end, rising, in one deployment [default, where no kind is named: 1, 10 and 100 million]
    #[arg(long, value_name = "N,…", value_delimiter = ',', value_parser = up_to(EVENTS_MAX))]
    events: Vec<u64>,

    /// Links in the catalog, rising, a deployment each [default, where no kind is named: 10 thousand, 1 and 10 million]
    #[arg(long, value_name = "N,…", value_delimiter = ',', value_parser = up_to(KEYS_MAX))]
    links: Vec<u64>,

    /// Visitors that click, rising, a deployment each [default, where no kind is named: 10 thousand, 1 and 10 million]
    #[arg(long, value_name = "N,…", value_delimiter = ',', value_parser = up_to(KEYS_MAX))]
    visitors: Vec<u64>,

    /// Clicks of each load on so many links
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = up_to(crate::load::EVENTS_MAX))]
    link_clicks: u64,

    /// Clicks of each load of so many visitors [default: one of each of the most visitors]
    #[arg(long, value_name = "N", value_parser = up_to(crate::load::EVENTS_MAX))]
    visitor_clicks: Option<u64>,

    /// Orders that follow each step's clicks, for dashboards to show: no part of what a click costs
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(0..=100_000))]
    orders: u64,

    /// Requests a second; or max: each connection sends its next when the last is answered
    #[arg(long, value_name = "N|max", default_value = "max", value_parser = crate::cli::offered)]
    rate: Offered,

    /// So many requests wait for their answers at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    connections: u32,

    /// That send, each with its share of the connections
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    threads: u32,

    /// Each click has an id of its own and a fingerprint, as those of beacons and of a day have anyway
    #[arg(long)]
    event_ids: bool,

    /// The same seed makes the same requests, ids, visitors and names of orders apart
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Watch the processes of each deployment for so long before its first load, to take off what they use idle
    #[arg(long, value_name = "S", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=600))]
    idle_seconds: u32,

    /// Each dashboard's request so often
    #[arg(long, value_name = "N", default_value_t = dashboards::TIMES, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    times: u32,

    /// From so many hundredths of the first step's cost on it has grown, and this ends with 1
    #[arg(long, value_name = "N", default_value_t = GREW_FROM_PERCENT, value_parser = clap::value_parser!(u32).range(100..=10_000))]
    limit_percent: u32,

    /// Write a document for `bench report` and `bench model`, anew after each step
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(crate) async fn run(mut args: Args) -> anyhow::Result<()> {
    if args.events.is_empty() && args.links.is_empty() && args.visitors.is_empty() {
        args.events = EVENTS.to_vec();
        (args.links, args.visitors) = (KEYS.to_vec(), KEYS.to_vec());
    }
    for steps in [&args.events, &args.links, &args.visitors] {
        ensure!(steps.is_sorted_by(|a, b| a < b), "steps rise");
        ensure!(steps.len() <= STEPS_MAX, "more than {STEPS_MAX} steps");
    }
    let limits = Limits { start: STARTS_WITHIN, ..Limits::default() };
    let contestant = Contestant::find(&args.places, &args.contestant, limits).await?;
    contestant.install().await?;
    let mut written = Written { document: machine::document(), args };
    events::grow(&contestant, &mut written).await?;
    keys::links(&contestant, &mut written).await?;
    keys::visitors(&contestant, &mut written).await?;
    judge(&written.document.growths)
}

/// The document so far: what a long measurement has come to is kept, however it ends.
struct Written {
    document: Document,
    args: Args,
}

impl Written {
    fn keep(&self) -> anyhow::Result<()> {
        match &self.args.json {
            Some(file) => Ok(std::fs::write(file, serde_json::to_string(&self.document)? + "\n")?),
            None => Ok(()),
        }
    }

    /// One that has no steps yet; where it stands.
    fn begin(&mut self, what: &str) -> usize {
        let limit_millis = Some(u64::from(self.args.limit_percent) * 10);
        let what = format!("{what}, {}", self.args.contestant);
        self.document.growths.push(Growth { what, steps: Vec::new(), limit_millis });
        self.document.growths.len() - 1
    }
}

impl Args {
    fn load(&self, scenario: Scenario, seed: u64, crowd: Crowd) -> Load {
        Load {
            scenario,
            seed: self.seed.wrapping_add(seed),
            offered: self.rate,
            seconds: LOAD_SECONDS_MAX,
            connections: self.connections,
            requests_a_connection: None,
            events_a_request: if scenario == Scenario::Batch { EVENTS_A_BATCH } else { 1 },
            crowd: Crowd { named: self.event_ids, ..crowd },
        }
    }

    fn how(&self, rest: Rest) -> How {
        let hands =
            Hands { threads: self.threads, limits: saturation::Limits::default(), patience: Patience::default() };
        How { hands, warm_seconds: 0, rest, run_id: None }
    }
}

const EVENTS_A_BATCH: u32 = 100;

fn up_to(most: u64) -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=most)
}

/// Says all of it, and is an error where something has grown or does not add up.
fn judge(growths: &[Growth]) -> anyhow::Result<()> {
    let mut wrong = Vec::new();
    for growth in growths {
        print!("{}", text::growth(growth));
        let of = |said: String| format!("{}: {said}", growth.what);
        wrong.extend(verdict::grew(growth).iter().map(|grew| of(grew.to_string())));
        wrong.extend(verdict::unsound(growth).into_iter().map(of));
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
