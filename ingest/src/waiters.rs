//! Who waits for a decision. One task follows the decisions stream and answers those that have registered.

use std::{collections::HashMap, sync::Arc, time::Duration};

use schemas::{decision::Decision, ids::EventId, wire::decode_decision};
use stores::{StoreError, log::DecisionReader};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// How many registrations may be under way to the task.
const REGISTRATIONS_QUEUED: usize = 1_024;

/// After a failed read.
const READ_AGAIN: Duration = Duration::from_millis(100);

/// A handle: who holds it can wait for decisions.
#[derive(Clone)]
pub struct Waiters {
    registrations: mpsc::Sender<Registration>,
    places: Arc<Semaphore>,
    reply_partition: u32,
}

/// As many wait as may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many wait for a decision")]
pub struct AtCapacity;

/// A place in the queue of one event's decision.
pub struct Waiting {
    decided: oneshot::Receiver<Decision>,
    _place: OwnedSemaphorePermit,
}

struct Registration {
    event: EventId,
    decided: oneshot::Sender<Decision>,
}

impl Waiters {
    /// The handle and the task that answers; the task ends when told to. The reader is that of the reply partition.
    pub fn start(
        reader: DecisionReader,
        reply_partition: u32,
        max_waiters: usize,
        shutdown: CancellationToken,
    ) -> (Waiters, impl Future<Output = ()> + Send + 'static) {
        let (registrations, waiting) = mpsc::channel(REGISTRATIONS_QUEUED);
        let waiters = Waiters { registrations, places: Arc::new(Semaphore::new(max_waiters)), reply_partition };
        (waiters, answer(reader, waiting, max_waiters, shutdown))
    }

    /// Where decisions are read that events ask for here.
    pub fn reply_partition(&self) -> u32 {
        self.reply_partition
    }

    /// Takes a place before the event is appended, so that no decision is missed.
    pub async fn register(&self, event: EventId) -> Result<Waiting, AtCapacity> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| AtCapacity)?;
        let (answer, decided) = oneshot::channel();
        self.registrations.send(Registration { event, decided: answer }).await.map_err(|_| AtCapacity)?;
        Ok(Waiting { decided, _place: place })
    }
}

impl Waiting {
    /// The decision, or None when it took longer than `at_most`.
    pub async fn decision(self, at_most: Duration) -> Option<Decision> {
        tokio::time::timeout(at_most, self.decided).await.ok()?.ok()
    }
}

async fn answer(
    reader: DecisionReader,
    mut registrations: mpsc::Receiver<Registration>,
    max_waiters: usize,
    shutdown: CancellationToken,
) {
    let mut waiting = Places { decided: HashMap::new(), swept_at: 2 * max_waiters.max(1) };
    // A read under way is kept over the registrations that come meanwhile: begun anew each time it would never be done.
    let mut reading = Box::pin(read(reader));
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            registration = registrations.recv() => match registration {
                Some(registration) => waiting.take_in(registration),
                None => return,
            },
            (reader, records) = &mut reading => {
                // A registration is sent before its event is appended, so it is in the channel by now.
                while let Ok(registration) = registrations.try_recv() {
                    waiting.take_in(registration);
                }
                match records {
                    Ok(records) => records.iter().for_each(|record| waiting.hand_out(record)),
                    Err(StoreError::Closed) => return,
                    Err(error) => {
                        tracing::warn!(%error, "decisions cannot be read; trying again");
                        tokio::time::sleep(READ_AGAIN).await;
                    }
                }
                reading.set(read(reader));
            }
        }
    }
}

async fn read(mut reader: DecisionReader) -> (DecisionReader, Result<Vec<Vec<u8>>, StoreError>) {
    let records = reader.next().await;
    (reader, records)
}

/// Who waits for what.
struct Places {
    decided: HashMap<EventId, oneshot::Sender<Decision>>,
    /// From how many on those that have gone are swept out.
    swept_at: usize,
}

impl Places {
    fn take_in(&mut self, registration: Registration) {
        if self.decided.len() >= self.swept_at {
            self.decided.retain(|_, decided| !decided.is_closed());
        }
        self.decided.insert(registration.event, registration.decided);
    }

    fn hand_out(&mut self, record: &[u8]) {
        match decode_decision(record) {
            Ok(decision) => {
                if let Some(decided) = self.decided.remove(&decision.event) {
                    let _ = decided.send(decision);
                }
            }
            Err(error) => tracing::error!(%error, "a published decision cannot be read"),
        }
    }
}
