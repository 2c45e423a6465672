//! The log: events in the order that decides, and the decisions that came of them.

mod append;
mod decisions;
mod health;
mod limits;

use std::{path::Path, sync::Arc};

use schemas::{ids::Position, time::TimeMs};
use tokio::sync::watch;

use crate::{DeploymentId, OpenError, StoreError, sqlite};

pub(crate) use append::{Answer, Run};
pub use append::{Appended, Appending, AppendingMany};
pub use decisions::DecisionReader;
pub use health::Health;
pub use limits::{Class, LogLimits, QueueFull};

/// Tells the log what time it is; the log itself sees to it that append times never fall.
pub type Clock = Box<dyn Fn() -> TimeMs + Send>;

/// An event as the log holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub position: Position,
    pub appended_at: TimeMs,
    pub bytes: Vec<u8>,
}

/// An encoded decision and the reply partition that waits for it.
pub type Reply = (Option<u32>, Vec<u8>);

#[derive(Clone)]
pub enum Log {
    Embedded(Arc<sqlite::log::Log>),
}

impl Log {
    pub fn open(folder: &Path, deployment: DeploymentId, limits: LogLimits, clock: Clock) -> Result<Log, OpenError> {
        sqlite::log::Log::open(folder, deployment, limits, clock).map(|log| Log::Embedded(Arc::new(log)))
    }

    /// Queues an event without ever waiting; what comes back resolves once it is durable.
    pub fn enqueue(&self, class: Class, record: Vec<u8>) -> Result<Appending, QueueFull> {
        match self {
            Log::Embedded(log) => log.enqueue(class, vec![record]).map(Appending::new),
        }
    }

    /// Queues all of these next to each other, or none.
    pub fn enqueue_many(&self, class: Class, records: Vec<Vec<u8>>) -> Result<AppendingMany, QueueFull> {
        match self {
            Log::Embedded(log) => log.enqueue(class, records).map(AppendingMany::new),
        }
    }

    /// At most `max` events from this offset on, in order; fewer or none where the log ends.
    pub async fn read(&self, partition: u32, from: u64, max: usize) -> Result<Vec<Record>, StoreError> {
        match self {
            Log::Embedded(log) => log.read(partition, from, max).await,
        }
    }

    /// The offset that the next event will have.
    pub fn end(&self) -> u64 {
        *self.watch_end().borrow()
    }

    pub fn watch_end(&self) -> watch::Receiver<u64> {
        match self {
            Log::Embedded(log) => log.watch_end(),
        }
    }

    /// Appends decisions to their stream; waits for a place in the queue and for the commit.
    pub async fn publish(&self, decisions: Vec<Reply>) -> Result<(), StoreError> {
        match self {
            Log::Embedded(log) => log.publish(decisions).await,
        }
    }

    /// Reads decisions that are published from now on.
    pub fn follow_decisions(&self, _reply_partition: u32) -> DecisionReader {
        match self {
            Log::Embedded(log) => DecisionReader::Embedded(sqlite::log::DecisionReader::from_end(log.clone())),
        }
    }

    /// Writes what waits and ends the log for every handle.
    pub async fn close(&self) {
        match self {
            Log::Embedded(log) => log.close().await,
        }
    }
}
