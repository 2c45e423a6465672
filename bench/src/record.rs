//! What a measurement leaves behind, as JSON: everything that the report shows and nothing that it has to work out from elsewhere.
//! Times are integers with their unit in the name, so that two documents can be compared to the last digit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One document: what was measured on one machine in one go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Document {
    pub(crate) machine: Machine,
    /// When it began, in ms since 1970.
    pub(crate) began_at_ms: u64,
    /// The command that made it, as it was typed.
    pub(crate) command: Vec<String>,
    #[serde(default)]
    pub(crate) runs: Vec<Run>,
    #[serde(default)]
    pub(crate) sweeps: Vec<Sweep>,
    #[serde(default)]
    pub(crate) comparisons: Vec<Comparison>,
    #[serde(default)]
    pub(crate) growths: Vec<Growth>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) cores: u32,
    pub(crate) processor: String,
    pub(crate) memory_bytes: u64,
    pub(crate) kernel: String,
    /// Thousandths, over the last minute before it began.
    pub(crate) load_average_millis: u64,
    /// Of what was measured and what it stands on: product to version.
    pub(crate) versions: BTreeMap<String, String>,
}

/// One load on one target, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) target: Target,
    pub(crate) load: Load,
    pub(crate) answers: Answers,
    /// Of the load's process itself.
    pub(crate) generator: Generator,
    /// Of every process that took part, from before the first event until the last one was posted, in the order of the road.
    pub(crate) costs: Vec<ProcessCost>,
    /// How far events had come when: apart, as each takes longer than the one before.
    #[serde(default)]
    pub(crate) stages: Vec<Stage>,
    #[serde(default)]
    pub(crate) audit: Vec<AuditLine>,
    /// Why its figures are not to be used.
    #[serde(default)]
    pub(crate) discarded: Option<String>,
}

/// What a load is aimed at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Target {
    /// Of the contestant, such as `refmill-servers` or `go-franz`.
    pub(crate) name: String,
    pub(crate) acknowledges: Acknowledges,
}

/// What an answer promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Acknowledges {
    /// Kafka has it on as many brokers as it waits for.
    AfterDelivery,
    /// It is on this machine's disk.
    AfterSync,
    /// It is in memory and may be lost.
    WhenQueued,
    /// Nothing is kept: a control.
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Load {
    pub(crate) scenario: Scenario,
    pub(crate) seed: u64,
    pub(crate) offered: Offered,
    pub(crate) seconds: u32,
    pub(crate) connections: u32,
    /// After so many requests a connection is closed and another opened; none keeps it.
    pub(crate) requests_a_connection: Option<u32>,
    pub(crate) events_a_request: u32,
    #[serde(default, skip_serializing_if = "Crowd::is_any")]
    pub(crate) crowd: Crowd,
}

/// What a load says of its events beyond what its scenario does: how many, from whom, and where to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Crowd {
    /// It ends with these, and its seconds are only the most that they may take.
    #[serde(default)]
    pub(crate) events: Option<u64>,
    /// They come from so many in turn, each of whom clicks one link alone; none is a new one with each request.
    #[serde(default)]
    pub(crate) visitors: Option<u64>,
    #[serde(default)]
    pub(crate) links: Spreading,
    /// Each has an id of its own, by which a copy is known, and a fingerprint, whatever the scenario.
    #[serde(default)]
    pub(crate) named: bool,
}

/// How clicks are spread over links.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Spreading {
    #[default]
    Even,
    Zipf,
}

impl Crowd {
    fn is_any(&self) -> bool {
        *self == Crowd::default()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scenario {
    /// `POST /track/click` with JSON
    Click,
    /// The same as a browser's beacon sends it: `text/plain`, no key, a page's origin
    Beacon,
    /// Clicks, many to one `POST /track/batch`
    Batch,
    /// `POST /track/conversion`, each after a click of its own, answered with its decision
    Conversion,
    /// `GET /r/CODE`
    Redirect,
    /// Clicks, orders and refunds as 1000 : 20 : 1, with bots, repeats and ids that are not valid
    Day,
}

/// How requests come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Offered {
    /// Open loop: when each is due, whatever the answers take. Requests a second.
    Rate(u32),
    /// Closed loop: each connection sends its next when the last is answered. For cost and capacity; says nothing of latency.
    AsAnswered,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answers {
    pub(crate) requests: u64,
    /// Events in requests that were sent.
    pub(crate) events_sent: u64,
    /// Events whose answer said that they are kept.
    pub(crate) events_acknowledged: u64,
    /// From the first request's due time to the last answer.
    pub(crate) took_us: u64,
    pub(crate) by_status: BTreeMap<u16, u64>,
    /// Requests that were not answered at all.
    pub(crate) failed: u64,
    pub(crate) first_failure: Option<String>,
    /// From when a request was due to the end of its answer.
    pub(crate) latency: Quantiles,
    /// The same by what was asked for, where a scenario asks for several things.
    #[serde(default)]
    pub(crate) latency_by_kind: BTreeMap<String, Quantiles>,
    /// From when a request was due to when it was sent.
    pub(crate) lateness: Quantiles,
    /// From when a request was sent to the end of its answer: all that a closed loop knows, which leaves out what waited to be sent.
    #[serde(default)]
    pub(crate) service: Quantiles,
}

/// Of an HDR histogram: pairs of a share in millionths and µs, ascending, up to 999,900 (p99.99), and the largest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Quantiles {
    pub(crate) count: u64,
    pub(crate) points: Vec<(u32, u64)>,
    pub(crate) max_us: u64,
}

impl Quantiles {
    /// µs that this share, in millionths, did not exceed.
    pub(crate) fn at(&self, share_ppm: u32) -> Option<u64> {
        self.points.iter().find(|(ppm, _)| *ppm == share_ppm).map(|(_, us)| *us)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Generator {
    pub(crate) cpu_us: u64,
    pub(crate) threads: u32,
    /// Of its threads' time, in millionths.
    pub(crate) busy_ppm: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessCost {
    /// `ingest`, `process`, `api`, `kafka`, `postgres`, `redis`, `clickhouse`, `refmill` (all of it in one), `rival`, `control`.
    pub(crate) name: String,
    /// With its children, those that have ended too, less what it uses idle.
    pub(crate) cpu_ns: u64,
    pub(crate) peak_memory_bytes: u64,
    pub(crate) idle_memory_bytes: u64,
    pub(crate) written_bytes: u64,
    /// Where a process says which of its threads do what: µs of CPU by part.
    #[serde(default)]
    pub(crate) parts_cpu_ns: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stage {
    /// `enqueued`, `acknowledged`, `queryable` (in facts) or `posted` (in the ledger).
    pub(crate) name: String,
    pub(crate) events: u64,
    /// From the first request's due time.
    pub(crate) after_us: u64,
}

impl Stage {
    pub(crate) fn new(name: &str, events: u64, after_us: u64) -> Stage {
        Stage { name: name.to_owned(), events, after_us }
    }
}

/// One thing that was counted twice, from two sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AuditLine {
    pub(crate) what: String,
    pub(crate) expected: i128,
    pub(crate) found: i128,
}

impl AuditLine {
    pub(crate) fn holds(&self) -> bool {
        self.expected == self.found
    }
}

/// The same load at rising rates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sweep {
    /// Requests a second that a closed loop came to.
    pub(crate) capacity_per_s: u32,
    /// In the order of the rates.
    pub(crate) runs: Vec<Run>,
    /// Which of `runs` is the last before latency leaves the floor; none where it never does.
    pub(crate) knee: Option<usize>,
}

/// Several targets under one load, in rounds that take turns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Comparison {
    pub(crate) what: String,
    /// What the others are divided by.
    pub(crate) baseline: String,
    /// Round by round, each target once, the order turned round every other time.
    pub(crate) rounds: Vec<Vec<Run>>,
    pub(crate) sides: Vec<Side>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Side {
    pub(crate) target: Target,
    /// Of the target's own processes; brokers and databases stand in the runs.
    pub(crate) cpu_ns_an_event: Spread,
    pub(crate) events_a_cpu_second: Spread,
    pub(crate) events_a_second: Spread,
    pub(crate) peak_memory_bytes: u64,
    /// `cpu_ns_an_event` over the baseline's of the same round, in thousandths.
    pub(crate) cpu_ratio_millis: Spread,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Spread {
    pub(crate) least: u64,
    pub(crate) median: u64,
    pub(crate) most: u64,
}

/// What stays and what grows as more is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Growth {
    pub(crate) what: String,
    pub(crate) steps: Vec<GrowthStep>,
    /// In thousandths of the first step's: a cost beyond it has grown. None is judged where there is none.
    #[serde(default)]
    pub(crate) limit_millis: Option<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct GrowthStep {
    /// Kept at its end.
    pub(crate) events: u64,
    pub(crate) keys: u64,
    /// Of all processes, over the events of this step alone.
    pub(crate) cpu_ns_an_event: u64,
    /// Resident, of the processes that keep them.
    pub(crate) memory_bytes: u64,
    /// On disk, of what keeps them.
    pub(crate) disk_bytes: u64,
    /// By query, p95 of a dashboard's.
    #[serde(default)]
    pub(crate) queries_us: BTreeMap<String, u64>,
    /// Acknowledged in this step alone: what `costs` are spread over.
    #[serde(default)]
    pub(crate) sent: u64,
    /// Of each process over all of the step's loads, and the highest of its peaks.
    #[serde(default)]
    pub(crate) costs: Vec<ProcessCost>,
    /// By store.
    #[serde(default)]
    pub(crate) stores: BTreeMap<String, StoreBytes>,
    #[serde(default)]
    pub(crate) queries: Vec<Query>,
    /// Of the facts' tables, where dashboards look.
    #[serde(default)]
    pub(crate) rows: BTreeMap<String, u64>,
    /// How long the target took to start with so many keys.
    #[serde(default)]
    pub(crate) started_in_ms: Option<u64>,
    /// Its loads, each counted again.
    #[serde(default)]
    pub(crate) runs: Vec<Run>,
}

/// What a store took on disk before a step and after it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoreBytes {
    pub(crate) before: u64,
    pub(crate) after: u64,
}

/// A dashboard's request, one after another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Query {
    pub(crate) name: String,
    pub(crate) count: u64,
    pub(crate) p50_us: u64,
    pub(crate) p95_us: u64,
    pub(crate) p99_us: u64,
    pub(crate) max_us: u64,
}
