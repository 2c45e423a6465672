use std::{fs, os::unix::fs::symlink, time::Instant};

use super::*;

const WAIT: Duration = Duration::from_secs(20);

/// What is done with the contestant, and what comes of it.
enum Then {
    FindFails(&'static str),
    StartFails(&'static str),
    CheckFails(&'static str),
    EndFails(&'static str),
    EndsWell,
}

fn limits(start_ms: u64, end_ms: u64) -> Limits {
    let (start, end) = (Duration::from_millis(start_ms), Duration::from_millis(end_ms));
    Limits { about: Duration::from_secs(5), install: WAIT, start, end }
}

fn places(repository: &Path) -> Places {
    Places { repository: repository.to_owned(), scratch: None, partitions: 3 }
}

/// A repository whose only contestant is called that.
fn repository(name: &str) -> tempfile::TempDir {
    let repository = tempfile::tempdir().expect("a folder");
    let folder = repository.path().join("bench/rivals").join(name);
    fs::create_dir_all(&folder).expect("a folder in it");
    let fake = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/contestant/fake.sh");
    symlink(fake, folder.join("run")).expect("a link to it");
    repository
}

fn is_gone(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with('Z'))
}

async fn await_gone(pid: u32, name: &str) {
    let began = Instant::now();
    while !is_gone(pid) {
        assert!(began.elapsed() < WAIT, "{name}: {pid} is still there");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn assert_says<T>(name: &str, result: anyhow::Result<T>, expected: &str) {
    let why = format!("{:#}", result.err().unwrap_or_else(|| panic!("{name} does not go well")));
    assert!(why.contains(expected), "{name}: {why}");
}

async fn check(name: &'static str, limits: Limits, then: Then) {
    let repository = repository(name);
    let found = Contestant::find(&places(repository.path()), name, limits).await;
    if let Then::FindFails(why) = then {
        return assert_says(name, found, why);
    }
    let contestant = found.expect(name);
    assert_eq!((contestant.about.name.as_str(), &contestant.about.needs[..]), (name, &[Need::Kafka3][..]));
    let started = contestant.start(repository.path(), 3, Some("here:9092")).await;
    if let Then::StartFails(why) = then {
        return assert_says(name, started, why);
    }
    let mut running = started.expect(name);
    let all: Vec<u32> = running.told.processes.iter().chain(&running.told.servers).map(|of| of.pid).collect();
    assert_eq!(running.told.codes, ["here:9092/3"], "{name}");
    match then {
        Then::CheckFails(why) => {
            let began = Instant::now();
            let mut checked = running.check();
            while checked.is_ok() && began.elapsed() < WAIT {
                tokio::time::sleep(Duration::from_millis(10)).await;
                checked = running.check();
            }
            assert_says(name, checked, why);
            drop(running);
        }
        Then::EndFails(why) => assert_says(name, running.end().await, why),
        _ => {
            running.check().expect(name);
            running.end().await.expect(name);
        }
    }
    for pid in all {
        await_gone(pid, name).await;
    }
}

#[tokio::test]
async fn a_contestant_starts_and_ends_or_it_is_said_why_not() {
    check("good", limits(20_000, 20_000), Then::EndsWell).await;
    check("talking", limits(20_000, 20_000), Then::EndsWell).await;
    check("late", limits(200, 20_000), Then::StartFails("not ready within")).await;
    check("broken", limits(20_000, 20_000), Then::StartFails("no port is free")).await;
    check("chatting", limits(20_000, 20_000), Then::StartFails("no line of the protocol")).await;
    check("deaf", limits(20_000, 200), Then::EndFails("was killed")).await;
    check("short", limits(20_000, 20_000), Then::CheckFails("ended by itself")).await;
    check("leaving", limits(20_000, 20_000), Then::CheckFails("ended by itself")).await;
    check("mistaken", limits(20_000, 20_000), Then::CheckFails("its process other ended by itself")).await;
    check("silent", limits(20_000, 20_000), Then::FindFails("did not end")).await;
    check("mute", limits(20_000, 20_000), Then::FindFails("failed")).await;
    check("babbling", limits(20_000, 20_000), Then::FindFails("no line of the protocol")).await;
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let repository = repository("good");
    for (name, why) in [("better", "no contestant is called better"), ("/nowhere/run", "there is no /nowhere/run")] {
        assert_says(name, Contestant::find(&places(repository.path()), name, Limits::default()).await, why);
    }
}

#[tokio::test]
async fn an_install_that_fails_is_an_error() {
    for (name, goes_well) in [("good", true), ("uninstallable", false)] {
        let repository = repository(name);
        let contestant = Contestant::find(&places(repository.path()), name, Limits::default()).await.expect(name);
        assert_eq!(contestant.install().await.is_ok(), goes_well, "{name}");
    }
}

/// The kernel tells a child when the thread that started it is gone.
#[tokio::test]
async fn a_contestant_ends_with_who_started_it() {
    let repository = repository("good");
    let path = repository.path().to_owned();
    let starter = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let contestant = Contestant::find(&places(&path), "good", Limits::default()).await.expect("it is there");
            let running = contestant.start(&path, 3, None).await.expect("it starts");
            let pid = running.told.processes[0].pid;
            // Nobody ends it, as nobody would after a `kill -9`.
            std::mem::forget(running);
            pid
        })
    });
    let pid = starter.join().expect("it starts");
    await_gone(pid, "good").await;
}
