//! The four servers: those that run for all tests, and own ones for tests that stop or kill them.

mod ask;
mod place;

pub(crate) use ask::{clickhouse, redis, sql};
pub(crate) use place::Place;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::wait::eventually;

const SERVICES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/services");
/// A first start on a slow machine; the script has limits of its own below it.
const SCRIPT_ENDS_WITHIN: Duration = Duration::from_secs(120);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Kafka,
    Postgres,
    Redis,
    ClickHouse,
}

/// Where the servers are.
pub(crate) struct Servers {
    pub(crate) kafka: String,
    pub(crate) postgres: String,
    pub(crate) redis: String,
    pub(crate) clickhouse: String,
    own: Option<Own>,
}

/// Servers that end with the test.
struct Own(TempDir);

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Kafka => "kafka",
            Kind::Postgres => "postgres",
            Kind::Redis => "redis",
            Kind::ClickHouse => "clickhouse",
        }
    }
}

impl Servers {
    pub(crate) fn shared() -> Servers {
        Servers {
            kafka: given("REFMILL_TEST_KAFKA"),
            postgres: given("REFMILL_TEST_POSTGRES"),
            redis: given("REFMILL_TEST_REDIS"),
            clickhouse: given("REFMILL_TEST_CLICKHOUSE"),
            own: None,
        }
    }

    /// Own ones of these kinds, and the shared ones of the others.
    pub(crate) fn with_own(kinds: &[Kind]) -> Servers {
        let folder = tempfile::Builder::new().prefix("refmill-production").tempdir().expect("a folder");
        let mut script = script("up", folder.path());
        script.args(["--with-parent", &std::process::id().to_string()]).args(kinds.iter().map(|kind| kind.name()));
        let own = Some(Own(folder));
        let said = script.stderr(Stdio::inherit()).output().expect("scripts/services runs");
        assert!(said.status.success(), "{kinds:?} did not start");
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let mut servers = Servers { own, ..Servers::shared() };
        for kind in kinds {
            let name = format!("export REFMILL_TEST_{}='", kind.name().to_uppercase());
            let url = said.lines().find_map(|line| line.strip_prefix(&name)?.strip_suffix('\''));
            let url = url.unwrap_or_else(|| panic!("no {name} in {said}")).to_owned();
            match kind {
                Kind::Kafka => servers.kafka = url,
                Kind::Postgres => servers.postgres = url,
                Kind::Redis => servers.redis = url,
                Kind::ClickHouse => servers.clickhouse = url,
            }
        }
        servers
    }

    /// A clean end of an own server.
    pub(crate) async fn stop(&self, kind: Kind) {
        self.tell("stop", kind).await;
    }

    /// A sudden one.
    pub(crate) async fn kill(&self, kind: Kind) {
        self.tell("kill", kind).await;
    }

    /// Back on the same port and data.
    pub(crate) async fn start(&self, kind: Kind) {
        self.tell("start", kind).await;
    }

    /// Where an own server keeps its data; of Kafka the one broker.
    pub(crate) fn folder(&self, kind: Kind) -> PathBuf {
        let name = if kind == Kind::Kafka { "kafka-1/data" } else { kind.name() };
        self.own.as_ref().expect("own servers").0.path().join(name)
    }

    async fn tell(&self, verb: &str, kind: Kind) {
        let folder = self.own.as_ref().expect("only own servers are stopped and started").0.path();
        let mut child = script(verb, folder).arg(kind.name()).stderr(Stdio::null()).spawn().expect("it runs");
        let what = format!("{verb} {kind:?}");
        let ended = eventually(SCRIPT_ENDS_WITHIN, &what, async || {
            child.try_wait().expect("a child").ok_or_else(|| "it runs".to_owned())
        });
        assert!(ended.await.success(), "{what}");
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let down = script("down", self.0.path()).stderr(Stdio::null()).status();
        if !down.is_ok_and(|status| status.success()) {
            eprintln!("the servers in {} did not end", self.0.path().display());
        }
    }
}

/// Files of a folder, all the way down, into another.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(done.expect("cp runs").success(), "{} to {}", from.display(), to.display());
}

fn script(verb: &str, folder: &Path) -> Command {
    let mut command = Command::new(SERVICES);
    command.arg(verb).arg("--folder").arg(folder).stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

fn given(variable: &str) -> String {
    let start = "start the servers: eval \"$(./scripts/services up)\", or run ./scripts/test";
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set: {start}"))
}
