//! One process, from its start to its end, and what it said.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::http::{Reply, Request};
use crate::servers::Place;
use crate::wait::{eventually, holds};

const REFMILL: &str = env!("CARGO_BIN_EXE_refmill");
const STARTS_WITHIN: Duration = Duration::from_secs(90);
/// It tries servers that do not answer for 15 s.
const ENDS_WITHIN: Duration = Duration::from_secs(60);

/// What a process is started with.
#[derive(Clone, Default)]
pub(crate) struct Launch {
    verb: Vec<String>,
    flags: BTreeMap<String, String>,
    wrapper: Vec<String>,
}

/// A process that serves. It ends with this.
pub(crate) struct Role {
    child: Child,
    folder: TempDir,
    pub(crate) address: SocketAddr,
    metrics: SocketAddr,
}

impl Launch {
    /// Everything in one folder.
    pub(crate) fn embedded() -> Launch {
        Launch { verb: vec!["up".to_owned()], ..Launch::default() }
    }

    /// `up`, `ingest`, `process`, `api` or `rebuild facts --idle`, around these servers.
    pub(crate) fn new(verb: &str, place: &Place) -> Launch {
        let verb = verb.split(' ').map(str::to_owned).collect();
        Launch { verb, flags: place.args(), wrapper: Vec::new() }
    }

    pub(crate) fn set(mut self, flag: &str, value: impl ToString) -> Launch {
        self.flags.insert(flag.to_owned(), value.to_string());
        self
    }

    /// Runs it by a shell in a mount namespace of its own, which does this first and becomes it. `$DATA` is its folder.
    pub(crate) fn after(mut self, script: &str) -> Launch {
        let script = format!("{script} && exec \"$@\"");
        self.wrapper = ["unshare", "-m", "sh", "-c", &script, "sh"].map(str::to_owned).to_vec();
        self
    }

    fn spawn(&self, folder: &Path) -> Child {
        let mut words = self.wrapper.clone();
        words.push(REFMILL.to_owned());
        let mut command = Command::new(&words[0]);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("REFMILL_")) {
            command.env_remove(name);
        }
        let data = folder.join("data");
        command.args(&words[1..]).args(&self.verb).env("DATA", &data).arg("--data-dir").arg(data);
        if self.verb[0] != "rebuild" {
            command.args(["--no-demo", "--listen=127.0.0.1:0", "--metrics-listen=127.0.0.1:0"]);
        }
        for (flag, value) in
            [("--log-level", "info"), ("--clicks-per-ip-per-hour", "0"), ("--decision-wait-ms", "5000")]
        {
            if !self.flags.contains_key(flag) {
                command.arg(format!("{flag}={value}"));
            }
        }
        command.args(self.flags.iter().map(|(flag, value)| format!("{flag}={value}")));
        let file = |name| File::create(folder.join(name)).expect("a file");
        command.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr")).spawn().expect("it starts")
    }

    /// Starts it and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(&self) -> Role {
        let folder = tempfile::tempdir().expect("a folder");
        let child = self.spawn(folder.path());
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut role = Role { child, folder, address: unknown, metrics: unknown };
        (role.address, role.metrics) = eventually(STARTS_WITHIN, "it is ready", || {
            assert!(role.child.try_wait().expect("a child").is_none(), "it ended: {}", role.said());
            let out = std::fs::read_to_string(role.file("stdout")).unwrap_or_default();
            let places = address(&out, "ready http://").zip(address(&out, "metrics http://"));
            places.ok_or_else(|| role.said())
        });
        role
    }

    /// Starts one that does not get ready, and waits until it has said why.
    #[track_caller]
    pub(crate) fn start_until(&self, words: &str) -> Role {
        let folder = tempfile::tempdir().expect("a folder");
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        let role = Role { child: self.spawn(folder.path()), folder, address: unknown, metrics: unknown };
        eventually(STARTS_WITHIN, words, || if role.said().contains(words) { Ok(()) } else { Err(role.said()) });
        role
    }

    /// Runs it to an end that is not of our making: its status, and what it said on both streams.
    #[track_caller]
    pub(crate) fn run(&self) -> (ExitStatus, String, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = Ended(self.spawn(folder.path()));
        let read = |name| std::fs::read_to_string(folder.path().join(name)).expect("a text");
        let status =
            eventually(ENDS_WITHIN, "it ends", || child.0.try_wait().expect("a child").ok_or_else(|| read("stderr")));
        (status, read("stdout"), read("stderr"))
    }
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Role {
    #[track_caller]
    pub(crate) fn send(&self, request: &Request) -> Reply {
        request.send(self.address).unwrap_or_else(|error| panic!("{error}\n{}", self.said()))
    }

    /// The value of a line of the metrics, 0 where it is not there yet.
    pub(crate) fn metric(&self, line: &str) -> f64 {
        let told = Request::get("/metrics").send(self.metrics).expect("an answer").text;
        let value = told.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().expect("a number"))
    }

    /// What `/readyz` says: its status and what it names.
    pub(crate) fn readiness(&self) -> (u16, String) {
        let reply = self.send(&Request::get("/readyz"));
        (reply.status, reply.text)
    }

    #[track_caller]
    pub(crate) fn await_readiness(&self, within: Duration, status: u16, named: &[&str]) {
        let what = format!("/readyz is {status} and names {named:?}");
        eventually(within, &what, || {
            let (found, text) = self.readiness();
            holds(found == status && named.iter().all(|part| text.contains(part)), text)
        });
    }

    /// Its errors and its log.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.file("stderr")).unwrap_or_default()).into_owned()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as an operator would.
    #[track_caller]
    pub(crate) fn stop(mut self) {
        let told = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status();
        assert!(told.expect("kill runs").success());
        let child = &mut self.child;
        let status = eventually(ENDS_WITHIN, "it ends", || {
            child.try_wait().expect("a child").ok_or_else(|| "it runs".to_owned())
        });
        assert!(status.success(), "{status}: {}", self.said());
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = self.said();
            let last: Vec<&str> = said.lines().rev().take(30).collect();
            eprintln!("its last lines, newest first:\n{}", last.join("\n"));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn address(said: &str, start: &str) -> Option<SocketAddr> {
    let whole = said.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    whole.filter_map(|line| line.trim().strip_prefix(start)).find_map(|address| address.parse().ok())
}
