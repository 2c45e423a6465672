//! Turns to the spool when the log goes away, and back when all that is in the spool is in the log.

use std::{
    collections::VecDeque,
    future::pending,
    io,
    pin::pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use metrics::{counter, gauge};
use stores::{
    StoreError,
    log::{Health, Log, QueueFull},
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Shared, State,
    cursor::CursorFile,
    reader::{Batch, Reader},
    record::{Place, Spooled},
    writer::Entry,
};

/// How many records are on their way to the log at once; a crash sends at most these again.
const IN_FLIGHT: usize = 2_048;

/// After the log or the disk did not take something, and at least this often it is looked whether all is sent.
const AGAIN: Duration = Duration::from_millis(100);

/// How long what is on its way is waited for when the process ends; what the log has then and nobody knew of is sent again.
const STOP_WAIT: Duration = Duration::from_secs(2);

const GAUGES_EVERY: Duration = Duration::from_secs(1);

/// Sends what is in the spool, and decides which way new events go.
pub struct Drain {
    shared: Arc<Shared>,
    files: Files,
}

/// What is read and written beside the runtime's threads.
struct Files {
    reader: Reader,
    cursor: CursorFile,
    saved: Place,
}

impl Drain {
    pub(super) fn new(shared: Arc<Shared>, reader: Reader, cursor: CursorFile) -> Drain {
        let saved = reader.at();
        Drain { shared, files: Files { reader, cursor, saved } }
    }

    /// Runs until the spool is closed.
    pub async fn run(self, log: Log) {
        let append = |record: &Spooled| log.enqueue(record.partition, record.class, record.bytes.clone());
        self.run_on(log.health(), append, || log.give_back_unsent()).await;
    }

    /// `append` queues one record after the other; what it returns resolves once the record is durable.
    pub(super) async fn run_on<A, F, T>(self, mut health: watch::Receiver<Health>, append: A, give_back: impl Fn())
    where
        A: Fn(&Spooled) -> Result<F, QueueFull>,
        F: Future<Output = Result<T, StoreError>>,
    {
        let Drain { shared, mut files } = self;
        let stop = shared.stop.clone();
        let turning = async {
            while !stop.is_cancelled() {
                if *shared.state.borrow() == State::Direct {
                    if stop.run_until_cancelled(until(&mut health, |now| now != Health::Well)).await.is_none() {
                        return;
                    }
                    shared.turn(&give_back);
                }
                if stop.run_until_cancelled(until(&mut health, |now| now == Health::Well)).await.is_none() {
                    return;
                }
                files = shared.pass_on(files, &append, &health).await;
            }
        };
        tokio::select! {
            () = turning => {}
            () = report(&shared) => {}
        }
    }
}

impl Shared {
    /// From now on everything goes to the spool, what the log has not sent yet first.
    fn turn(&self, give_back: impl Fn()) {
        self.state.send_modify(|state| {
            *state = State::Spooling;
            // Where the queue is full, what is in it is in order already.
            let _ = self.entries.try_send(Entry::Turned);
        });
        tracing::warn!("the log is away: events go to the spool");
        give_back();
    }

    /// Back to the log, if nothing is in the spool or on its way there.
    fn turn_back(&self, reader: &Reader, health: &watch::Receiver<Health>) -> bool {
        let turned = self.state.send_if_modified(|state| {
            // In this order: a record that no longer waits is in its segment.
            let is_empty = self.waiting.load(Ordering::Acquire) == 0 && reader.is_past(&self.segments.borrow());
            let turns = is_empty && *health.borrow() == Health::Well;
            if turns {
                *state = State::Direct;
                let _ = self.entries.try_send(Entry::Emptied);
            }
            turns
        });
        if turned {
            self.records.store(0, Ordering::Relaxed);
            self.oldest_ms.store(i64::MAX, Ordering::Relaxed);
            tracing::info!("the spool is empty: events go to the log again");
        }
        turned
    }

    /// Sends the next records; turns back where there are none.
    async fn pass_on<A, F, T>(self: &Arc<Shared>, files: Files, append: &A, health: &watch::Receiver<Health>) -> Files
    where
        A: Fn(&Spooled) -> Result<F, QueueFull>,
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut segments = self.segments.subscribe();
        let (mut files, batch) = self.read(files).await;
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => {
                tracing::error!(%error, "the spool cannot be read; trying again");
                sleep(AGAIN).await;
                return files;
            }
        };
        if batch.records.is_empty() {
            let end = files.reader.at();
            files = self.save(files, end).await;
            if !self.turn_back(&files.reader, health) {
                let _ = timeout(AGAIN, segments.changed()).await;
            }
            return files;
        }
        let files = self.pass_on_batch(files, &batch, append, health).await;
        // All that there was is in the log: with nothing new behind it, what came meanwhile is the last.
        if batch.records.len() < IN_FLIGHT && *health.borrow() == Health::Well {
            self.moves(State::Spooling, State::TurningBack);
        }
        files
    }

    async fn pass_on_batch<A, F, T>(
        self: &Arc<Shared>,
        mut files: Files,
        batch: &Batch,
        append: &A,
        health: &watch::Receiver<Health>,
    ) -> Files
    where
        A: Fn(&Spooled) -> Result<F, QueueFull>,
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut health = health.clone();
        let mut sent = 0;
        while sent < batch.records.len() {
            let durable = send(&batch.records[sent..], append, &self.stop).await;
            sent += durable;
            if durable > 0 {
                self.count_sent(durable, &batch.records[sent - 1]);
                files = self.save(files, batch.ends[sent - 1]).await;
            }
            if sent == batch.records.len() || self.stop.is_cancelled() {
                break;
            }
            // The rest again, in order, once the log is there.
            sleep(AGAIN).await;
            self.stop.run_until_cancelled(until(&mut health, |now| now == Health::Well)).await;
        }
        files
    }

    async fn read(self: &Arc<Shared>, files: Files) -> (Files, io::Result<Batch>) {
        self.on_disk(files, |files, shared| {
            let segments = shared.segments.borrow().clone();
            files.reader.next(&shared.folder, &segments, IN_FLIGHT)
        })
        .await
    }

    /// Makes it durable that all before this place is in the log, and removes what that drained.
    async fn save(self: &Arc<Shared>, mut files: Files, place: Place) -> Files {
        while files.saved != place {
            let saved;
            (files, saved) = self.on_disk(files, move |files, shared| files.save(place, shared)).await;
            let Err(error) = saved else { break };
            tracing::error!(%error, "how far the spool is sent cannot be written down; trying again");
            if self.stop.is_cancelled() {
                break;
            }
            sleep(AGAIN).await;
        }
        files
    }

    async fn on_disk<T: Send + 'static>(
        self: &Arc<Shared>,
        mut files: Files,
        work: impl FnOnce(&mut Files, &Shared) -> T + Send + 'static,
    ) -> (Files, T) {
        let shared = Arc::clone(self);
        let working = tokio::task::spawn_blocking(move || {
            let done = work(&mut files, &shared);
            (files, done)
        });
        match working.await {
            Ok(done) => done,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // The runtime is ending, and this with it.
            Err(_) => pending().await,
        }
    }

    fn count_sent(&self, count: usize, last: &Spooled) {
        counter!("refmill_spool_drained_total").increment(count as u64);
        let fewer = |records: u64| Some(records.saturating_sub(count as u64));
        let _ = self.records.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
        self.oldest_ms.store(last.at.0, Ordering::Relaxed);
    }
}

impl Files {
    fn save(&mut self, place: Place, shared: &Shared) -> io::Result<()> {
        self.cursor.save(place)?;
        self.saved = place;
        let mut drained = Vec::new();
        shared.segments.send_if_modified(|segments| {
            // The last one may be written to.
            while segments.len() > 1 && segments.front().is_some_and(|segment| segment.is_before(place)) {
                drained.extend(segments.pop_front());
            }
            false
        });
        drained.iter().for_each(|segment| shared.folder.remove_segment(segment.number));
        Ok(())
    }
}

/// Sends these in order and says how many, from the first on, are durable. None is on its way any more when it returns, unless
/// the process is ending.
async fn send<A, F, T>(records: &[Spooled], append: &A, stop: &CancellationToken) -> usize
where
    A: Fn(&Spooled) -> Result<F, QueueFull>,
    F: Future<Output = Result<T, StoreError>>,
{
    let mut late = pin!(async {
        stop.cancelled().await;
        sleep(STOP_WAIT).await;
    });
    let mut under_way = VecDeque::new();
    let mut rest = records.iter();
    let mut next = rest.next();
    let (mut durable, mut has_failed) = (0, false);
    loop {
        // All that the log's queue has room for.
        while let Some(record) = next.filter(|_| !has_failed && !stop.is_cancelled()) {
            let Ok(appending) = append(record) else { break };
            under_way.push_back(Box::pin(appending));
            next = rest.next();
        }
        let Some(appending) = under_way.pop_front() else { return durable };
        tokio::select! {
            biased;
            appended = appending => match appended {
                Ok(_) if !has_failed => durable += 1,
                Ok(_) => {}
                Err(error) => {
                    if !has_failed {
                        tracing::warn!(%error, "the log did not take a spooled event; it is sent again");
                    }
                    has_failed = true;
                }
            },
            () = &mut late => return durable,
        }
    }
}

/// Waits for as long as it takes. The embedded log's health never changes.
async fn until(health: &mut watch::Receiver<Health>, is_wanted: impl Fn(Health) -> bool) {
    if health.wait_for(|now| is_wanted(*now)).await.is_err() {
        pending::<()>().await;
    }
}

async fn report(shared: &Shared) {
    let mut due = tokio::time::interval(GAUGES_EVERY);
    loop {
        due.tick().await;
        let oldest_ms = shared.oldest_ms.load(Ordering::Relaxed);
        let age_ms = if oldest_ms == i64::MAX { 0 } else { (shared.now)().0.saturating_sub(oldest_ms).max(0) };
        gauge!("refmill_spool_records").set(shared.records.load(Ordering::Relaxed) as f64);
        gauge!("refmill_spool_bytes").set(shared.bytes() as f64);
        gauge!("refmill_spool_oldest_seconds").set(Duration::from_millis(age_ms.unsigned_abs()).as_secs_f64());
        gauge!("refmill_spool_state").set(f64::from(u8::from(*shared.state.borrow() != State::Direct)));
    }
}
