//! A contestant is one program, `run`, that installs, starts and ends whatever is measured, and says in lines where it is.
//! `bench/README.md` has the protocol.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use tokio::process::Command;
use tokio::time::timeout;

use crate::record;

pub(crate) use lines::Told;
pub(crate) use running::Running;

pub(crate) mod broker;
mod lines;
mod running;
#[cfg(test)]
mod tests;
pub(crate) mod topic;

/// Where contestants lie in the repository, in the order in which they are looked for.
const SHELVES: [&str; 2] = ["bench/contestants", "bench/rivals"];

/// Of what `run about` prints.
const ABOUT_BYTES_MAX: usize = 64 << 10;

/// Where contestants are, and where they keep what they make while they run.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Places {
    /// Refmill's repository, which holds the contestants
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) repository: PathBuf,

    /// Folder for what contestants write, on the disk that is to be measured [default: the system's temporary folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) scratch: Option<PathBuf>,

    /// Partitions of the topics that contestants make
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) partitions: u32,
}

impl Places {
    /// A new folder that is deleted with what it returns. Postgres, which runs as another user, must get through it.
    pub(crate) fn folder(&self) -> anyhow::Result<tempfile::TempDir> {
        use std::os::unix::fs::PermissionsExt as _;
        let mut folder = tempfile::Builder::new();
        folder.prefix("bench-").permissions(std::fs::Permissions::from_mode(0o711));
        let made = match &self.scratch {
            Some(scratch) => folder.tempdir_in(scratch),
            None => folder.tempdir(),
        };
        made.context("no folder can be made for what contestants write")
    }
}

/// How long a contestant may take over what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) about: Duration,
    pub(crate) install: Duration,
    pub(crate) start: Duration,
    pub(crate) end: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            about: Duration::from_secs(20),
            // The slowest builds a Go program of 500 modules on two cores.
            install: Duration::from_secs(1_800),
            // The slowest starts four servers and three roles around them.
            start: Duration::from_secs(180),
            end: Duration::from_secs(60),
        }
    }
}

/// What `run about` says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct About {
    pub(crate) name: String,
    pub(crate) product: String,
    pub(crate) version: String,
    pub(crate) acknowledges: record::Acknowledges,
    #[serde(default)]
    pub(crate) needs: Vec<Need>,
    /// Such as `POST /track/click`.
    pub(crate) events: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Need {
    /// A broker in `$BENCH_KAFKA`.
    #[serde(rename = "kafka")]
    Kafka,
    /// One of Kafka 3: its producer speaks requests that Kafka 4 has dropped.
    #[serde(rename = "kafka-3")]
    Kafka3,
    /// Postgres, Redis and ClickHouse, which it starts itself.
    #[serde(rename = "servers")]
    Servers,
}

/// One that can be started.
#[derive(Clone, Debug)]
pub(crate) struct Contestant {
    pub(crate) about: About,
    program: PathBuf,
    limits: Limits,
    /// What it is told beside what all are.
    settings: Vec<(String, String)>,
}

impl Contestant {
    /// By its name in the repository, or by the path of its program.
    pub(crate) async fn find(places: &Places, name: &str, limits: Limits) -> anyhow::Result<Contestant> {
        let program = if name.contains('/') {
            PathBuf::from(name)
        } else {
            let candidates = SHELVES.map(|shelf| places.repository.join(shelf).join(name).join("run"));
            candidates.into_iter().find(|program| program.exists()).with_context(|| {
                format!("no contestant is called {name} in {}: see --repository", places.repository.display())
            })?
        };
        ensure!(program.exists(), "there is no {}", program.display());
        let program = std::path::absolute(program)?;
        let mut command = command(&program, &["about"])?;
        let told = timeout(limits.about, command.stdout(Stdio::piped()).output()).await;
        let told = told.with_context(|| format!("{} about did not end", program.display()))?;
        let told = told.with_context(|| format!("{} can't be run", program.display()))?;
        let says = String::from_utf8_lossy(&told.stderr).into_owned();
        ensure!(told.status.success(), "{} about failed: {says}", program.display());
        ensure!(told.stdout.len() <= ABOUT_BYTES_MAX, "{} about says too much", program.display());
        let about = serde_json::from_slice(&told.stdout)
            .with_context(|| format!("{} about is no line of the protocol", program.display()))?;
        Ok(Contestant { about, program, limits, settings: Vec::new() })
    }

    /// One of the protocol's variables, or of the product's own.
    pub(crate) fn set(&mut self, name: &str, value: impl ToString) {
        self.settings.push((name.to_owned(), value.to_string()));
    }

    /// Fetches what is missing, once; what it says goes where this process's errors go.
    pub(crate) async fn install(&self) -> anyhow::Result<()> {
        let mut child = command(&self.program, &["install"])?
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .with_context(|| format!("{} can't be run", self.program.display()))?;
        let group = running::Group::of(&child)?;
        match timeout(self.limits.install, child.wait()).await {
            Ok(ended) => ensure!(ended?.success(), "{} could not be installed", self.about.name),
            Err(_) => {
                group.kill();
                bail!("{} was not installed within {:?}", self.about.name, self.limits.install)
            }
        }
        Ok(())
    }

    /// `kafka` is the broker that it gets if it needs one.
    pub(crate) async fn start(&self, folder: &Path, partitions: u32, kafka: Option<&str>) -> anyhow::Result<Running> {
        let folder_text = folder.to_str().context("a folder's name is text")?;
        let mut command = command(&self.program, &["start", folder_text])?;
        command.env("BENCH_PARTITIONS", partitions.to_string()).envs(self.settings.iter().cloned());
        if let Some(kafka) = kafka {
            command.env("BENCH_KAFKA", kafka);
        }
        Running::start(&self.about.name, command, folder, self.limits).await
    }
}

/// In a group of its own, so that all of it can be ended together, and told to end when this process is gone.
fn command(program: &Path, arguments: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "--"]).arg(program).args(arguments);
    command.env("BENCH_PROGRAM", std::env::current_exe().context("this program's own path")?);
    command.stdin(Stdio::null()).process_group(0).kill_on_drop(true);
    Ok(command)
}
