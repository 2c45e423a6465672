//! A running `refmill up`, and what it says of itself.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// Counts by kind of event and outcome.
pub(crate) type Counts = BTreeMap<(String, String), i64>;

pub(crate) struct Running {
    child: Child,
    pub(crate) address: String,
    key: String,
    /// The demo's keys and links.
    pub(crate) kept: toml::Table,
}

impl Running {
    /// `refmill up` with these flags too.
    pub(crate) fn start(data: &Path, flags: &[String]) -> Self {
        let listen = ["up", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
        let mut command = refmill(data);
        command.args(listen).args(flags).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("refmill starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let address =
            lines.find_map(|line| line.strip_prefix("ready http://").map(str::to_owned)).expect("a ready line");
        // What comes after it is read to its end, so that the process never writes into a closed pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let kept = std::fs::read_to_string(data.join("demo.toml")).expect("the demo's keys");
        let kept: toml::Table = kept.parse().expect("TOML");
        let key = kept["secret_key"].as_str().expect("a key").to_owned();
        Self { child, address, key, kept }
    }

    pub(crate) fn send(&self, head: &str, body: &str) -> Value {
        let mut stream = TcpStream::connect(&self.address).expect("connects");
        let (host, length, key) = (&self.address, body.len(), &self.key);
        let request = format!(
            "{head} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nx-api-key: {key}\r\n\
             User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).expect("sends");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("reads");
        let (head, body) = reply.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 200"), "{reply}");
        let mut answer: Value = serde_json::from_str(body).expect("JSON");
        answer["data"].take()
    }

    pub(crate) fn outcomes(&self) -> Counts {
        let data = self.send("GET /companies/outcomes", "");
        let mut counts = Counts::new();
        for row in data["totals"].as_array().expect("a list") {
            let kind = row["kind"].as_str().expect("a kind");
            for (outcome, count) in row.as_object().expect("an object") {
                if let Some(count) = count.as_i64().filter(|_| outcome != "total") {
                    counts.insert((kind.to_owned(), outcome.clone()), count);
                }
            }
        }
        counts
    }

    /// What people see, but for the counts.
    pub(crate) fn seen(&self) -> [Value; 3] {
        ["GET /companies/dashboard", "GET /balances", "GET /companies/ledger"].map(|path| self.send(path, ""))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn refmill(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_refmill"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("REFMILL_")) {
        command.env_remove(name);
    }
    command.arg("--data-dir").arg(data).stdin(Stdio::null());
    command
}

/// Plays the slices against the server that the folder's `demo.toml` names.
pub(crate) fn play(data: &Path) -> Command {
    let mut command = refmill(data);
    command.arg("demo");
    command
}
