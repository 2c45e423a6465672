//! `refmill demo` against `refmill up`, both as processes.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// Counts by kind of event and outcome.
type Counts = BTreeMap<(String, String), i64>;

/// What a repeated run may add to.
const REPEATED: [&str; 3] = ["duplicate", "refused", "edgeRefused"];
/// GETs of the slice.
const CLICKS: i64 = 1_494;
const INVOICES: i64 = 60;

struct Running {
    child: Child,
    address: String,
    key: String,
}

impl Running {
    fn start(data: &Path) -> Self {
        let listen = ["up", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
        let mut command = refmill(data);
        command.args(listen).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("refmill starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let address =
            lines.find_map(|line| line.strip_prefix("ready http://").map(str::to_owned)).expect("a ready line");
        // What comes after it is read to its end, so that the process never writes into a closed pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let kept = std::fs::read_to_string(data.join("demo.toml")).expect("the demo's keys");
        let kept: toml::Table = kept.parse().expect("TOML");
        let key = kept["secret_key"].as_str().expect("a key").to_owned();
        Self { child, address, key }
    }

    fn send(&self, head: &str, body: &str) -> Value {
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

    fn outcomes(&self) -> Counts {
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
    fn seen(&self) -> [Value; 3] {
        ["GET /companies/dashboard", "GET /balances", "GET /companies/ledger"].map(|path| self.send(path, ""))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn refmill(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_refmill"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("REFMILL_")) {
        command.env_remove(name);
    }
    command.arg("--data-dir").arg(data).stdin(Stdio::null());
    command
}

/// Plays the slices against the server that the folder's `demo.toml` names.
fn play(data: &Path) -> Command {
    let mut command = refmill(data);
    command.arg("demo");
    command
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The number in a row of the closing table, by its place from the end.
fn cell(said: &str, kind: &str, from_end: usize) -> i64 {
    let row = said.lines().find(|line| line.contains(&format!(" {kind} "))).expect("a row");
    let cells: Vec<&str> = row.split(['│', '┆']).map(str::trim).filter(|cell| !cell.is_empty()).collect();
    cells[cells.len() - from_end].replace(',', "").parse().expect("a number")
}

fn of(counts: &Counts, kind: &str, outcomes: &[&str]) -> i64 {
    let wanted = |(of, outcome): &(String, String)| of == kind && outcomes.contains(&outcome.as_str());
    counts.iter().filter(|(key, _)| wanted(key)).map(|(_, count)| count).sum()
}

fn all(counts: &Counts, kind: &str) -> i64 {
    counts.iter().filter(|((of, _), _)| of == kind).map(|(_, count)| count).sum()
}

/// Which other counts than those of duplicates and refusals have changed.
fn changed(before: &Counts, after: &Counts) -> Vec<String> {
    let differs = |key: &&(String, String)| before.get(*key) != after.get(*key) && !REPEATED.contains(&key.1.as_str());
    after.keys().filter(differs).map(|(kind, outcome)| format!("{kind} {outcome}")).collect()
}

#[test]
fn a_second_run_changes_nothing_but_duplicates_and_refusals() {
    let site = tempfile::tempdir().expect("a folder");
    let data = site.path().join("data");
    let server = Running::start(&data);
    let nothing = server.outcomes();

    let output = play(&data).output().expect("the demo runs");
    let first = server.outcomes();
    let words = said(&output);
    assert!(output.status.success(), "{words}");
    assert!(words.contains('✓') && !words.contains('✗'), "{words}");
    let unknown = cell(&words, "click", 2);
    assert!((CLICKS / 20..CLICKS / 4).contains(&unknown), "some clicks name nobody's code: {words}");
    assert_eq!(all(&first, "click") + unknown, CLICKS, "{words}");
    let twice = of(&first, "sale", &["duplicate"]);
    assert!(twice > 0, "some sales were sent twice: {words}");
    assert_eq!(of(&first, "sale", &["attributed", "unattributed"]), INVOICES, "{words}");
    assert_eq!(all(&first, "sale"), INVOICES + twice, "{words}");
    for (kind, outcome) in [("click", "counted"), ("click", "bot"), ("sale", "unattributed"), ("refund", "applied")] {
        assert!(of(&first, kind, &[outcome]) > 0, "{kind} {outcome}: {words}");
    }
    assert!(!changed(&nothing, &first).is_empty(), "a first run is no repeated one");

    let seen = server.seen();
    let output = play(&data).output().expect("the demo runs");
    let second = server.outcomes();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(changed(&first, &second), Vec::<String>::new());
    for kind in ["click", "sale", "refund"] {
        assert_eq!(all(&second, kind), 2 * all(&first, kind), "{kind}: everything was sent again");
    }
    assert_eq!(seen, server.seen(), "no number that people see has changed");

    a_click_of_somebody_else_is_noticed(&data, &server);
}

/// The control: one event that the demo did not send, and its sums are wrong.
fn a_click_of_somebody_else_is_noticed(data: &Path, server: &Running) {
    let mut demo = play(data).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the demo runs");
    let mut out = BufReader::new(demo.stdout.take().expect("piped"));
    let mut line = String::new();
    out.read_line(&mut line).expect("it says that it starts");
    let kept = std::fs::read_to_string(data.join("demo.toml")).expect("the demo's keys");
    let kept: toml::Table = kept.parse().expect("TOML");
    let code = &kept["affiliates"][0]["codes"][0];
    server.send("POST /track/click", &format!(r#"{{"code":{code},"landingPage":"https://demo-store.example/"}}"#));
    out.read_to_string(&mut line).expect("the table");
    let output = demo.wait_with_output().expect("it ends");
    let words = format!("{line}{}", said(&output));
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains('✗') && words.contains("do not add up"), "{words}");
}

#[test]
fn what_is_missing_is_said() {
    let site = tempfile::tempdir().expect("a folder");
    let check = |args: &[&str], part: &str| {
        let output = refmill(site.path()).arg("demo").args(args).output().expect("the demo runs");
        let words = said(&output);
        assert_eq!(output.status.code(), Some(1), "{words}");
        assert!(words.contains(part), "{part} is not in {words}");
    };
    check(&[], "start `refmill up`");
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let kept = format!(
        "base_url = \"http://{free}\"\ncompany_id = \"cmp_0\"\ncompany_email = \"a@example.com\"\n\
         secret_key = \"sk_live_0\"\npublishable_key = \"pk_live_0\"\n\
         [[affiliates]]\nemail = \"b@example.com\"\nid = \"aff_0\"\ncodes = [\"abc\"]\n"
    );
    std::fs::write(site.path().join("demo.toml"), kept).expect("a file");
    check(&[], "start `refmill up` first");
    check(&["--server", "https://refmill.example"], "is no http:// URL");
    check(&["--access-log", "no/such.log"], "no/such.log (--access-log)");
    check(&["--orders", "no/such.csv"], "no/such.csv (--orders)");
}
