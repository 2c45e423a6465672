//! One process of a deployment, from its start to its end, and what it said.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::http::{Http, Request};
use crate::wait::{eventually, within};

const REFMILL: &str = env!("CARGO_BIN_EXE_refmill");
const STARTS_WITHIN: Duration = Duration::from_secs(90);
/// `--decision-wait-ms` for who compares decisions on a slow machine: a request waits for its answer for longer.
pub(crate) const LONG_DECISION_WAIT_MS: &str = "6000";
/// A role's own limit is 10 s.
const ENDS_WITHIN: Duration = Duration::from_secs(20);
const LINES_SHOWN: usize = 25;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Does {
    /// Everything in one process.
    Up,
    Ingest,
    /// An edge with a slow way to Kafka, so that the log has sales before the clicks that they are won by.
    LateIngest,
    Process,
    Api,
}

pub(crate) struct Role {
    pub(crate) does: Does,
    /// Which one of those that do the same.
    pub(crate) name: String,
    args: Vec<String>,
    environment: Vec<(&'static str, String)>,
    folder: PathBuf,
    child: Option<Child>,
    frozen: bool,
    starts: u32,
    /// Where it listens, while it runs.
    pub(crate) address: Option<SocketAddr>,
    pub(crate) metrics: Option<SocketAddr>,
}

impl Does {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Does::Up => "up",
            Does::Ingest | Does::LateIngest => "ingest",
            Does::Process => "process",
            Does::Api => "api",
        }
    }
}

/// One that is no role and ends by itself.
pub(crate) fn started(words: &[&str], folder: &Path, args: &[String]) -> Child {
    let mut command = plain(REFMILL);
    command.args(words).arg("--data-dir").arg(folder).args(args);
    command.stdout(Stdio::null()).spawn().expect("refmill starts")
}

impl Role {
    /// Not started yet. What it keeps and says lies in `folder`.
    pub(crate) fn new(does: Does, number: usize, folder: &Path, args: Vec<String>) -> Role {
        let late = if does == Does::LateIngest { "late-" } else { "" };
        let name = format!("{late}{}-{number}", does.word());
        let folder = folder.join(&name);
        std::fs::create_dir_all(&folder).expect("a folder");
        let environment = Vec::new();
        Role {
            does,
            name,
            args,
            environment,
            folder,
            child: None,
            frozen: false,
            starts: 0,
            address: None,
            metrics: None,
        }
    }

    pub(crate) async fn start(&mut self) {
        let started = self.try_start().await;
        started.unwrap_or_else(|said| panic!("{} did not get ready:\n{said}", self.name));
    }

    /// The error is what it said before it ended.
    pub(crate) async fn try_start(&mut self) -> Result<(), String> {
        self.spawn();
        let out = self.stream("stdout");
        let what = format!("{} listens", self.name);
        let found = eventually(STARTS_WITHIN, &what, async || {
            let said = std::fs::read_to_string(&out).unwrap_or_default();
            match (line(&said, "ready http://"), line(&said, "metrics http://")) {
                (Some(ready), Some(metrics)) => Ok(Some((ready, metrics))),
                _ if self.has_ended() => Ok(None),
                _ => Err(format!("{said}{}", self.said())),
            }
        });
        let (address, metrics) = found.await.ok_or_else(|| self.said())?;
        self.metrics = Some(metrics);
        let http = Http::new();
        let ready = within(STARTS_WITHIN, async || {
            if self.has_ended() {
                return Ok(false);
            }
            let reply = http.send(address, &Request::get("/readyz")).await?;
            if reply.status == 200 { Ok(true) } else { Err(reply.text) }
        });
        if !ready.await? {
            return Err(self.said());
        }
        self.address = Some(address);
        Ok(())
    }

    /// Started and not waited for.
    pub(crate) fn spawn(&mut self) {
        assert!(self.child.is_none(), "{} runs", self.name);
        self.starts += 1;
        let (out, errors) = (create(&self.stream("stdout")), create(&self.stream("stderr")));
        let mut command = plain(REFMILL);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.arg(self.does.word()).arg("--data-dir").arg(self.folder.join("data")).args(&self.args);
        self.child = Some(command.stdout(out).stderr(errors).spawn().expect("refmill starts"));
    }

    /// The last word on a flag counts, from the next start on.
    pub(crate) fn set(&mut self, flag: &str, value: &str) {
        if let Some(at) = self.args.iter().position(|known| known == flag) {
            self.args.drain(at..at + 2);
        }
        self.args.extend([flag.to_owned(), value.to_owned()]);
    }

    /// A variable of its environment alone, from the next start on.
    pub(crate) fn set_variable(&mut self, name: &'static str, value: &str) {
        self.environment.push((name, value.to_owned()));
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    pub(crate) fn runs(&self) -> bool {
        self.child.is_some()
    }

    /// Ends it without a word: no flush, no goodbye.
    pub(crate) fn kill(&mut self) {
        self.address = None;
        self.frozen = false;
        if let Some(mut child) = self.child.take() {
            child.kill().expect("killed");
            child.wait().expect("gone");
        }
    }

    /// Ends it as an operator would.
    pub(crate) async fn stop(&mut self) -> ExitStatus {
        self.address = None;
        self.signal("-TERM");
        self.ended().await
    }

    /// Its end, which somebody or something else brings about.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        let what = format!("{} ends", self.name);
        let status = eventually(ENDS_WITHIN, &what, async || {
            child.try_wait().expect("a child").ok_or_else(|| "it runs".to_owned())
        });
        let status = status.await;
        self.address = None;
        status
    }

    /// Holds it where it is: it does nothing and does not know it.
    pub(crate) fn freeze(&mut self) {
        self.signal("-STOP");
        self.frozen = true;
    }

    pub(crate) fn thaw(&mut self) {
        self.signal("-CONT");
        self.frozen = false;
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| child.try_wait().expect("a child").is_some())
    }

    /// What it said on its errors since it was started last.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.stream("stderr")).unwrap_or_default()).into_owned()
    }

    /// What it has counted under this name since it was started last.
    pub(crate) async fn count(&self, name: &str) -> u64 {
        let metrics = self.metrics.expect("it runs");
        let told = Http::new().send(metrics, &Request::get("/metrics")).await.expect("metrics").text;
        let counts = told.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        counts.map(|count| count.parse::<u64>().expect("a count")).sum()
    }

    fn signal(&self, name: &str) {
        let pid = self.pid().expect("it runs").to_string();
        assert!(Command::new("kill").args([name, &pid]).status().expect("kill runs").success(), "{name} {}", self.name);
    }

    fn stream(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.{}", self.starts))
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = self.said();
            let last: Vec<&str> = said.lines().rev().take(LINES_SHOWN).collect();
            eprintln!(
                "--- {}, started {} times; its last lines, newest first:\n{}",
                self.name,
                self.starts,
                last.join("\n")
            );
        }
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A program that nobody's settings in the environment reach.
fn plain(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("REFMILL_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

fn create(path: &Path) -> File {
    File::create(path).expect("a file")
}

fn line(said: &str, start: &str) -> Option<SocketAddr> {
    let whole = said.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    whole.filter_map(|line| line.trim().strip_prefix(start)).find_map(|address| address.parse().ok())
}
