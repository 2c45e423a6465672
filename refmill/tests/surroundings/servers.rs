//! The four servers: those that run for all tests, own ones for tests that break them, and a place on them for each test.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

const SERVICES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/services");
pub(crate) const KINDS: [&str; 4] = ["kafka", "postgres", "redis", "clickhouse"];

/// Servers of a test's own; they end with it.
pub(crate) struct Own(TempDir, BTreeMap<String, String>);

/// Topics, keys and databases of a test's own. The databases are dropped with it; topics are as random as their name.
pub(crate) struct Place {
    /// Where each server is, by its flag.
    pub(crate) urls: BTreeMap<String, String>,
    pub(crate) prefix: String,
    database: String,
}

impl Own {
    /// `options` and names are those of `scripts/services up`.
    pub(crate) fn start(options: &[&str], kinds: &[&str]) -> Own {
        let folder = tempfile::Builder::new().prefix("refmill-surroundings").tempdir().expect("a folder");
        let parent = std::process::id().to_string();
        let said = services(folder.path(), "up", &[&["--with-parent", &parent], options, kinds].concat());
        let urls = said.lines().filter_map(|line| {
            let (name, url) = line.strip_prefix("export REFMILL_TEST_")?.split_once("='")?;
            Some((name.to_lowercase(), url.trim_end_matches('\'').to_owned()))
        });
        let urls = urls.filter(|(name, _)| kinds.contains(&name.as_str())).collect();
        Own(folder, urls)
    }

    /// `stop`, `kill` or `start`.
    pub(crate) fn tell(&self, verb: &str, names: &[&str]) {
        services(self.0.path(), verb, names);
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        services(self.0.path(), "down", &[]);
    }
}

impl Place {
    pub(crate) fn shared() -> Place {
        Place::with(BTreeMap::new())
    }

    /// On these servers, and on the shared ones of other kinds.
    pub(crate) fn on(own: &Own) -> Place {
        Place::with(own.1.clone())
    }

    fn with(mut urls: BTreeMap<String, String>) -> Place {
        for kind in KINDS {
            urls.entry(kind.to_owned()).or_insert_with(|| given(kind));
        }
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let prefix = format!("surr_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let place = Place { urls, database: prefix.clone(), prefix };
        place.make_database();
        place
    }

    /// The same topics, keys and ClickHouse database, and a Postgres that knows nothing of them.
    pub(crate) fn with_another_postgres(&self) -> Place {
        let database = format!("{}_other", self.prefix);
        let place = Place { urls: self.urls.clone(), prefix: self.prefix.clone(), database };
        place.make_database();
        place
    }

    fn make_database(&self) {
        psql(&self.urls["postgres"], &format!("CREATE DATABASE {}", self.database));
    }

    /// What says where the servers are, for every role.
    pub(crate) fn args(&self) -> BTreeMap<String, String> {
        let mut args: BTreeMap<String, String> =
            self.urls.iter().map(|(kind, url)| (format!("--{kind}"), url.clone())).collect();
        for (flag, value) in [
            ("--postgres", self.postgres()),
            ("--topic-prefix", self.prefix.clone()),
            ("--partitions", "2".to_owned()),
            ("--reply-partitions", "2".to_owned()),
            ("--session-timeout-ms", "3000".to_owned()),
        ] {
            args.insert(flag.to_owned(), value);
        }
        args
    }

    pub(crate) fn topic(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    fn postgres(&self) -> String {
        let url = &self.urls["postgres"];
        let (place, query) = url.split_once('?').map_or((url.as_str(), ""), |(place, query)| (place, query));
        let server = place.rsplit_once('/').expect("a URL that names a database").0;
        format!("{server}/{}?{query}", self.database)
    }

    /// The first field of the first row.
    pub(crate) fn sql(&self, text: &str) -> String {
        psql(&self.postgres(), text)
    }

    /// In the database of facts.
    pub(crate) fn facts(&self, text: &str) -> String {
        clickhouse(&self.urls["clickhouse"], &self.prefix, text)
    }

    /// Puts records onto the log as a stranger would: each file is one.
    pub(crate) fn produce(&self, partition: u32, options: &[&str], files: &[&Path], input: &str) {
        let mut command = Command::new("kcat");
        command.args(["-P", "-b", &self.urls["kafka"], "-t", &self.topic("events"), "-p", &partition.to_string()]);
        said(command.args(options).args(files), input);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut drop = Command::new("psql");
        drop.args([&self.urls["postgres"], "-c", &format!("DROP DATABASE {} WITH (FORCE)", self.database)]);
        let mut facts = curl(&self.urls["clickhouse"], "default");
        facts.args(["-d", &format!("DROP DATABASE IF EXISTS {}", self.prefix)]);
        for mut command in [drop, facts] {
            // A server that the test has ended needs no cleaning.
            let _ = command.stdin(Stdio::null()).output();
        }
    }
}

/// Runs `scripts/services` and gives what it prints.
fn services(folder: &Path, verb: &str, rest: &[&str]) -> String {
    let mut command = Command::new(SERVICES);
    command.arg(verb).arg("--folder").arg(folder).args(rest);
    // What runs for the other tests is not ours to end.
    command.env_remove("REFMILL_SERVICES_DIR");
    said(&mut command, "")
}

fn psql(url: &str, text: &str) -> String {
    let mut command = Command::new("psql");
    said(command.args(["-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", url, "-c", text]), "").trim().to_owned()
}

fn clickhouse(url: &str, database: &str, text: &str) -> String {
    said(curl(url, database).args(["-sSf", "-d", text]), "").trim().to_owned()
}

fn curl(url: &str, database: &str) -> Command {
    let (place, query) = url.split_once("/?").unwrap_or((url.trim_end_matches('/'), ""));
    let mut command = Command::new("curl");
    if let Some(authority) = query.strip_prefix("ca=") {
        command.args(["--cacert", authority]);
    }
    command.arg(format!("{place}/?database={database}&mutations_sync=2"));
    command
}

/// What a command prints that has to go well.
#[track_caller]
pub(crate) fn said(command: &mut Command, input: &str) -> String {
    use std::io::Write as _;
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // Who takes no input has closed it.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    let done = child.wait_with_output().expect("it ends");
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}

fn given(kind: &str) -> String {
    let variable = format!("REFMILL_TEST_{}", kind.to_uppercase());
    let start = "start the servers: eval \"$(./scripts/services up)\", or run ./scripts/test";
    std::env::var(&variable).unwrap_or_else(|_| panic!("{variable} is not set: {start}"))
}
