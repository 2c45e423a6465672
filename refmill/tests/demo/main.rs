//! `refmill demo` against `refmill up`, both as processes.

mod place;
mod running;
mod shapes;

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Output, Stdio};

use crate::running::{Counts, Running, play, refmill};

/// What a repeated run may add to.
const REPEATED: [&str; 3] = ["duplicate", "refused", "edgeRefused"];
/// GETs of the slice.
const CLICKS: i64 = 1_494;
const INVOICES: i64 = 60;

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
    let server = Running::start(&data, &[]);
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
    let code = &server.kept["affiliates"][0]["codes"][0];
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
    let kept = "base_url = \"http://127.0.0.1:1\"\ncompany_id = \"cmp_0\"\ncompany_email = \"a@example.com\"\n\
         secret_key = \"sk_live_0\"\npublishable_key = \"pk_live_0\"\n\
         [[affiliates]]\nemail = \"b@example.com\"\nid = \"aff_0\"\ncodes = [\"abc\"]\n";
    std::fs::write(site.path().join("demo.toml"), kept).expect("a file");
    check(&[], "start `refmill up` first");
    check(&["--server", "https://refmill.example"], "is no http:// URL");
    check(&["--access-log", "no/such.log"], "no/such.log (--access-log)");
    check(&["--orders", "no/such.csv"], "no/such.csv (--orders)");
}
