//! A spool in a folder of its own, and a log that does what a test says.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use schemas::time::TimeMs;
use stores::{
    StoreError,
    log::{Class, Health, LogLimits, QueueFull},
};
use tempfile::TempDir;
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    append::{Taken, to_either},
    refusal::EdgeRefusal,
    spool::{Drain, Spool, SpoolConfig, State, record::Spooled},
};

/// For whatever a test waits for.
pub(super) const WAIT: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(2);

pub(super) const PARTITION: u32 = 3;

pub(super) fn now() -> TimeMs {
    TimeMs(1_781_431_200_000)
}

pub(super) fn config(folder: &Path) -> SpoolConfig {
    SpoolConfig { folder: folder.to_owned(), bytes_max: 64 << 20, free_bytes_min: 0, limits: LogLimits::default() }
}

pub(super) fn folder() -> TempDir {
    TempDir::new().expect("a folder")
}

/// The record of this number, as the log gets it out of the spool.
pub(super) fn marked(number: usize) -> Vec<u8> {
    let mut record = record(number);
    schemas::wire::mark_resent(&mut record);
    record
}

/// Each of another length.
pub(super) fn record(number: usize) -> Vec<u8> {
    let mut record = format!("record {number} ").into_bytes();
    record.resize(record.len() + number * 7 % 61, b'x');
    record
}

/// What has come to the log, copies too, in order.
#[derive(Clone, Default)]
pub(super) struct Arrived(Arc<Mutex<Vec<Vec<u8>>>>);

impl Arrived {
    pub(super) fn add(&self, record: &Spooled) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(record.bytes.clone());
    }

    pub(super) fn all(&self) -> Vec<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Each once, where it came first.
    pub(super) fn once(&self) -> Vec<Vec<u8>> {
        let mut seen = std::collections::HashSet::new();
        self.all().into_iter().filter(|record| seen.insert(record.clone())).collect()
    }
}

/// A spool and its drain at work.
pub(super) struct Running {
    pub(super) spool: Spool,
    pub(super) health: watch::Sender<Health>,
    pub(super) arrived: Arrived,
    pub(super) draining: JoinHandle<()>,
}

impl Running {
    /// With a log that takes everything, whenever it is there.
    pub(super) fn start(config: SpoolConfig, health: Health) -> Running {
        Running::of(Spool::open(config, now).expect("it opens"), health)
    }

    pub(super) fn of((spool, drain): (Spool, Drain), health: Health) -> Running {
        let arrived = Arrived::default();
        let taking = arrived.clone();
        let append = move |record: &Spooled| {
            taking.add(record);
            Ok(std::future::ready(Ok(())))
        };
        Running::with(spool, drain, health, arrived, append)
    }

    pub(super) fn with<F>(
        spool: Spool,
        drain: Drain,
        health: Health,
        arrived: Arrived,
        append: impl Fn(&Spooled) -> Result<F, QueueFull> + Send + Sync + 'static,
    ) -> Running
    where
        F: Future<Output = Result<(), StoreError>> + Send + 'static,
    {
        let (health, watched) = watch::channel(health);
        let draining = tokio::spawn(async move { drain.run_on(watched, append, || {}).await });
        Running { spool, health, arrived, draining }
    }

    pub(super) async fn away(&self) {
        self.health.send_replace(Health::Away);
        until("it turns to the spool", || self.spool.state() == State::Spooling).await;
    }

    pub(super) async fn back(&self) {
        self.health.send_replace(Health::Well);
        until("it turns back", || self.spool.state() == State::Direct).await;
    }

    /// Hands in, in this order and each on its own; all must be taken by the spool.
    pub(super) async fn put(&self, numbers: std::ops::Range<usize>) {
        for number in numbers {
            assert_eq!(put(&self.spool, Class::Click, record(number)).await, Ok(Taken::Spool), "{number}");
        }
    }

    pub(super) async fn stop(self) {
        self.spool.close().await;
        tokio::time::timeout(WAIT, self.draining).await.expect("it ends").expect("it does not panic");
    }
}

/// Hands a record in where the log must not be asked.
pub(super) async fn put(spool: &Spool, class: Class, record: Vec<u8>) -> Result<Taken, EdgeRefusal> {
    let none = || -> Result<std::future::Ready<Result<(), StoreError>>, QueueFull> { panic!("the log was asked") };
    to_either(spool, class, &[(PARTITION, record)], none).await
}

pub(super) async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(LOOK).await;
        }
    };
    assert!(tokio::time::timeout(WAIT, waiting).await.is_ok(), "{what}");
}

/// The folder as a crash at this moment leaves it to the next process.
pub(super) fn crashed(folder: &Path) -> TempDir {
    let copy = self::folder();
    for entry in fs::read_dir(folder).expect("the folder") {
        let entry = entry.expect("a file");
        fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("a copy");
    }
    copy
}

/// All that a next process finds and sends.
pub(super) async fn sent_after(folder: &Path) -> Vec<Vec<u8>> {
    let running = Running::start(config(folder), Health::Well);
    until("all is sent", || running.spool.state() == State::Direct).await;
    let arrived = running.arrived.all();
    running.stop().await;
    arrived
}

/// The segment files, in order.
pub(super) fn segments(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "segment"));
    files.sort();
    files
}
