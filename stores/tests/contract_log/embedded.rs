//! What only files can show.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use rusqlite::{Connection, OpenFlags};
use schemas::{ids::Position, time::TimeMs};
use stores::{
    DeploymentId, OpenError, StoreError,
    log::{Class, Clock, Log, LogLimits},
};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::{
    appending::{SHALLOW, check_shedding},
    decisions::follow,
    place::{DEPLOYMENT, append, at, end},
};

fn open_with(folder: &TempDir, limits: LogLimits, clock: Clock) -> Log {
    Log::open(folder.path(), DEPLOYMENT, limits, clock).unwrap()
}

fn open(folder: &TempDir) -> Log {
    open_with(folder, LogLimits::default(), Box::new(|| TimeMs(1_000)))
}

/// A clock that stands at its gate until it is let through, and counts how often it was asked.
struct Gate {
    asked: Arc<AtomicUsize>,
    pass: mpsc::SyncSender<()>,
    reached: mpsc::Receiver<()>,
}

/// More groups than any test here commits.
const GATES: usize = 1_024;

fn gated_clock() -> (Gate, Clock) {
    let (pass, wait) = mpsc::sync_channel(GATES);
    let (arrive, reached) = mpsc::sync_channel(GATES);
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let clock = Box::new(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        let _ = arrive.send(());
        let _ = wait.recv();
        TimeMs(1_000)
    });
    (Gate { asked, pass, reached }, clock)
}

#[tokio::test(flavor = "multi_thread")]
async fn append_times_never_fall_though_the_clock_does() {
    let folder = TempDir::new().unwrap();
    let times = Arc::new(AtomicI64::new(0));
    let open_at = |start: i64| {
        times.store(start, Ordering::SeqCst);
        let clock = times.clone();
        open_with(&folder, LogLimits::default(), Box::new(move || TimeMs(clock.load(Ordering::SeqCst))))
    };
    let mut seen = Vec::new();
    let log = open_at(5_000);
    for now in [5_000, 6_000, 4_000, 7_000] {
        times.store(now, Ordering::SeqCst);
        seen.push(append(&log, b"x").await.unwrap().appended_at);
    }
    log.close().await;
    let log = open_at(1_000);
    seen.push(append(&log, b"x").await.unwrap().appended_at);
    assert_eq!(seen, [5_000, 6_000, 6_000, 7_000, 7_000].map(TimeMs));
    let stored: Vec<_> = log.read(0, 0, 10).await.unwrap().into_iter().map(|record| record.appended_at).collect();
    assert_eq!(stored, seen);
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_committed_together() {
    let folder = TempDir::new().unwrap();
    let (gate, clock) = gated_clock();
    let log = open_with(&folder, LogLimits::default(), clock);
    let first = log.enqueue(0, Class::Click, b"first".to_vec()).unwrap();
    gate.reached.recv().unwrap();
    let rest: Vec<_> = (0..500).map(|_| log.enqueue(0, Class::Click, b"rest".to_vec()).unwrap()).collect();
    gate.pass.send(()).unwrap();
    gate.pass.send(()).unwrap();
    assert_eq!(first.await.unwrap().position, at(0));
    for (waiting, offset) in rest.into_iter().zip(1..) {
        assert_eq!(waiting.await.unwrap().position, at(offset));
    }
    assert_eq!(gate.asked.load(Ordering::SeqCst), 2, "groups");
    drop(gate);
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clicks_are_refused_first_then_conversions_then_our_own() {
    let folder = TempDir::new().unwrap();
    let (gate, clock) = gated_clock();
    let log = open_with(&folder, SHALLOW, clock);
    let mut waiting = Vec::new();
    check_shedding(|class, count| {
        let queued = log.enqueue_many(class, vec![(0, b"x".to_vec()); count]);
        queued.map(|queued| waiting.push((count, queued))).is_ok()
    })
    .unwrap();
    drop(gate);
    let mut taken = 0;
    for (count, queued) in waiting {
        queued.await.unwrap();
        taken += count;
    }
    assert_eq!((taken, end(&log).await), (SHALLOW.depth(Class::Own), taken as u64), "nothing refused was written");
    assert!(log.enqueue_many(Class::Click, vec![(0, b"x".to_vec()); 4]).unwrap().await.is_ok(), "room again");
    log.close().await;
}

/// Looks for the event from outside at the moment that it is acknowledged.
async fn check_acknowledged<F: Future<Output = Position>>(file: &Path, acknowledge: F) -> bool {
    let position = acknowledge.await;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let outside = Connection::open_with_flags(file, flags).unwrap();
    let mut found = outside.prepare("SELECT 1 FROM events WHERE offset = ?1").unwrap();
    found.exists([position.offset.cast_signed()]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_is_committed() {
    let folder = TempDir::new().unwrap();
    let log = open(&folder);
    for _ in 0..20 {
        let acknowledge = async { append(&log, b"x").await.unwrap().position };
        assert!(check_acknowledged(&folder.path().join("log.db"), acknowledge).await);
    }
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn control_an_answer_before_the_commit_is_caught() {
    let folder = TempDir::new().unwrap();
    open(&folder).close().await;
    let file = folder.path().join("log.db");
    let (answer, answered) = oneshot::channel();
    let (looked, wait) = mpsc::sync_channel(1);
    let mut connection = Connection::open(&file).unwrap();
    let hasty = thread::spawn(move || {
        let transaction = connection.transaction().unwrap();
        transaction.execute("INSERT INTO events (offset, appended_at_ms, record) VALUES (0, 1, x'00')", []).unwrap();
        answer.send(at(0)).unwrap();
        wait.recv().unwrap();
        transaction.commit().unwrap();
    });
    let acknowledge = async { answered.await.unwrap() };
    assert!(!check_acknowledged(&file, acknowledge).await);
    looked.send(()).unwrap();
    hasty.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_outlives_the_process() {
    let folder = TempDir::new().unwrap();
    let log = open(&folder);
    for record in 0..50_u8 {
        append(&log, &[record]).await.unwrap();
    }
    log.publish(vec![(None, b"decided".to_vec())]).await.unwrap();
    let after_kill = TempDir::new().unwrap();
    for file in ["log.db", "log.db-wal"] {
        std::fs::copy(folder.path().join(file), after_kill.path().join(file)).unwrap();
    }
    let again = open(&after_kill);
    let records = again.read(0, 0, 100).await.unwrap();
    assert_eq!(records.into_iter().map(|record| record.bytes[0]).collect::<Vec<_>>(), (0..50).collect::<Vec<_>>());
    log.close().await;
    again.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_cannot_be_written_is_nobodys_and_the_log_runs_on() {
    let folder = TempDir::new().unwrap();
    let log = open(&folder);
    append(&log, b"before").await.unwrap();
    let outside = Connection::open(folder.path().join("log.db")).unwrap();
    outside
        .execute_batch("CREATE TRIGGER full BEFORE INSERT ON events WHEN NEW.record = x'ff' BEGIN SELECT RAISE(ABORT, 'disk full'); END")
        .unwrap();
    let batch = vec![(0, b"lost".to_vec()), (0, vec![0xff])];
    assert!(matches!(log.enqueue_many(Class::Own, batch).unwrap().await, Err(StoreError::NotAppended(_))));
    assert_eq!(end(&log).await, 1);
    assert_eq!(append(&log, b"after").await.unwrap().position, at(1));
    let bytes: Vec<_> = log.read(0, 0, 10).await.unwrap().into_iter().map(|record| record.bytes).collect();
    assert_eq!(bytes, [b"before".to_vec(), b"after".to_vec()]);
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_newest_decisions_are_kept() {
    const KEPT: u32 = 100_000;
    let folder = TempDir::new().unwrap();
    let log = open(&folder);
    let mut slow = log.follow_decisions(0);
    let surplus = 500;
    for chunk in (0..KEPT + surplus).collect::<Vec<_>>().chunks(10_000) {
        log.publish(chunk.iter().map(|n| (None, n.to_be_bytes().to_vec())).collect()).await.unwrap();
    }
    let seen = follow(&mut slow, KEPT as usize).await;
    assert_eq!(seen.first().unwrap(), &surplus.to_be_bytes());
    assert_eq!(seen.last().unwrap(), &(KEPT + surplus - 1).to_be_bytes());
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_writes_what_waits_and_answers_what_comes_after() {
    let folder = TempDir::new().unwrap();
    let (gate, clock) = gated_clock();
    let log = open_with(&folder, LogLimits::default(), clock);
    let waiting = log.enqueue(0, Class::Click, b"waits".to_vec()).unwrap();
    gate.reached.recv().unwrap();
    let also = log.enqueue(0, Class::Click, b"also".to_vec()).unwrap();
    let other_handle = log.clone();
    let closing = tokio::spawn(async move { other_handle.close().await });
    drop(gate);
    closing.await.unwrap();
    assert!(waiting.await.is_ok() && also.await.is_ok());
    assert!(matches!(log.enqueue(0, Class::Click, b"late".to_vec()).unwrap().await, Err(StoreError::Closed)));
    assert!(matches!(log.publish(vec![(None, Vec::new())]).await, Err(StoreError::Closed)));
    assert!(matches!(log.read(0, 0, 1).await, Err(StoreError::Closed)));
    log.close().await;
    let log = open(&folder);
    assert_eq!(end(&log).await, 2);
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_another_deployment_and_of_a_newer_version_are_refused() {
    let folder = TempDir::new().unwrap();
    open(&folder).close().await;
    let open_as =
        |deployment| Log::open(folder.path(), deployment, LogLimits::default(), Box::new(|| TimeMs(0))).map(drop);
    assert!(matches!(open_as(DeploymentId(8)), Err(OpenError::Foreign { .. })));
    let outside = Connection::open(folder.path().join("log.db")).unwrap();
    outside
        .execute("INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES (99, 'later', '2030-01-01T00:00:00Z', '1')", [])
        .unwrap();
    assert!(matches!(open_as(DEPLOYMENT), Err(OpenError::Newer { .. })));
}

/// A commit is in the file a moment before its end is told: a reader that went past that end would take the log for cut.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_never_runs_ahead_of_the_end() {
    const EVENTS: u64 = 3_000;
    let folder = TempDir::new().unwrap();
    let log = open(&folder);
    let mut reader = log.events(0, 0, TimeMs(0));
    let reading = tokio::spawn(async move {
        let mut next = 0;
        while next < EVENTS {
            reader.ready().await.unwrap();
            next += reader.take(7).await.unwrap().len() as u64;
        }
    });
    for _ in 0..EVENTS {
        append(&log, b"event").await.unwrap();
    }
    tokio::time::timeout(std::time::Duration::from_secs(60), reading).await.unwrap().unwrap();
    log.close().await;
}
