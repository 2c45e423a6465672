//! `bench` on contestants as they are: Refmill in one process, one that loses what it was given, and two that keep nothing.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

const BENCH: &str = env!("CARGO_BIN_EXE_bench");

/// Clicks, orders and refunds.
const A_DAY: &str = "run day --rate 200 --connections 8 --seconds 3 --warm-seconds 1 --idle-seconds 0";

/// A control starts and ends within it.
const CONTROL_WAIT_S: &str = "30";

#[test]
fn a_day_on_one_process_is_counted_again_and_holds() {
    let folder = TempDir::new().expect("a folder can be made");
    let (output, document) = measured(&folder, &format!("{A_DAY} --contestant refmill-embedded"));
    assert!(output.status.success(), "{output:?}");
    let run = &document["runs"][0];
    let audit = run["audit"].as_array().expect("it was counted again");
    assert!(audit.len() > 20 && audit.iter().all(|line| line["expected"] == line["found"]), "{audit:#?}");
    let after_us = |name: &str| {
        let stages = run["stages"].as_array().expect("stages");
        let stage = stages.iter().find(|stage| stage["name"] == name).unwrap_or_else(|| panic!("{name}: {stages:?}"));
        stage["after_us"].as_u64().expect("µs")
    };
    let stages = ["enqueued", "acknowledged", "posted", "queryable"].map(after_us);
    assert!(stages[0] > 0 && stages[..3].is_sorted() && stages[3] >= stages[0], "{stages:?}");
    let cost = &run["costs"][0];
    assert_eq!(cost["name"], "refmill");
    assert!(cost["cpu_ns"].as_u64() > Some(0) && cost["peak_memory_bytes"].as_u64() > Some(1 << 20), "{cost}");
    assert!(document["machine"]["versions"]["Refmill"].is_string(), "{document:#}");
}

#[test]
fn one_that_answers_and_keeps_nothing_does_not_add_up() {
    let folder = TempDir::new().expect("a folder can be made");
    let forgetful = program(&folder, FORGETFUL);
    let (output, document) = measured(&folder, &format!("{A_DAY} --contestant {forgetful}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    // One whose generator was late is discarded, and is none that has to add up.
    if document["runs"][0]["discarded"].is_null() {
        assert!(
            output.status.code() == Some(1) && errors.contains("this does not add up: refmill-embedded"),
            "{errors}"
        );
    }
    let audit = document["runs"][0]["audit"].as_array().expect("it was counted again");
    let lost = audit.iter().find(|line| line["what"] == "clicks acknowledged: once in facts").expect("clicks");
    assert!(lost["expected"].as_u64() > Some(0) && lost["found"] == 0, "{lost}");
}

#[test]
fn two_that_keep_nothing_are_compared_under_the_same_load() {
    let folder = TempDir::new().expect("a folder can be made");
    let (output, document) = measured(
        &folder,
        "compare control-epoll control-hyper --baseline control-hyper --rate 200 --connections 4 --requests-a-connection 3 \
         --run-id again --rounds 2 --seconds 1 --warm-seconds 1 --idle-seconds 0",
    );
    assert!(output.status.success(), "{output:?}");
    let rounds = document["comparisons"][0]["rounds"].as_array().expect("rounds");
    let runs: Vec<&Value> = rounds.iter().flat_map(|round| round.as_array().expect("a round")).collect();
    let names: Vec<&str> = runs.iter().filter_map(|run| run["target"]["name"].as_str()).collect();
    assert_eq!(names, ["control-epoll", "control-hyper", "control-hyper", "control-epoll"], "they take turns");
    for run in runs {
        assert_eq!(run["load"]["requests_a_connection"], 3);
        let answers = &run["answers"];
        assert_eq!((&answers["by_status"]["204"], &answers["failed"]), (&200.into(), &0.into()), "{run:#}");
        assert_eq!(
            run["stages"].as_array().map(Vec::len),
            Some(1),
            "of one that keeps nothing no more is claimed: {run:#}"
        );
    }
}

#[test]
fn a_control_ends_well_when_it_is_told_to() {
    for control in ["hyper", "epoll"] {
        // Where it does not end by itself it is killed, and so does not end well.
        let mut command = Command::new("timeout");
        command.args(["--kill-after=1", CONTROL_WAIT_S, BENCH, "control", control]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let mut ready = String::new();
        let stdout = child.stdout.take().expect("its output is piped");
        BufReader::new(stdout).read_line(&mut ready).expect("a line");
        assert!(ready.starts_with("ready http://"), "{control}: {ready}");
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process")).expect("a process");
        kill_process(pid, Signal::TERM).expect("it is there");
        assert!(child.wait().expect("it ends").success(), "{control}");
    }
}

/// Names as its stores a copy of them from before the first event.
const FORGETFUL: &str = r#"#!/usr/bin/env bash
real=REPOSITORY/bench/contestants/refmill-embedded/run
[[ $1 == start ]] || exec "$real" "$@"
exec "$real" "$@" > >(
    while read -r word rest; do
        [[ $word != sqlite ]] || { cp -r "$rest" "$2/copy" || exit 1; rest=$2/copy; }
        echo "$word $rest"
    done
)
"#;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it lies in a repository")
}

fn program(folder: &TempDir, text: &str) -> String {
    let program = folder.path().join("run");
    fs::write(&program, text.replace("REPOSITORY", &repository().display().to_string())).expect("it can be written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it can be made a program");
    program.display().to_string()
}

/// What `bench` said, and its document.
fn measured(folder: &TempDir, arguments: &str) -> (Output, Value) {
    let json = folder.path().join("out.json");
    let mut command = Command::new(BENCH);
    command.args(arguments.split_whitespace()).arg("--json").arg(&json).arg("--repository").arg(repository());
    let output = command.env("BENCH_REFMILL", refmill()).output().expect("it can be started");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let document = fs::read_to_string(json).unwrap_or_else(|error| panic!("no document, {error}: {said}"));
    (output, serde_json::from_str(&document).expect("a document"))
}

/// The program beside `bench`. All tests' build has made it; a build of `bench` alone has not.
fn refmill() -> PathBuf {
    let refmill = Path::new(BENCH).with_file_name("refmill");
    if !refmill.exists() {
        let built = Command::new(env!("CARGO")).args(["build", "-p", "refmill"]).current_dir(repository()).status();
        assert!(built.is_ok_and(|status| status.success()) && refmill.exists(), "there is no {}", refmill.display());
    }
    refmill
}
