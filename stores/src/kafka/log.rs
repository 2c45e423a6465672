//! Events and decisions as topics. Whatever talks to Kafka does so on a thread of its own and is joined at the end.

mod append;
mod buffer;
mod decisions;
mod delivery;
mod doubt;
mod events;
mod flow;
mod follower;
mod health;
mod ownership;
mod producer;
mod publish;
mod read;
mod threads;
mod topics;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    producer::Producer as _,
};
use tokio::{
    sync::{Semaphore, watch},
    task::spawn_blocking,
};

use super::{Kafka, said::Said};
use crate::{
    OpenError, Servers, StoreError,
    log::{Class, Health, LogLimits, Span},
};

pub(crate) use decisions::DecisionReader;
use delivery::{Client, Deliveries};
pub(crate) use events::EventReader;
use flow::Flow;
use health::Watch;
pub(crate) use ownership::Ownership;
use producer::Producer;
use publish::DECISIONS_WAITING;
use read::Reads;
use threads::Threads;
use topics::Topics;

/// How long what waits may take to be delivered at the end.
const CLOSE_WAIT: Duration = Duration::from_secs(5);

/// How long the leader of a partition may take to say how far it goes.
const SPAN_WAIT: Duration = Duration::from_secs(5);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(50);

pub struct Log {
    kafka: Kafka,
    limits: LogLimits,
    partitions: u32,
    reply_partitions: u32,
    /// After how long without a sign of life partitions go to others.
    session: Duration,
    groups: Groups,
    producer: Producer,
    health: watch::Receiver<Health>,
    /// Places in the queue of decisions.
    room: Arc<Semaphore>,
    /// Where the next decision that nobody waits for goes.
    next_reply: AtomicU32,
    reads: Reads,
    is_closing: AtomicBool,
    threads: Threads,
}

/// What consumers are known as.
struct Groups {
    /// Whose members partitions are shared out to.
    processors: String,
    /// A name that readers must have; they are no group.
    readers: String,
}

impl Log {
    pub(crate) async fn connect(servers: &Servers, limits: LogLimits, create: bool) -> Result<Log, OpenError> {
        let kafka = Kafka::read(&servers.kafka)?;
        let topics = Arc::new(Topics::of(&servers.prefix)?);
        let groups = Groups {
            processors: format!("{}.processors", servers.prefix),
            readers: format!("{}.readers", servers.prefix),
        };
        let flow = Arc::new(Flow::new(servers.partitions));
        let queue_records = limits.depth(Class::Own).saturating_add(DECISIONS_WAITING);
        let deliveries = Deliveries { flow: flow.clone(), said: Said::default() };
        let client: Client =
            kafka.producer(queue_records).create_with_context(deliveries).map_err(|error| kafka.broken(&error))?;
        let producer = Producer { client: Arc::new(client), flow, topics };
        let threads = Threads::default();
        let (polling, stop) = (producer.clone(), threads.stop.clone());
        threads.start("log-deliveries".to_owned(), move || polling.poll(&stop)).map_err(OpenError::Thread)?;
        // What the client has to say about the servers is heard from here on.
        producer.topics.prepare(&kafka, servers, create, &producer.client).await?;

        let (watch, health) = Watch::new(producer.clone());
        let stop = threads.stop.clone();
        threads.start("log-health".to_owned(), move || watch.run(&stop)).map_err(OpenError::Thread)?;
        let reads = Reads::start(&kafka, &groups.readers, &producer, &threads).map_err(OpenError::Thread)?;
        Ok(Log {
            kafka,
            limits,
            partitions: servers.partitions,
            reply_partitions: servers.reply_partitions,
            session: servers.session,
            groups,
            producer,
            health,
            room: Arc::new(Semaphore::new(DECISIONS_WAITING)),
            next_reply: AtomicU32::new(0),
            reads,
            is_closing: AtomicBool::new(false),
            threads,
        })
    }

    pub(crate) fn partitions(&self) -> u32 {
        self.partitions
    }

    pub(crate) fn reply_partitions(&self) -> u32 {
        self.reply_partitions
    }

    pub(crate) fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }

    pub(crate) async fn span(&self, partition: u32) -> Result<Span, StoreError> {
        self.check(partition)?;
        let producer = self.producer.clone();
        spawn_blocking(move || span(&producer, partition)).await.map_err(|_| StoreError::Closed)?
    }

    pub(crate) async fn close(&self) {
        self.is_closing.store(true, Ordering::Release);
        let producer = self.producer.clone();
        let _ = spawn_blocking(move || producer.finish(CLOSE_WAIT)).await;
        self.reads.close().await;
        self.threads.join().await;
    }

    fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Acquire)
    }

    fn check(&self, partition: u32) -> Result<(), StoreError> {
        if self.is_closing() {
            return Err(StoreError::Closed);
        }
        if partition >= self.partitions {
            return Err(StoreError::NoPartition(partition));
        }
        Ok(())
    }
}

/// Asks the leader what it has of a partition of events.
fn span(producer: &Producer, partition: u32) -> Result<Span, StoreError> {
    watermarks(producer, &producer.topics.events, partition)
}

/// A leader that has just been made or moved is asked again.
fn watermarks(producer: &Producer, topic: &str, partition: u32) -> Result<Span, StoreError> {
    let started = Instant::now();
    loop {
        match producer.client.client().fetch_watermarks(topic, partition.cast_signed(), SPAN_WAIT) {
            Ok((start, end)) => return Ok(Span { start: start.cast_unsigned(), end: end.cast_unsigned() }),
            Err(error) if is_moving(&error) && started.elapsed() < SPAN_WAIT => thread::sleep(ASK_AGAIN_AFTER),
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_moving(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::FencedLeaderEpoch
                | RDKafkaErrorCode::UnknownLeaderEpoch
        )
    )
}
