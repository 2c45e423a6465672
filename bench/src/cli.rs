//! The command line: one subcommand a verb.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, value_parser};

use crate::{
    audit, contestant,
    cost::Process,
    load::{Hands, Patience, saturation::Limits},
    record::{self, Acknowledges, Crowd, Offered, Scenario},
};

/// Open-loop load on whatever takes events in: latency, cost, and counting again
#[derive(Parser)]
#[command(version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// One load on one target, with its cost and its audit
    Run(crate::run::Args),
    /// Find capacity by a closed loop, then measure at shares of it: where latency leaves the floor
    Sweep(crate::sweep::Args),
    /// Measure several contestants under one load, in rounds that take turns
    Compare(crate::compare::Args),
    /// Measure what stays flat and what doesn't as more events, links and visitors are kept
    Grow(crate::grow::Args),
    /// Measure how long dashboards take
    Dashboards(crate::dashboards::Args),
    /// Carry measured costs to 1, 10 and 100 billion clicks a day
    Model(crate::model::Args),
    /// Show documents as one page, and as the tables that README and ARCHITECTURE hold
    Report(crate::report::Args),
    /// Be the least that a server can be, for others to be measured against
    Control(crate::controls::Args),
}

/// What is sent, but for how fast.
#[derive(Args, Debug, Clone)]
pub(crate) struct LoadArgs {
    #[arg(value_enum)]
    pub(crate) scenario: Scenario,

    /// How long
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = value_parser!(u32).range(1..=3_600))]
    pub(crate) seconds: u32,

    /// So many requests wait for their answers at once, and what is due beyond them is late
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = value_parser!(u32).range(1..=50_000))]
    pub(crate) connections: u32,

    /// Close a connection after so many requests and open another when its first request is due [default: keep it]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub(crate) requests_a_connection: Option<u32>,

    /// Of a batch, or of orders that are sent in batches [default: 100 for a batch, else 1]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=1_000))]
    pub(crate) events_a_request: Option<u32>,

    /// Each click has an id of its own and a fingerprint, as those of beacons and of a day have anyway
    #[arg(long)]
    pub(crate) event_ids: bool,

    /// The same seed makes the same requests, ids, visitors and names of orders apart: those are `--run-id`'s
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,

    /// What ids of events begin with: the same again, and the same events are sent again [default: another each time]
    #[arg(long, value_name = "TEXT", value_parser = run_id)]
    pub(crate) run_id: Option<String>,

    /// That send, each with its share of the connections
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u32).range(1..=64))]
    pub(crate) threads: u32,

    /// Send the same kind of load for so long first, which is not counted
    #[arg(long, value_name = "S", default_value_t = 3, value_parser = value_parser!(u32).range(0..=600))]
    pub(crate) warm_seconds: u32,

    /// Watch the processes for so long before the load, to take off what they use idle
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = value_parser!(u32).range(0..=600))]
    pub(crate) idle_seconds: u32,

    /// Write a document for `bench report`
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// What it is sent to: a contestant that is started for it, or whatever runs at a URL.
#[derive(Args, Debug, Clone)]
#[command(group(ArgGroup::new("target").args(["contestant", "url"]).required(true)))]
pub(crate) struct TargetArgs {
    /// Start this one, measure it and end it
    #[arg(long, value_name = "NAME")]
    pub(crate) contestant: Option<String>,

    #[command(flatten)]
    pub(crate) places: contestant::Places,

    /// Where events go, such as http://127.0.0.1:8080
    #[arg(long)]
    pub(crate) url: Option<String>,

    /// Where refunds go, if not there too
    #[arg(long, value_name = "URL", conflicts_with = "contestant")]
    pub(crate) api: Option<String>,

    /// Where single clicks are posted, if not to /track/click
    #[arg(long, value_name = "PATH", conflicts_with = "contestant")]
    pub(crate) path: Option<String>,

    /// What the document calls it
    #[arg(long, default_value = "target", conflicts_with = "contestant")]
    pub(crate) name: String,

    /// What its answers promise
    #[arg(long, value_enum, default_value = "after-sync", conflicts_with = "contestant")]
    pub(crate) acknowledges: Acknowledges,

    /// Code of a link, the most clicked first
    #[arg(long = "code", value_name = "CODE", conflicts_with = "contestant")]
    pub(crate) codes: Vec<String>,

    /// Codes of links, one a line
    #[arg(long = "codes", value_name = "FILE", conflicts_with = "contestant")]
    pub(crate) codes_file: Option<PathBuf>,

    /// The company's secret key, which orders and refunds need
    #[arg(long, env = "BENCH_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,

    /// A process whose cost is the target's
    #[arg(long = "process", value_name = "NAME=PID", value_parser = process, conflicts_with = "contestant")]
    pub(crate) processes: Vec<Process>,

    /// A process that the target stands on
    #[arg(long = "server", value_name = "NAME=PID", value_parser = process, conflicts_with = "contestant")]
    pub(crate) servers: Vec<Process>,

    /// Where an edge tells its metrics
    #[arg(long, value_name = "NAME=URL", value_parser = pair, conflicts_with = "contestant")]
    pub(crate) metrics: Vec<(String, String)>,

    /// The ledger's database, to be counted again
    #[arg(long, value_name = "URL", conflicts_with = "contestant")]
    pub(crate) postgres: Option<String>,

    /// The facts' database, to be counted again
    #[arg(long, value_name = "URL", conflicts_with = "contestant")]
    pub(crate) clickhouse: Option<String>,

    /// The folder of a single process, to be counted again
    #[arg(long, value_name = "DIR", conflicts_with = "contestant")]
    pub(crate) sqlite: Option<PathBuf>,

    /// Aim at another machine than this one
    #[arg(long)]
    pub(crate) anywhere: bool,
}

/// Where it can be looked from outside.
#[derive(Args, Debug, Clone)]
pub(crate) struct StoreArgs {
    /// The ledger's database
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,

    /// The facts' database
    #[arg(long, value_name = "URL")]
    clickhouse: Option<String>,

    /// The folder of a single process
    #[arg(long, value_name = "DIR")]
    sqlite: Option<PathBuf>,
}

impl StoreArgs {
    pub(crate) fn places(&self) -> audit::Places {
        audit::Places {
            postgres: self.postgres.clone(),
            clickhouse: self.clickhouse.clone(),
            sqlite: self.sqlite.clone(),
            ..audit::Places::default()
        }
    }
}

impl LoadArgs {
    pub(crate) fn load(&self, offered: Offered) -> record::Load {
        let each = if self.scenario == Scenario::Batch { 100 } else { 1 };
        record::Load {
            scenario: self.scenario,
            seed: self.seed,
            offered,
            seconds: self.seconds,
            connections: self.connections,
            requests_a_connection: self.requests_a_connection,
            events_a_request: self.events_a_request.unwrap_or(each),
            crowd: Crowd { named: self.event_ids, ..Crowd::default() },
        }
    }

    pub(crate) fn hands(&self) -> Hands {
        Hands { threads: self.threads, limits: Limits::default(), patience: Patience::default() }
    }
}

/// Requests a second, or as many as are answered.
pub(crate) fn offered(text: &str) -> Result<Offered, String> {
    match text.parse() {
        Ok(rate @ 1..=1_000_000) => Ok(Offered::Rate(rate)),
        _ if text == "max" => Ok(Offered::AsAnswered),
        _ => Err("takes 1 to 1000000, or max".to_owned()),
    }
}

/// Ids of 64 characters hold it and a number.
pub(crate) fn run_id(text: &str) -> Result<String, String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_plain && (1..=32).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err("takes 1 to 32 letters, digits and -".to_owned())
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("takes a name, = and what it names")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn process(text: &str) -> Result<Process, String> {
    let (name, pid) = pair(text)?;
    Ok(Process { name, pid: pid.parse().map_err(|_| format!("{pid:?} is no process"))? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, says: Option<&str>) {
        let parsed = Cli::try_parse_from(format!("bench {line}").split_whitespace());
        match (parsed, says) {
            (Ok(_), None) => {}
            (Err(error), Some(says)) => assert!(error.to_string().contains(says), "{line}: {error}"),
            (parsed, _) => panic!("{line}: {:?}", parsed.map(|_| ()).map_err(|error| error.to_string())),
        }
    }

    #[test]
    fn a_load_has_a_target_and_a_rate() {
        check("run click --url http://127.0.0.1:1 --rate 100", None);
        check("run click --contestant refmill-embedded --rate max", None);
        check("run day --url http://127.0.0.1:1 --rate 1 --code a --code b --process x=1 --metrics e=http://h", None);
        check("sweep click --contestant refmill-embedded --threads 2", None);
        check("compare refmill-edge control-rdkafka --baseline control-rdkafka --scenario batch", None);
        check("grow --contestant refmill-embedded", None);
        check("grow --contestant refmill-servers --events 1000,10000 --links 10 --rate 100 --json a.json", None);
        check("dashboards --url http://127.0.0.1:1 --key sk --affiliate a@example.com --mails b", None);
        check("model a.json --peak-percent 500 --links 1000", None);
        check("grow --events 1000", Some("--contestant"));
        check("grow --contestant refmill-embedded --events 0", Some("1..=200000000"));
        check("grow --contestant refmill-embedded --links 100000000", Some("1..=10000000"));
        check("dashboards --url http://127.0.0.1:1 --key sk --affiliate a@example.com", Some("--mails"));
        check("model a.json --utilisation-percent 101", Some("1..=100"));
        check("run click --rate 100", Some("--url"));
        check("run click --url http://127.0.0.1:1", Some("--rate"));
        check("run click --url http://127.0.0.1:1 --contestant refmill-embedded --rate 1", Some("cannot be used"));
        check("run click --contestant refmill-embedded --rate 1 --postgres postgres://h", Some("cannot be used"));
        check("run click --url http://127.0.0.1:1 --rate 0", Some("1 to 1000000, or max"));
        check("run click --url http://127.0.0.1:1 --rate fast", Some("1 to 1000000, or max"));
        check("run click --url http://127.0.0.1:1 --rate 1 --process x", Some("takes a name"));
        check("run click --url http://127.0.0.1:1 --rate 1 --process x=y", Some("is no process"));
        check("run click --url http://127.0.0.1:1 --rate 1 --run-id a/b", Some("letters, digits"));
        check("run cart --url http://127.0.0.1:1 --rate 1", Some("invalid value"));
    }
}
