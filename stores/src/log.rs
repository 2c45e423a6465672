//! The log: events in the order that decides, and the decisions that came of them.

mod append;
mod decisions;
mod events;
mod health;
mod limits;
mod ownership;

use std::{borrow::Cow, path::Path, sync::Arc};

use schemas::{ids::Position, time::TimeMs};
use tokio::sync::watch;

use crate::{DeploymentId, OpenError, Servers, StoreError, kafka, sqlite};

pub(crate) use append::{Answer, refused};
pub use append::{Appended, Appending, AppendingMany};
pub use decisions::DecisionReader;
pub use events::EventReader;
use events::Source;
pub(crate) use events::{MANY, presses};
pub use health::Health;
pub use limits::{Class, LogLimits, QueueFull};
pub use ownership::{LetGo, Moved, Ownership};

/// Tells the log what time it is; the log itself sees to it that append times never fall.
pub type Clock = Box<dyn Fn() -> TimeMs + Send>;

/// An event as the log holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub position: Position,
    pub appended_at: TimeMs,
    pub bytes: Vec<u8>,
}

/// What the log holds of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first offset that is kept.
    pub start: u64,
    /// The offset that the next event will have.
    pub end: u64,
}

/// An encoded decision and the reply partition that waits for it.
pub type Reply = (Option<u32>, Vec<u8>);

#[derive(Clone)]
pub enum Log {
    Embedded(Arc<sqlite::log::Log>),
    Distributed(Arc<kafka::log::Log>),
}

impl Log {
    pub fn open(folder: &Path, deployment: DeploymentId, limits: LogLimits, clock: Clock) -> Result<Log, OpenError> {
        sqlite::log::Log::open(folder, deployment, limits, clock).map(|log| Log::Embedded(Arc::new(log)))
    }

    /// Opens the log on its servers. Topics that are missing are made there, or refused where `create` is false.
    pub async fn connect(servers: &Servers, limits: LogLimits, create: bool) -> Result<Log, OpenError> {
        kafka::log::Log::connect(servers, limits, create).await.map(|log| Log::Distributed(Arc::new(log)))
    }

    /// How many partitions events are spread over.
    pub fn partitions(&self) -> u32 {
        match self {
            Log::Embedded(_) => sqlite::log::PARTITIONS,
            Log::Distributed(log) => log.partitions(),
        }
    }

    /// How many partitions decisions are spread over: an edge names one of them and reads that one.
    pub fn reply_partitions(&self) -> u32 {
        match self {
            Log::Embedded(_) => sqlite::log::PARTITIONS,
            Log::Distributed(log) => log.reply_partitions(),
        }
    }

    /// Queues an event without ever waiting; what comes back resolves once it is durable.
    pub fn enqueue<'a>(
        &self,
        partition: u32,
        class: Class,
        record: impl Into<Cow<'a, [u8]>>,
    ) -> Result<Appending, QueueFull> {
        let record = record.into();
        match self {
            Log::Embedded(log) => log.enqueue(partition, class, record.into_owned()).map(Appending::new),
            Log::Distributed(log) => log.enqueue(partition, class, record).map(Appending::new),
        }
    }

    /// Queues all of these, or none; those of one partition keep their order.
    pub fn enqueue_many<'a>(
        &self,
        class: Class,
        records: impl Into<Cow<'a, [(u32, Vec<u8>)]>>,
    ) -> Result<AppendingMany, QueueFull> {
        let records = records.into();
        match self {
            Log::Embedded(log) => log.enqueue_many(class, records.into_owned()).map(AppendingMany::new),
            Log::Distributed(log) => log.enqueue_many(class, records).map(AppendingMany::new),
        }
    }

    /// At most `max` events from this offset on, in order; fewer where the log ends or they are unusually large, and none only
    /// where it ends. Append times are the log's own, which may fall by what its servers' clocks differ.
    pub async fn read(&self, partition: u32, from: u64, max: usize) -> Result<Vec<Record>, StoreError> {
        match self {
            Log::Embedded(log) => log.read(partition, from, max).await,
            Log::Distributed(log) => log.read(partition, from, max).await,
        }
    }

    pub async fn span(&self, partition: u32) -> Result<Span, StoreError> {
        match self {
            Log::Embedded(log) => log.span(partition),
            Log::Distributed(log) => log.span(partition).await,
        }
    }

    /// An owner's reader of this partition, from this offset on; none of its append times is less than `floor`.
    pub fn events(&self, partition: u32, from: u64, floor: TimeMs) -> EventReader {
        let source = match self {
            Log::Embedded(log) => Source::Embedded(sqlite::log::EventReader::new(log.clone(), partition, from)),
            Log::Distributed(log) => Source::Distributed(log.events(partition, from)),
        };
        EventReader::new(source, floor)
    }

    /// Appends decisions to their stream; waits for a place in the queue and until they are durable.
    pub async fn publish(&self, decisions: Vec<Reply>) -> Result<(), StoreError> {
        match self {
            Log::Embedded(log) => log.publish(decisions).await,
            Log::Distributed(log) => log.publish(decisions).await,
        }
    }

    /// Reads the decisions of a reply partition that are published from now on. The servers are asked where that is: the
    /// thread waits for them a moment, so this is for the start of a process.
    pub fn follow_decisions(&self, reply_partition: u32) -> DecisionReader {
        match self {
            Log::Embedded(log) => DecisionReader::Embedded(sqlite::log::DecisionReader::from_end(log.clone())),
            Log::Distributed(log) => DecisionReader::Distributed(log.follow_decisions(reply_partition)),
        }
    }

    /// Takes part in deciding: partitions are given to this process from now on.
    pub fn ownership(&self) -> Result<Ownership, StoreError> {
        match self {
            Log::Embedded(log) => Ok(Ownership::Embedded(sqlite::log::Ownership::new(log.clone()))),
            Log::Distributed(log) => log.ownership().map(Ownership::Distributed),
        }
    }

    pub fn health(&self) -> watch::Receiver<Health> {
        match self {
            Log::Embedded(log) => log.health(),
            Log::Distributed(log) => log.health(),
        }
    }

    /// While the log is away: events that were never handed to its servers come back, resolved to `NotSent`. Those that were
    /// handed over may have arrived, so they resolve when the servers answer.
    pub fn give_back_unsent(&self) {
        match self {
            Log::Embedded(_) => {}
            Log::Distributed(log) => log.give_back_unsent(),
        }
    }

    /// Writes what waits and ends the log for every handle.
    pub async fn close(&self) {
        match self {
            Log::Embedded(log) => log.close().await,
            Log::Distributed(log) => log.close().await,
        }
    }
}
