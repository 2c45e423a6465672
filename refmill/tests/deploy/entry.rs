//! The one port: what is the edge's goes to edges, the rest to the API.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::source::{read, root};

const ENTRY: &str = "deploy/entry.conf";

#[test]
fn the_entry_is_understood() {
    let checked = Command::new("haproxy").args(["-c", "-f"]).arg(root().join(ENTRY)).output();
    let checked = checked.expect("haproxy is there: ./scripts/test installs it");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

/// The paths, and what paths begin with, that go to edges.
fn of_edges(entry: &str) -> BTreeSet<&str> {
    let acls = entry.lines().filter_map(|line| line.trim().strip_prefix("acl is_edges "));
    acls.flat_map(|acl| acl.split_whitespace().skip(1)).collect()
}

#[test]
fn edges_get_what_they_answer() {
    let entry = read(ENTRY);
    let paths = of_edges(&entry);
    assert_eq!(paths, ["/track/", "/r/", "/postback"].into());
    for (path, is_edges) in [
        ("/track/click", true),
        ("/r/ADA10", true),
        ("/postback", true),
        ("/", false),
        ("/companies/dashboard", false),
        ("/readyz", false),
        ("/postbacks", false),
    ] {
        assert_eq!(ingest::edge::owns(path), is_edges, "{path}");
        let goes = paths.iter().any(|at| *at == path || at.ends_with('/') && path.starts_with(at));
        assert_eq!(goes, is_edges, "{path}");
    }
}

#[test]
fn who_asks_is_passed_on_and_not_logged() {
    let entry = read(ENTRY);
    let lines: Vec<&str> = entry.lines().map(str::trim).collect();
    assert!(lines.contains(&"option forwardfor"));
    let logs =
        |line: &&str| line.starts_with("option httplog") || line.starts_with("log-format") || *line == "log global";
    assert!(!lines.iter().any(logs), "a request's line holds its address");
}

const READY_WITHIN: Duration = Duration::from_secs(30);
/// What HAProxy says on standard error.
const SAID: &str = "said";
const PAUSE: Duration = Duration::from_millis(50);

/// Answers each request with its name and whom the request is said to be from; a role behind the entry.
fn role(name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
                head.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&head).to_lowercase();
            let from: Vec<&str> = head.lines().filter_map(|line| line.strip_prefix("x-forwarded-for: ")).collect();
            let body = format!("{name} for {}", from.join(","));
            let length = body.len();
            let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
        }
    });
    address
}

/// A port that nobody listens on for the moment.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port")
}

/// The entry with other addresses and quicker checks. It ends with this.
struct Entry {
    child: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Entry {
    fn start(edges: SocketAddr, api: SocketAddr) -> Entry {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, address) = (folder.path().join("entry.conf"), free());
        let line = |line: &str| match line.trim() {
            line if line.starts_with("maxconn ") => "maxconn 100".to_owned(),
            "bind :8080" => format!("bind {address}"),
            line if line.starts_with("server-template edge") => format!("server edge {edges} check inter 100ms"),
            line if line.starts_with("server-template api") => format!("server api {api} check inter 100ms"),
            line => line.to_owned(),
        };
        let changed: Vec<String> = read(ENTRY).lines().map(line).collect();
        std::fs::write(&file, changed.join("\n") + "\n").expect("a file");
        let said = std::fs::File::create(folder.path().join(SAID)).expect("a file");
        let mut haproxy = Command::new("haproxy");
        haproxy.args(["-db", "-f"]).arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
        Entry { child: haproxy.spawn().expect("haproxy is there"), address, folder }
    }

    fn ask(&self, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(READY_WITHIN))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.9\r\nConnection: close\r\n\r\n")?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply)?;
        Ok(reply)
    }

    /// Asks until the answer holds this: an entry that starts has not looked at its servers yet.
    #[track_caller]
    fn answers(&self, path: &str, part: &str) -> String {
        let began = Instant::now();
        loop {
            let reply = self.ask(path).unwrap_or_else(|error| error.to_string());
            if reply.contains(part) {
                return reply;
            }
            let said = std::fs::read_to_string(self.folder.path().join(SAID)).expect("a readable file");
            assert!(began.elapsed() < READY_WITHIN, "{path}: {part} is not in {reply}\n{said}");
            std::thread::sleep(PAUSE);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn requests_reach_who_answers_them() {
    let entry = Entry::start(role("edge"), role("api"));
    for (path, name) in
        [("/track/click", "edge"), ("/r/ADA10", "edge"), ("/postback?key=k", "edge"), ("/readyz", "api")]
    {
        // The last is the entry's own word, and the one that counts.
        let reply = entry.answers(path, &format!("{name} for "));
        assert!(reply.ends_with("127.0.0.1"), "{reply}");
    }
}

#[test]
fn what_nobody_can_take_is_refused_as_the_roles_do() {
    let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
    let entry = Entry::start(nobody, role("api"));
    let reply = entry.answers("/track/click", "HTTP/1.1 503");
    for part in
        ["retry-after: 1", "content-type: application/json", r#"{"success":false,"error":{"code":"UNAVAILABLE""#]
    {
        assert!(reply.to_lowercase().contains(&part.to_lowercase()), "{part} is not in {reply}");
    }
    entry.answers("/programs", "api for ");
}
