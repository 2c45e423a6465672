//! One Kafka broker for all contestants that need one, so that what they stand on is the same and warm.

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::process::Command;
use tokio::time::timeout;

use super::{Contestant, Need, Places};
use crate::cost::Process;

/// The last that takes what a producer of Kafka 2 sends.
const KAFKA_3: &str = "3.9.1";
/// To fetch it, too, where that has not been done.
const START_WAIT: Duration = Duration::from_secs(900);
const END_WAIT: Duration = Duration::from_secs(60);

/// One of each kind that some of the contestants need.
pub(crate) struct Brokers(Vec<(Need, Broker)>);

impl Brokers {
    pub(crate) async fn start(places: &Places, contestants: &[Contestant]) -> anyhow::Result<Brokers> {
        let mut brokers = Vec::new();
        for need in [Need::Kafka, Need::Kafka3] {
            if contestants.iter().any(|contestant| contestant.about.needs.contains(&need)) {
                brokers.push((need, Broker::start(places, need).await?));
            }
        }
        Ok(Brokers(brokers))
    }

    pub(crate) fn of(&self, contestant: &Contestant) -> Option<&Broker> {
        self.0.iter().find(|(need, _)| contestant.about.needs.contains(need)).map(|(_, broker)| broker)
    }

    pub(crate) async fn end(self) {
        for (_, broker) in self.0 {
            // What was measured is measured, however the broker ends.
            if let Err(error) = broker.end().await {
                eprintln!("{error:#}");
            }
        }
    }
}

pub(crate) struct Broker {
    /// HOST:PORT
    pub(crate) address: String,
    pub(crate) process: Process,
    services: PathBuf,
    /// Deleted by who takes the broker down.
    folder: PathBuf,
}

impl Broker {
    /// Ends with this process where `end` isn't reached.
    async fn start(places: &Places, need: Need) -> anyhow::Result<Broker> {
        let folder = places.folder()?.keep();
        let services = places.repository.join("scripts/services");
        let mut command = Command::new(&services);
        command.args(["up", "--with-parent", &std::process::id().to_string(), "--folder"]).arg(&folder).arg("kafka");
        if need == Need::Kafka3 {
            command.env("REFMILL_SERVICES_KAFKA_VERSION", KAFKA_3);
        }
        let told = run(command, START_WAIT).await.context("no broker was started")?;
        let address = String::from_utf8_lossy(&told.stdout)
            .lines()
            .find_map(|line| Some(line.strip_prefix("export REFMILL_TEST_KAFKA='")?.strip_suffix('\'')?.to_owned()))
            .context("scripts/services names no broker")?;
        let pid = std::fs::read_to_string(folder.join("kafka-1/process"))?;
        let pid = pid.split_whitespace().next().context("the broker's id")?.parse()?;
        Ok(Broker { address, process: Process { name: "kafka".to_owned(), pid }, services, folder })
    }

    /// As the folder of its jars is named on its command line; none where that can't be read any more.
    pub(crate) fn version(&self) -> Option<String> {
        let command = std::fs::read(format!("/proc/{}/cmdline", self.process.pid)).ok()?;
        jars_version(&String::from_utf8_lossy(&command))
    }

    /// What it is called, and where it keeps its topics.
    pub(crate) fn kept(&self) -> (String, PathBuf) {
        (self.process.name.clone(), self.folder.join("kafka-1/data"))
    }

    async fn end(self) -> anyhow::Result<()> {
        let mut command = Command::new(&self.services);
        command.args(["down", "--folder"]).arg(&self.folder);
        run(command, END_WAIT).await.context("the broker was not ended").map(drop)
    }
}

fn jars_version(command: &str) -> Option<String> {
    // Its own folder may be called after it too, and with its number.
    let mut versions = command.split("/kafka-").skip(1).filter_map(|named| named.split(['-', '/', '\0']).next());
    versions.find(|version| version.contains('.')).map(str::to_owned)
}

async fn run(mut command: Command, wait: Duration) -> anyhow::Result<Output> {
    // Its log is worth something only where it fails.
    command.stdin(Stdio::null()).kill_on_drop(true);
    let told = timeout(wait, command.output()).await.context("it took too long")?.context("it can't be run")?;
    ensure!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brokers_version_is_that_of_its_jars() {
        let started = "java\0-Dlog4j2.configurationFile=/tmp/kafka-1/log4j2.properties\0-cp\0/cache/kafka-4.3.0-log4j-2.25.3/lib/*\0kafka.Kafka\0\
                       /tmp/kafka-1/server.properties";
        for (command, expected) in [(started, Some("4.3.0")), ("java\0-cp\0/opt/lib/*\0kafka.Kafka", None), ("", None)]
        {
            assert_eq!(jars_version(command).as_deref(), expected, "{command}");
        }
    }
}
