use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};

use crate::cost::Process;

/// Names of one contestant: links, processes and metrics together.
const LINES_MAX: usize = 100_000;

/// What a contestant has said of itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) url: String,
    /// Where companies, refunds and dashboards are, if not there.
    pub(crate) api: Option<String>,
    /// Its own, whose cost is its cost.
    pub(crate) processes: Vec<Process>,
    /// What it stands on.
    pub(crate) servers: Vec<Process>,
    /// A name and a URL.
    pub(crate) metrics: Vec<(String, String)>,
    pub(crate) codes: Vec<String>,
    pub(crate) key: Option<String>,
    pub(crate) topic: Option<String>,
    pub(crate) postgres: Option<String>,
    pub(crate) clickhouse: Option<String>,
    pub(crate) sqlite: Option<PathBuf>,
    /// Of what it stands on and is built with: a product and its version.
    pub(crate) versions: Vec<(String, String)>,
    /// A store's name and where it keeps everything.
    pub(crate) folders: Vec<(String, PathBuf)>,
    /// Whose links are clicked, and where mails to them are files: what it takes to sign in as one.
    pub(crate) affiliate: Option<String>,
    pub(crate) mails: Option<PathBuf>,
    /// From when what is its own was started until it served.
    pub(crate) started_in_ms: Option<u64>,
    lines: usize,
}

impl Told {
    /// Takes in the next line; whether it was the last.
    pub(super) fn take(&mut self, line: &str) -> anyhow::Result<bool> {
        self.lines += 1;
        ensure!(self.lines <= LINES_MAX, "it prints more than {LINES_MAX} lines");
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        ensure!(!rest.is_empty(), "it printed {line:?}, which is no line of the protocol");
        match word {
            "process" => self.processes.push(process(rest)?),
            "server" => self.servers.push(process(rest)?),
            "api" => self.api = Some(rest.to_owned()),
            "metrics" => self.metrics.push(pair(rest)?),
            "code" => self.codes.push(rest.to_owned()),
            "codes" => {
                let codes = std::fs::read_to_string(rest).with_context(|| format!("its codes {rest}"))?;
                self.codes.extend(codes.lines().map(str::to_owned));
            }
            "key" => self.key = Some(rest.to_owned()),
            "topic" => self.topic = Some(rest.to_owned()),
            "postgres" => self.postgres = Some(rest.to_owned()),
            "clickhouse" => self.clickhouse = Some(rest.to_owned()),
            "sqlite" => self.sqlite = Some(PathBuf::from(rest)),
            "version" => self.versions.push(pair(rest)?),
            "folder" => {
                let (name, folder) = pair(rest)?;
                self.folders.push((name, PathBuf::from(folder)));
            }
            "affiliate" => self.affiliate = Some(rest.to_owned()),
            "mails" => self.mails = Some(PathBuf::from(rest)),
            "started" => self.started_in_ms = Some(rest.parse().with_context(|| format!("{rest:?} are no ms"))?),
            "ready" => {
                ensure!(!self.processes.is_empty(), "it is ready and has named no process of its own");
                self.url = rest.to_owned();
                return Ok(true);
            }
            _ => bail!("it printed {line:?}, which is no line of the protocol"),
        }
        Ok(false)
    }
}

fn pair(rest: &str) -> anyhow::Result<(String, String)> {
    let (name, value) = rest.split_once(' ').with_context(|| format!("{rest:?} is not a name and what it names"))?;
    Ok((name.to_owned(), value.to_owned()))
}

fn process(rest: &str) -> anyhow::Result<Process> {
    let (name, pid) = pair(rest)?;
    let pid = pid.parse().with_context(|| format!("{pid:?} is no process"))?;
    Ok(Process { name, pid })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str], expected: Result<Told, &str>) {
        let mut told = Told::default();
        let read = lines.iter().map(|line| told.take(line)).collect::<Result<Vec<_>, _>>();
        match (read, expected) {
            (Ok(last), Ok(expected)) => {
                assert_eq!(told, Told { lines: lines.len(), ..expected }, "{lines:?}");
                assert_eq!(last.iter().filter(|last| **last).count(), usize::from(!told.url.is_empty()), "{lines:?}");
            }
            (Err(error), Err(why)) => assert!(error.to_string().contains(why), "{lines:?}: {error}"),
            (read, expected) => panic!("{lines:?}: {read:?}, not {expected:?}"),
        }
    }

    #[test]
    fn every_line_of_the_protocol_is_understood_and_no_other() {
        let process = |name: &str, pid| Process { name: name.to_owned(), pid };
        let text = |text: &str| Some(text.to_owned());
        let all = [
            "process ingest 12",
            "process process 13",
            "server kafka 14",
            "metrics ingest http://127.0.0.1:9090",
            "api http://127.0.0.1:8081",
            "code A10",
            "code B10",
            "key sk_live_1",
            "topic bench-7",
            "postgres postgres://refmill@127.0.0.1:5432/refmill",
            "clickhouse http://127.0.0.1:8123",
            "sqlite /var/lib/refmill",
            "version Postgres 17.6 (Debian 17.6-1)",
            "folder redis /var/lib/redis",
            "affiliate ada@example.com",
            "mails /var/lib/refmill/outbox",
            "started 1250",
            "ready http://127.0.0.1:8080",
        ];
        let told = Told {
            url: "http://127.0.0.1:8080".to_owned(),
            api: text("http://127.0.0.1:8081"),
            processes: vec![process("ingest", 12), process("process", 13)],
            servers: vec![process("kafka", 14)],
            metrics: vec![("ingest".to_owned(), "http://127.0.0.1:9090".to_owned())],
            codes: vec!["A10".to_owned(), "B10".to_owned()],
            key: text("sk_live_1"),
            topic: text("bench-7"),
            postgres: text("postgres://refmill@127.0.0.1:5432/refmill"),
            clickhouse: text("http://127.0.0.1:8123"),
            sqlite: Some(PathBuf::from("/var/lib/refmill")),
            versions: vec![("Postgres".to_owned(), "17.6 (Debian 17.6-1)".to_owned())],
            folders: vec![("redis".to_owned(), PathBuf::from("/var/lib/redis"))],
            affiliate: text("ada@example.com"),
            mails: Some(PathBuf::from("/var/lib/refmill/outbox")),
            started_in_ms: Some(1_250),
            lines: 0,
        };
        check(&all, Ok(told));
        check(&[], Ok(Told::default()));
        check(&["listening on port 80"], Err("no line of the protocol"));
        check(&["ready"], Err("no line of the protocol"));
        check(&[""], Err("no line of the protocol"));
        check(&["process rival"], Err("not a name"));
        check(&["process rival twelve"], Err("no process"));
        check(&["started soon"], Err("no ms"));
        check(&["codes /nowhere/codes"], Err("its codes"));
        check(&["ready http://127.0.0.1:80"], Err("no process of its own"));
    }
}
