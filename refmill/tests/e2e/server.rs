//! `refmill up` as a process, from its start to its end.

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::http::{Connection, Reply, Request};
use crate::site::{Site, create};
use crate::wait::eventually;

const REFMILL: &str = env!("CARGO_BIN_EXE_refmill");
const STARTS_WITHIN: Duration = Duration::from_secs(60);
/// The server's own limit is 10 s.
const ENDS_WITHIN: Duration = Duration::from_secs(15);

/// What `refmill up` is started with.
#[derive(Clone, Default)]
pub(crate) struct Launch {
    args: Vec<String>,
    env: Vec<(String, String)>,
    wrapper: Vec<String>,
}

/// A process that serves. It ends with this.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) metrics: SocketAddr,
    pub(crate) outbox: PathBuf,
    pub(crate) errors: PathBuf,
}

impl Launch {
    /// Without the demo company, with limits that only who tests them meets, and long enough a wait for decisions that a slow
    /// machine answers with them.
    pub(crate) fn new() -> Launch {
        Launch::default()
            .flag("--no-demo")
            .set("--clicks-per-ip-per-hour", "1000000")
            .set("--requests-per-key-per-second", "1000000")
            .set("--decision-wait-ms", "5000")
    }

    /// With the demo company, and the limits that a newcomer has.
    pub(crate) fn with_demo() -> Launch {
        Launch::default()
    }

    pub(crate) fn flag(mut self, flag: &str) -> Launch {
        self.args.push(flag.to_owned());
        self
    }

    /// The last word on a flag counts.
    pub(crate) fn set(mut self, flag: &str, value: impl ToString) -> Launch {
        if let Some(at) = self.args.iter().position(|known| known == flag) {
            self.args.drain(at..at + 2);
        }
        self.args.extend([flag.to_owned(), value.to_string()]);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<Path>) -> Launch {
        self.env.push((name.to_owned(), value.as_ref().display().to_string()));
        self
    }

    /// Runs it by another program, which must become it or leave it the started process.
    pub(crate) fn wrapped(mut self, by: &[&str]) -> Launch {
        self.wrapper = by.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    pub(crate) fn command(&self, data: &Path) -> Command {
        let (program, rest) = match self.wrapper.split_first() {
            Some((program, rest)) => (program.as_str(), [rest, &[REFMILL.to_owned()]].concat()),
            None => (REFMILL, Vec::new()),
        };
        let mut command = plain(program);
        command
            .args(rest)
            .args(["up", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// For a subcommand that talks to the server on this folder.
    pub(crate) fn client(data: &Path) -> Command {
        let mut command = plain(REFMILL);
        command.arg("--data-dir").arg(data);
        command
    }

    /// Starts it and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(&self, site: &Site) -> Server {
        self.try_start(site).unwrap_or_else(|said| panic!("refmill up ended at once: {said}"))
    }

    /// As [`Launch::start`]; where it ends before it is ready, what it said.
    pub(crate) fn try_start(&self, site: &Site) -> Result<Server, String> {
        let (out, errors) = site.next_streams();
        let child = self.command(&site.data()).stdout(create(&out)).stderr(create(&errors)).spawn();
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        let child = child.expect("refmill starts");
        let mut server = Server { child, address: unknown, metrics: unknown, outbox: site.outbox(), errors };
        let ready = eventually(STARTS_WITHIN, "refmill up is ready", || {
            let ended = server.has_ended();
            let said = read(&out);
            match (line(&said, "ready http://"), line(&said, "metrics http://")) {
                (Some(ready), Some(metrics)) => Ok(Some((ready, metrics))),
                _ if ended => Ok(None),
                _ => Err(format!("{said}{}", read(&server.errors))),
            }
        });
        (server.address, server.metrics) = ready.ok_or_else(|| read(&server.errors))?;
        Ok(server)
    }
}

impl Server {
    /// Over a connection of its own.
    #[track_caller]
    pub(crate) fn send(&self, request: &Request) -> Reply {
        let reply = Connection::open(self.address, request.source).and_then(|mut connection| connection.send(request));
        reply.unwrap_or_else(|error| panic!("no answer to {request:?}: {error}"))
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address, None).expect("connects")
    }

    /// What Prometheus would read.
    pub(crate) fn scrape(&self) -> String {
        let mut connection = Connection::open(self.metrics, None).expect("connects");
        connection.send(&Request::get("/metrics")).expect("answers").text()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What the process says of itself, in kB: `VmRSS`, `VmHWM`.
    pub(crate) fn memory_kb(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the process is there");
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let number = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        number.expect("a number of kB")
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.pid().to_string()]).status();
        assert!(sent.expect("kill runs").success(), "{name}");
    }

    /// Ends it as an operator would.
    pub(crate) fn stop(mut self) {
        self.signal("-TERM");
        let status = self.ended();
        assert!(status.success(), "{status}: {}", read(&self.errors));
    }

    /// Ends it without a word: no flush, no goodbye.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    pub(crate) fn ended(&mut self) -> ExitStatus {
        let child = &mut self.child;
        eventually(ENDS_WITHIN, "the process ends", || {
            child.try_wait().expect("a child").ok_or_else(|| "it runs".to_owned())
        })
    }

    fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = std::fs::read_to_string(&self.errors).unwrap_or_default();
            let last: Vec<&str> = said.lines().rev().take(40).collect();
            eprintln!("the server's last lines, newest first:\n{}", last.join("\n"));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
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

pub(crate) fn read(path: &Path) -> String {
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(path);
    opened.and_then(|mut file| file.read_to_end(&mut bytes)).expect("a readable file");
    String::from_utf8_lossy(&bytes).into_owned()
}

fn line(said: &str, start: &str) -> Option<SocketAddr> {
    let whole = said.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    whole.filter_map(|line| line.trim().strip_prefix(start)).find_map(|address| address.parse().ok())
}
