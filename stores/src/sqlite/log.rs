mod events;
mod follow;
mod group;
mod ownership;
mod tail;
mod writer;

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

use schemas::{ids::Position, time::TimeMs};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::{
    belonging,
    file::{self, Durability, Pages},
    owner::Owner,
    row::{get_id, int},
};
use crate::{
    DeploymentId, OpenError, StoreError,
    log::{Answer, Appended, Class, Clock, Health, LogLimits, QueueFull, Record, Reply, Span, refused},
};

pub(crate) use events::EventReader;
pub(crate) use follow::DecisionReader;
use group::{Done, Entry};
pub(crate) use ownership::Ownership;
use tail::Tail;
use writer::{Ends, Writer};

mod migrations {
    refinery::embed_migrations!("../schemas/sql/log");
}

/// The embedded log has one partition, this one.
const PARTITION: u32 = 0;
pub(crate) const PARTITIONS: u32 = 1;

/// How many publications may wait beside the events.
const PUBLICATIONS_WAITING: usize = 256;

/// Its file in the data folder.
pub(crate) const FILE: &str = "log.db";

/// `log.db`: one thread writes, in groups; one connection beside it reads.
pub struct Log {
    entries: mpsc::Sender<Entry>,
    waiting: Arc<AtomicUsize>,
    limits: LogLimits,
    ends: Ends,
    tail: Tail,
    writer: Mutex<Option<JoinHandle<()>>>,
    reader: Owner,
    /// Always well: kept so that who watches it is not told that it has ended.
    health: watch::Sender<Health>,
}

impl Log {
    pub(crate) fn open(
        folder: &Path,
        deployment: DeploymentId,
        limits: LogLimits,
        clock: Clock,
    ) -> Result<Log, OpenError> {
        let path = folder.join(FILE);
        let connection = file::open(&path, Durability::Full, Pages::LARGE, migrations::migrations::runner())?;
        belonging::belong(&connection, &path, folder, deployment)?;
        let waiting = Arc::new(AtomicUsize::new(0));
        let tail = Tail::new();
        let (writer, ends) = Writer::resume(connection, clock, waiting.clone(), tail.clone())
            .map_err(|source| OpenError::Sqlite { file: path.clone(), source })?;
        let (entries, incoming) =
            mpsc::channel((limits.depth(Class::Own).saturating_add(PUBLICATIONS_WAITING)).min(Semaphore::MAX_PERMITS));
        let reader = Owner::start("log-reader", file::open_reader(&path)?).map_err(OpenError::Thread)?;
        let thread = thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || writer.run(incoming))
            .map_err(OpenError::Thread)?;
        let health = watch::Sender::new(Health::Well);
        Ok(Log { entries, waiting, limits, ends, tail, writer: Mutex::new(Some(thread)), reader, health })
    }

    pub(crate) fn enqueue(&self, partition: u32, class: Class, record: Vec<u8>) -> Result<Answer<Appended>, QueueFull> {
        if partition != PARTITION {
            return Ok(refused(StoreError::NoPartition(partition)));
        }
        self.queue(class, 1, |done| Entry::Event { record, done })
    }

    pub(crate) fn enqueue_many(&self, class: Class, records: Vec<(u32, Vec<u8>)>) -> Result<Answer<()>, QueueFull> {
        if let Some((partition, _)) = records.iter().find(|(partition, _)| *partition != PARTITION) {
            return Ok(refused(StoreError::NoPartition(*partition)));
        }
        let records: Vec<_> = records.into_iter().map(|(_, record)| record).collect();
        self.queue(class, records.len(), |done| Entry::Events { records, done })
    }

    /// Queues an entry of so many events.
    fn queue<T>(
        &self,
        class: Class,
        count: usize,
        entry: impl FnOnce(Done<T>) -> Entry,
    ) -> Result<Answer<T>, QueueFull> {
        let depth = self.limits.depth(class);
        let within = |waiting: usize| waiting.checked_add(count).filter(|after| *after <= depth);
        self.waiting
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, within)
            .map_err(|waiting| QueueFull { class, waiting })?;
        let (done, answer) = oneshot::channel();
        match self.entries.try_send(entry(done)) {
            Ok(()) => Ok(answer),
            Err(mpsc::error::TrySendError::Full(_)) => {
                let waiting = self.waiting.fetch_sub(count, Ordering::AcqRel);
                Err(QueueFull { class, waiting })
            }
            // The entry's answer goes with it: who waits is told that the log is closed.
            Err(mpsc::error::TrySendError::Closed(_)) => {
                self.waiting.fetch_sub(count, Ordering::AcqRel);
                Ok(answer)
            }
        }
    }

    pub(crate) async fn publish(&self, decisions: Vec<Reply>) -> Result<(), StoreError> {
        let (done, answer) = oneshot::channel();
        self.entries.send(Entry::Decisions { decisions, done }).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    pub(crate) async fn read(&self, partition: u32, from: u64, max: usize) -> Result<Vec<Record>, StoreError> {
        let Span { start, end } = self.span(partition)?;
        if from > end {
            return Err(StoreError::LogLost { partition, from, start, end });
        }
        // What is committed and not announced yet is left for the next time: nobody reads past the end that is told.
        let limit = i64::try_from(max.min(usize::try_from(end - from).unwrap_or(max))).unwrap_or(i64::MAX);
        self.reader
            .call(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT offset, appended_at_ms, record FROM events WHERE offset >= ?1 ORDER BY offset LIMIT ?2",
                )?;
                let rows = statement.query_map((int(from), limit), |row| {
                    let position = Position { partition: PARTITION, offset: get_id(row, 0)? };
                    Ok(Record { position, appended_at: TimeMs(row.get(1)?), bytes: row.get(2)? })
                })?;
                rows.collect::<rusqlite::Result<_>>().map_err(StoreError::from)
            })
            .await
    }

    /// Nothing is ever deleted: it starts at 0.
    pub(crate) fn span(&self, partition: u32) -> Result<Span, StoreError> {
        if partition != PARTITION {
            return Err(StoreError::NoPartition(partition));
        }
        Ok(Span { start: 0, end: *self.ends.events.borrow() })
    }

    pub(crate) fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    pub(crate) async fn close(&self) {
        // The last connection to close takes the write-ahead log into the file, which a reader cannot.
        self.reader.close().await;
        // A writer that has ended takes no stop and needs none.
        let _ = self.entries.send(Entry::Stop).await;
        let thread = self.writer.lock().ok().and_then(|mut thread| thread.take());
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}
