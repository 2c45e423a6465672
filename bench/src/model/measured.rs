use anyhow::{Context as _, ensure};

use crate::{
    grow::verdict::{self, cpu_of},
    record::{Document, Growth, GrowthStep, Run, Scenario},
};

/// What one event and one link cost: ns of CPU, and thousandths of a byte on disk, as an event is little to a ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Measured {
    pub(super) edge_ns: u64,
    pub(super) processor_ns: u64,
    pub(super) broker_ns: u64,
    pub(super) facts_ns: u64,
    pub(super) ledger_ns: u64,
    pub(super) touches_ns: u64,
    pub(super) broker_millibytes: u64,
    pub(super) facts_millibytes: u64,
    pub(super) ledger_millibytes: u64,
    pub(super) bytes_a_link: u64,
}

impl Measured {
    /// From the last step of the events' growth, which had most before it; an edge's from clicks one a request, as browsers send them,
    /// where the document has such a run.
    pub(super) fn of(document: &Document) -> anyhow::Result<Measured> {
        let growth =
            document.growths.iter().find(|growth| has(growth, "ingest") && has(growth, "kafka") && !is_of_keys(growth));
        let growth = growth
            .context("the document has no growth of events of `refmill-servers`: `bench grow --events` makes one")?;
        let wrong = verdict::unsound(growth);
        ensure!(wrong.is_empty(), "{}: {}", growth.what, wrong.join("; "));
        let last = growth.steps.last().context("a growth has steps")?;
        let cpu = |name: &str| cpu_of(last, name).with_context(|| format!("nothing is said of {name}"));
        let disk =
            |name: &str| millibytes_an_event(last, name).with_context(|| format!("nothing is said of {name}'s disk"));
        let single = document.runs.iter().filter(|run| run.load.scenario == Scenario::Click).find_map(edge_ns);
        Ok(Measured {
            edge_ns: match single {
                Some(ns) => ns,
                None => cpu("ingest")?,
            },
            processor_ns: cpu("process")?,
            broker_ns: cpu("kafka")?,
            facts_ns: cpu("clickhouse")?,
            ledger_ns: cpu("postgres")?,
            touches_ns: cpu("redis")?,
            broker_millibytes: disk("kafka")?,
            facts_millibytes: disk("clickhouse")?,
            ledger_millibytes: disk("postgres")?,
            bytes_a_link: bytes_a_link(document).unwrap_or_default(),
        })
    }
}

fn has(growth: &Growth, process: &str) -> bool {
    growth.steps.last().is_some_and(|step| cpu_of(step, process).is_some())
}

fn is_of_keys(growth: &Growth) -> bool {
    ["links", "visitors"].iter().any(|keys| growth.what.starts_with(keys))
}

fn millibytes_an_event(step: &GrowthStep, store: &str) -> Option<u64> {
    let bytes = step.stores.get(store)?;
    bytes.after.saturating_sub(bytes.before).saturating_mul(1_000).checked_div(step.sent)
}

/// Of a run that counts.
fn edge_ns(run: &Run) -> Option<u64> {
    let counts = run.discarded.is_none() && !run.audit.is_empty() && run.audit.iter().all(|line| line.holds());
    let cost = run.costs.iter().find(|cost| cost.name == "ingest").filter(|_| counts)?;
    cost.cpu_ns.checked_div(run.answers.events_acknowledged)
}

/// The largest of what a further link took of an edge's memory at rest.
fn bytes_a_link(document: &Document) -> Option<u64> {
    let of_links = document.growths.iter().filter(|growth| growth.what.starts_with("links") && has(growth, "ingest"));
    let at_rest = |step: &GrowthStep| Some(step.costs.iter().find(|cost| cost.name == "ingest")?.idle_memory_bytes);
    let further = |two: &[GrowthStep]| {
        let keys = two[1].keys.checked_sub(two[0].keys)?;
        at_rest(&two[1])?.checked_sub(at_rest(&two[0])?)?.checked_div(keys)
    };
    of_links.flat_map(|growth| growth.steps.windows(2)).filter_map(further).max()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::record::{AuditLine, Machine, ProcessCost, StoreBytes};

    fn cost(name: &str, cpu_ns: u64, idle_memory_bytes: u64) -> ProcessCost {
        let name = name.to_owned();
        let (peak_memory_bytes, written_bytes) = (0, 0);
        ProcessCost { name, cpu_ns, peak_memory_bytes, idle_memory_bytes, written_bytes, parts_cpu_ns: BTreeMap::new() }
    }

    fn step(keys: u64, idle: u64) -> GrowthStep {
        let costs = ["ingest", "process", "kafka", "clickhouse", "postgres", "redis"];
        let stores = [("kafka", 300_000), ("clickhouse", 70_500), ("postgres", 250)];
        GrowthStep {
            keys,
            memory_bytes: 3 * idle,
            sent: 1_000,
            costs: costs.iter().zip(1..).map(|(name, nth)| cost(name, nth * 1_000_000, idle * nth)).collect(),
            stores: stores.map(|(name, each)| (name.to_owned(), StoreBytes { before: 50, after: 50 + each })).into(),
            ..GrowthStep::default()
        }
    }

    fn document() -> Document {
        let growth = |what: &str, steps| Growth { what: what.to_owned(), steps, limit_millis: None };
        let machine = Machine {
            cores: 2,
            processor: String::new(),
            memory_bytes: 0,
            kernel: String::new(),
            load_average_millis: 0,
            versions: BTreeMap::new(),
        };
        let links = growth("links, clicked alike, refmill-servers", vec![step(10, 1_000), step(110, 9_000)]);
        Document {
            machine,
            began_at_ms: 0,
            command: Vec::new(),
            runs: Vec::new(),
            sweeps: Vec::new(),
            comparisons: Vec::new(),
            growths: vec![links, growth("clicks in batches, refmill-servers", vec![step(200, 7), step(200, 9)])],
        }
    }

    #[test]
    fn costs_are_those_of_the_last_step_over_its_own_events() {
        let expected = Measured {
            edge_ns: 1_000,
            processor_ns: 2_000,
            broker_ns: 3_000,
            facts_ns: 4_000,
            ledger_ns: 5_000,
            touches_ns: 6_000,
            broker_millibytes: 300_000,
            facts_millibytes: 70_500,
            ledger_millibytes: 250,
            bytes_a_link: 80,
        };
        assert_eq!(Measured::of(&document()).expect("it has all"), expected);
    }

    #[test]
    fn what_is_not_measured_is_not_modelled() {
        let mut none = document();
        none.growths.pop();
        let says = |document: &Document| Measured::of(document).expect_err("it lacks something").to_string();
        assert!(says(&none).contains("bench grow --events"));
        let mut no_disk = document();
        no_disk.growths[1].steps[1].stores.remove("clickhouse");
        assert!(says(&no_disk).contains("clickhouse's disk"));
        let mut broken = document();
        let mut run = crate::compare::measure::none(
            crate::record::Target { name: "t".to_owned(), acknowledges: crate::record::Acknowledges::Nothing },
            crate::record::Load {
                scenario: Scenario::Batch,
                seed: 1,
                offered: crate::record::Offered::AsAnswered,
                seconds: 1,
                connections: 1,
                requests_a_connection: None,
                events_a_request: 100,
                crowd: Default::default(),
            },
            String::new(),
        );
        run.discarded = None;
        run.audit = vec![AuditLine { what: "clicks".to_owned(), expected: 2, found: 1 }];
        broken.growths[1].steps[0].runs.push(run);
        assert!(says(&broken).contains("does not hold"), "{}", says(&broken));
    }
}
