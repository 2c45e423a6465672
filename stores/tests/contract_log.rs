//! What every log must do. Another variant only names itself in [`variants`].

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    future::Future,
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
    log::{Appended, Class, Clock, Log, LogLimits},
};
use tempfile::TempDir;
use tokio::sync::oneshot;

const DEPLOYMENT: DeploymentId = DeploymentId(7);

#[derive(Debug, Clone, Copy)]
enum Variant {
    Embedded,
}

fn variants() -> [Variant; 1] {
    [Variant::Embedded]
}

impl Variant {
    fn open(self, folder: &TempDir, limits: LogLimits, clock: Clock) -> Result<Log, OpenError> {
        match self {
            Variant::Embedded => Log::open(folder.path(), DEPLOYMENT, limits, clock),
        }
    }
}

fn open(variant: Variant, folder: &TempDir) -> Log {
    variant.open(folder, LogLimits::default(), Box::new(|| TimeMs(1_000))).unwrap()
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

async fn append(log: &Log, record: &[u8]) -> Result<Appended, StoreError> {
    log.enqueue(Class::Conversion, record.to_vec()).unwrap().await
}

fn at(offset: u64) -> Position {
    Position { partition: 0, offset }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_stand_in_the_order_they_came_in_and_stay_over_a_reopening() {
    for variant in variants() {
        let folder = TempDir::new().unwrap();
        let log = open(variant, &folder);
        assert_eq!(append(&log, b"a").await.unwrap().position, at(0));
        let many = log.enqueue_many(Class::Click, vec![b"b".to_vec(), b"c".to_vec()]).unwrap().await.unwrap();
        assert_eq!(many.iter().map(|appended| appended.position).collect::<Vec<_>>(), [at(1), at(2)]);
        assert!(log.enqueue_many(Class::Click, Vec::new()).unwrap().await.unwrap().is_empty());
        log.close().await;

        let log = open(variant, &folder);
        assert_eq!(log.end(), 3);
        assert_eq!(append(&log, b"d").await.unwrap().position, at(3));
        assert_eq!(*log.watch_end().borrow(), 4);
        let records = log.read(0, 0, 10).await.unwrap();
        assert_eq!(records.iter().map(|record| record.bytes.as_slice()).collect::<Vec<_>>(), [b"a", b"b", b"c", b"d"]);
        assert_eq!(
            records.iter().map(|record| record.position).collect::<Vec<_>>(),
            (0..4).map(at).collect::<Vec<_>>()
        );
        assert_eq!(log.read(0, 1, 2).await.unwrap(), records[1..3]);
        assert!(log.read(0, 4, 10).await.unwrap().is_empty());
        assert!(matches!(log.read(1, 0, 10).await, Err(StoreError::NoPartition(1))));
        log.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn append_times_never_fall_though_the_clock_does() {
    for variant in variants() {
        let folder = TempDir::new().unwrap();
        let times = Arc::new(AtomicI64::new(0));
        let open_at = |start: i64| {
            times.store(start, Ordering::SeqCst);
            let clock = times.clone();
            variant.open(&folder, LogLimits::default(), Box::new(move || TimeMs(clock.load(Ordering::SeqCst)))).unwrap()
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
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_committed_together() {
    for variant in variants() {
        let folder = TempDir::new().unwrap();
        let (gate, clock) = gated_clock();
        let log = variant.open(&folder, LogLimits::default(), clock).unwrap();
        let first = log.enqueue(Class::Click, b"first".to_vec()).unwrap();
        gate.reached.recv().unwrap();
        let rest: Vec<_> = (0..500).map(|_| log.enqueue(Class::Click, b"rest".to_vec()).unwrap()).collect();
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
}

const SHALLOW: LogLimits = LogLimits { click_depth: 4, conversion_depth: 6 };

/// With the writer stalled: clicks are refused first, conversions later, the process's own events last, batches whole.
fn check_shedding(mut enqueue: impl FnMut(Class, usize) -> bool) -> Result<(), &'static str> {
    let own_depth = SHALLOW.depth(Class::Own);
    for (class, count, taken, wrong) in [
        (Class::Click, 5, false, "a batch of clicks past their depth was taken"),
        (Class::Click, 4, true, "clicks up to their depth were refused"),
        (Class::Click, 1, false, "a click past its depth was taken"),
        (Class::Conversion, 3, false, "conversions past their depth were taken"),
        (Class::Conversion, 2, true, "conversions up to their depth were refused"),
        (Class::Conversion, 1, false, "a conversion past its depth was taken"),
        (Class::Own, own_depth - 6, true, "own events up to their depth were refused"),
        (Class::Own, 1, false, "own events past their depth were taken"),
        (Class::Click, 1, false, "a click past its depth was taken"),
    ] {
        if enqueue(class, count) != taken {
            return Err(wrong);
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn clicks_are_refused_first_then_conversions_then_our_own() {
    for variant in variants() {
        let folder = TempDir::new().unwrap();
        let (gate, clock) = gated_clock();
        let log = variant.open(&folder, SHALLOW, clock).unwrap();
        let mut waiting = Vec::new();
        check_shedding(|class, count| {
            let queued = log.enqueue_many(class, vec![b"x".to_vec(); count]);
            queued.map(|queued| waiting.push(queued)).is_ok()
        })
        .unwrap();
        drop(gate);
        let mut taken = 0;
        for queued in waiting {
            taken += queued.await.unwrap().len();
        }
        assert_eq!((taken, log.end()), (SHALLOW.depth(Class::Own), taken as u64), "nothing refused was written");
        assert!(log.enqueue_many(Class::Click, vec![b"x".to_vec(); 4]).unwrap().await.is_ok(), "room again");
        log.close().await;
    }
}

#[test]
fn control_a_queue_without_depths_is_caught() {
    let mut queue = Vec::new();
    let caught = check_shedding(|class, count| {
        queue.push((class, count));
        true
    });
    assert_eq!(caught, Err("a batch of clicks past their depth was taken"));
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
    for variant in variants() {
        let folder = TempDir::new().unwrap();
        let log = open(variant, &folder);
        for _ in 0..20 {
            let acknowledge = async { append(&log, b"x").await.unwrap().position };
            assert!(check_acknowledged(&folder.path().join("log.db"), acknowledge).await);
        }
        log.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn control_an_answer_before_the_commit_is_caught() {
    let folder = TempDir::new().unwrap();
    open(Variant::Embedded, &folder).close().await;
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
    let log = open(Variant::Embedded, &folder);
    for record in 0..50_u8 {
        append(&log, &[record]).await.unwrap();
    }
    log.publish(vec![(None, b"decided".to_vec())]).await.unwrap();
    let after_kill = TempDir::new().unwrap();
    for file in ["log.db", "log.db-wal"] {
        std::fs::copy(folder.path().join(file), after_kill.path().join(file)).unwrap();
    }
    let again = open(Variant::Embedded, &after_kill);
    let records = again.read(0, 0, 100).await.unwrap();
    assert_eq!(records.into_iter().map(|record| record.bytes[0]).collect::<Vec<_>>(), (0..50).collect::<Vec<_>>());
    log.close().await;
    again.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_cannot_be_written_is_nobodys_and_the_log_runs_on() {
    let folder = TempDir::new().unwrap();
    let log = open(Variant::Embedded, &folder);
    append(&log, b"before").await.unwrap();
    let outside = Connection::open(folder.path().join("log.db")).unwrap();
    outside
        .execute_batch("CREATE TRIGGER full BEFORE INSERT ON events WHEN NEW.record = x'ff' BEGIN SELECT RAISE(ABORT, 'disk full'); END")
        .unwrap();
    let batch = vec![b"lost".to_vec(), vec![0xff]];
    assert!(matches!(log.enqueue_many(Class::Own, batch).unwrap().await, Err(StoreError::NotAppended(_))));
    assert_eq!(log.end(), 1);
    assert_eq!(append(&log, b"after").await.unwrap().position, at(1));
    let bytes: Vec<_> = log.read(0, 0, 10).await.unwrap().into_iter().map(|record| record.bytes).collect();
    assert_eq!(bytes, [b"before".to_vec(), b"after".to_vec()]);
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_followed_from_now_on() {
    for variant in variants() {
        let folder = TempDir::new().unwrap();
        let log = open(variant, &folder);
        log.publish(vec![(None, b"earlier".to_vec())]).await.unwrap();
        let (mut one, mut two) = (log.follow_decisions(0), log.follow_decisions(0));
        assert!(futures_pending(one.next()), "waits, and a wait that is dropped loses nothing");
        log.publish(vec![(Some(3), b"a".to_vec()), (None, b"b".to_vec())]).await.unwrap();
        log.publish(vec![(None, b"c".to_vec())]).await.unwrap();
        for reader in [&mut one, &mut two] {
            assert_eq!(follow(reader, 3).await, [b"a", b"b", b"c"]);
        }
        log.close().await;
        assert!(matches!(one.next().await, Err(StoreError::Closed)));

        let log = open(variant, &folder);
        let mut reader = log.follow_decisions(0);
        log.publish(vec![(None, b"d".to_vec())]).await.unwrap();
        assert_eq!(follow(&mut reader, 1).await, [b"d"]);
        log.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_newest_decisions_are_kept() {
    const KEPT: u32 = 100_000;
    for variant in variants() {
        let folder = TempDir::new().unwrap();
        let log = open(variant, &folder);
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
}

async fn follow(reader: &mut stores::log::DecisionReader, count: usize) -> Vec<Vec<u8>> {
    let mut seen = Vec::new();
    while seen.len() < count {
        seen.extend(reader.next().await.unwrap());
    }
    seen
}

fn futures_pending(wait: impl Future) -> bool {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    std::pin::pin!(wait).poll(&mut context).is_pending()
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_writes_what_waits_and_answers_what_comes_after() {
    for variant in variants() {
        let folder = TempDir::new().unwrap();
        let (gate, clock) = gated_clock();
        let log = variant.open(&folder, LogLimits::default(), clock).unwrap();
        let waiting = log.enqueue(Class::Click, b"waits".to_vec()).unwrap();
        gate.reached.recv().unwrap();
        let also = log.enqueue(Class::Click, b"also".to_vec()).unwrap();
        let other_handle = log.clone();
        let closing = tokio::spawn(async move { other_handle.close().await });
        drop(gate);
        closing.await.unwrap();
        assert!(waiting.await.is_ok() && also.await.is_ok());
        assert!(matches!(log.enqueue(Class::Click, b"late".to_vec()).unwrap().await, Err(StoreError::Closed)));
        assert!(matches!(log.publish(vec![(None, Vec::new())]).await, Err(StoreError::Closed)));
        assert!(matches!(log.read(0, 0, 1).await, Err(StoreError::Closed)));
        log.close().await;
        let log = open(variant, &folder);
        assert_eq!(log.end(), 2);
        log.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_another_deployment_and_of_a_newer_version_are_refused() {
    let folder = TempDir::new().unwrap();
    open(Variant::Embedded, &folder).close().await;
    let open_as =
        |deployment| Log::open(folder.path(), deployment, LogLimits::default(), Box::new(|| TimeMs(0))).map(drop);
    assert!(matches!(open_as(DeploymentId(8)), Err(OpenError::Foreign { .. })));
    let outside = Connection::open(folder.path().join("log.db")).unwrap();
    outside
        .execute("INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES (99, 'later', '2030-01-01T00:00:00Z', '1')", [])
        .unwrap();
    assert!(matches!(open_as(DEPLOYMENT), Err(OpenError::Newer { .. })));
}
