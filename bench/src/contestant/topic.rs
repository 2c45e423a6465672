//! What a topic holds, as the broker says it: the count that nobody who is measured has a hand in.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};

use crate::record::{Answers, AuditLine, Load};

/// For one question.
const ANSWER_WAIT: Duration = Duration::from_secs(20);
/// For a broker that can't answer: of a topic that was just made a partition may have no leader yet.
const LEADER_WAIT: Duration = Duration::from_secs(30);
/// Between two questions.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A topic that has not grown for so long has got what it will get: no sender that is measured here waits longer.
const STILL_FOR: Duration = Duration::from_secs(3);
/// For what was queued to be sent.
const DRAIN_WAIT: Duration = Duration::from_secs(120);

#[derive(Clone, Debug)]
pub(crate) struct Topic {
    broker: String,
    name: String,
    partitions: u32,
}

impl Topic {
    pub(crate) async fn find(broker: &str, name: &str) -> anyhow::Result<Topic> {
        let told = kcat(&["-L", "-b", broker, "-t", name]).await?;
        let partitions = told.lines().filter(|line| line.trim_start().starts_with("partition ")).count();
        ensure!(partitions > 0, "there is no topic {name} at {broker}:\n{told}");
        Ok(Topic { broker: broker.to_owned(), name: name.to_owned(), partitions: u32::try_from(partitions)? })
    }

    /// From here on, once what was sent before has come.
    pub(crate) async fn watch(&self) -> anyhow::Result<Watched<'_>> {
        Ok(Watched { topic: self, before: self.settled(None).await?.records })
    }

    /// Once it has stopped growing, or holds as many as are expected.
    async fn settled(&self, expected: Option<u64>) -> anyhow::Result<Came> {
        let began = Instant::now();
        let (mut records, mut since) = (self.records().await?, Instant::now());
        let mut at = None;
        while expected.is_none_or(|expected| records < expected) && since.elapsed() < STILL_FOR {
            ensure!(began.elapsed() < DRAIN_WAIT, "{} still grows after {DRAIN_WAIT:?}", self.name);
            sleep(LOOK_EVERY).await;
            let now = self.records().await?;
            if now != records {
                (records, since) = (now, Instant::now());
                at = Some(since);
            }
        }
        Ok(Came { records, at })
    }

    /// Records that were ever written to it: the ends of its partitions, summed.
    async fn records(&self) -> anyhow::Result<u64> {
        let ends: Vec<String> = (0..self.partitions).map(|partition| format!("{}:{partition}:-1", self.name)).collect();
        let mut arguments = vec!["-Q", "-b", &self.broker];
        ends.iter().for_each(|end| arguments.extend(["-t", end]));
        let began = Instant::now();
        loop {
            match kcat(&arguments).await {
                Ok(told) => return ends_in(&told, &self.name, self.partitions),
                Err(error) if began.elapsed() > LEADER_WAIT => return Err(error),
                Err(_) => sleep(LOOK_EVERY).await,
            }
        }
    }
}

/// What a topic has once no more comes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Came {
    pub(crate) records: u64,
    /// When the last of it was seen; none where all was there at the first look.
    pub(crate) at: Option<Instant>,
}

/// A topic during one load.
pub(crate) struct Watched<'a> {
    topic: &'a Topic,
    before: u64,
}

impl Watched<'_> {
    /// Until it has what was acknowledged: what an answer has promised is part of what it costs, whenever it is done.
    pub(crate) async fn await_all(&self, answers: &Answers) -> anyhow::Result<Came> {
        let came = self.topic.settled(Some(self.before + answers.events_acknowledged)).await?;
        Ok(Came { records: came.records.saturating_sub(self.before), ..came })
    }

    /// Once nothing more comes.
    pub(crate) async fn recount(&self, answers: &Answers, load: &Load) -> anyhow::Result<Vec<AuditLine>> {
        let after = self.topic.settled(None).await?.records;
        Ok(recount(after.saturating_sub(self.before), answers, load))
    }
}

/// One record an event: fewer than were acknowledged are lost, and more can only be those whose answer didn't come.
fn recount(written: u64, answers: &Answers, load: &Load) -> Vec<AuditLine> {
    let acknowledged = answers.events_acknowledged;
    let unanswered = answers.failed * u64::from(load.events_a_request);
    let line = |what: &str, found: u64| AuditLine { what: what.to_owned(), expected: 0, found: i128::from(found) };
    vec![
        line("acknowledged events that are not in the topic", acknowledged.saturating_sub(written)),
        line("records that nobody sent", written.saturating_sub(acknowledged + unanswered)),
    ]
}

async fn kcat(arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new("kcat");
    command.args(["-X", "log_level=3"]).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let told = timeout(ANSWER_WAIT, command.output()).await.context("kcat did not answer")?;
    let told = told.context("kcat can't be run: scripts/services install brings it")?;
    if !told.status.success() {
        bail!("kcat failed: {}", String::from_utf8_lossy(&told.stderr));
    }
    Ok(String::from_utf8(told.stdout)?)
}

/// A partition a line: `TOPIC [PARTITION] offset END`.
fn ends_in(told: &str, topic: &str, partitions: u32) -> anyhow::Result<u64> {
    let end = |line: &str| {
        let end = line.strip_prefix(topic)?.trim_start().strip_prefix('[')?.split_once("] offset ")?.1;
        end.trim().parse::<u64>().ok()
    };
    let ends: Vec<u64> = told.lines().filter_map(end).collect();
    ensure!(ends.len() == partitions as usize, "of {partitions} partitions of {topic} kcat said:\n{told}");
    Ok(ends.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::measure::none;
    use crate::record::{Acknowledges, Offered, Scenario, Target};

    #[test]
    fn a_topic_holds_what_was_acknowledged_and_at_the_most_what_was_not_answered_too() {
        let load = Load {
            scenario: Scenario::Click,
            seed: 1,
            offered: Offered::AsAnswered,
            seconds: 1,
            connections: 8,
            requests_a_connection: None,
            events_a_request: 1,
            crowd: Default::default(),
        };
        let target = Target { name: "rival".to_owned(), acknowledges: Acknowledges::WhenQueued };
        let mut answers = none(target, load.clone(), String::new()).answers;
        (answers.events_acknowledged, answers.failed) = (100, 8);
        for (events_a_request, written, lost, nobodys) in [
            (1, 100, 0, 0),
            (1, 99, 1, 0),
            (1, 0, 100, 0),
            (1, 108, 0, 0),
            (1, 109, 0, 1),
            (100, 100, 0, 0),
            // A batch that was written as one record.
            (100, 1, 99, 0),
            (100, 900, 0, 0),
            (100, 901, 0, 1),
        ] {
            let load = Load { events_a_request, ..load.clone() };
            let found: Vec<i128> = recount(written, &answers, &load).iter().map(|line| line.found).collect();
            assert_eq!(found, [lost, nobodys], "{written} of {events_a_request} a request");
        }
    }

    #[test]
    fn the_ends_of_all_partitions_are_summed_or_it_is_an_error() {
        for (told, partitions, expected) in [
            ("rival [0] offset 12\n", 1, Some(12)),
            ("rival [0] offset 12\nrival [1] offset 0\nrival [2] offset 5\n", 3, Some(17)),
            ("rival [0] offset 12\n", 2, None),
            ("rival [0] offset -1001\n", 1, None),
            ("", 1, None),
        ] {
            assert_eq!(ends_in(told, "rival", partitions).ok(), expected, "{told:?}");
        }
    }
}
