use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, ClientContext, Message, Offset, Statistics, Timestamp, TopicPartitionList,
    config::{FromClientConfigAndContext as _, RDKafkaLogLevel},
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
};
use schemas::{ids::Position, time::TimeMs};

use super::{
    buffer::Buffer,
    doubt::{Doubt, Said},
    threads::{Stop, Threads},
};
use crate::{
    StoreError,
    kafka::said,
    log::{Record, presses},
};

/// How long records are waited for at a time, between two looks at whether to stop.
const POLL_WAIT: Duration = Duration::from_millis(100);

/// How many records go into the buffer at a time.
const CHUNK_RECORDS: usize = 1_024;
const CHUNK_BYTES: usize = 1024 * 1024;

/// After what time a reading that goes on after an error does so.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// In place of an offset: what is appended once the servers are there.
pub(super) const FROM_THE_END: u64 = u64::MAX;

/// A partition that is read on a thread of its own, from an offset on.
pub(super) struct Follower {
    buffer: Arc<Buffer>,
    stop: Stop,
    /// The offset behind the last record that was taken.
    taken_to: Arc<AtomicU64>,
}

/// What is read.
pub(super) struct Source {
    pub(super) config: ClientConfig,
    pub(super) topic: String,
    pub(super) partition: u32,
    pub(super) from: u64,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    /// None may be missed. An error ends the reading; it is explained by where it stood.
    Events(Box<dyn Fn(u64, KafkaError) -> StoreError + Send>),
    /// What was missed is missed: it goes on after every error.
    Decisions,
}

impl Kind {
    /// Which records somebody waits for.
    fn presses(&self) -> fn(&[u8]) -> bool {
        match self {
            Kind::Events(_) => presses,
            Kind::Decisions => |_| true,
        }
    }
}

impl Follower {
    pub(super) fn start(name: String, source: Source, threads: &Threads) -> io::Result<Follower> {
        let stop = threads.stop.of_one();
        let (buffer, taken_to) = (Arc::new(Buffer::default()), Arc::new(AtomicU64::new(source.from)));
        let follower = Follower { buffer: buffer.clone(), stop: stop.clone(), taken_to: taken_to.clone() };
        let next = source.from;
        let mut reading = Reading { source, buffer, taken_to, stop, next, chunk: Vec::new(), doubt: Doubt::default() };
        threads.start(name, move || reading.run())?;
        Ok(follower)
    }

    pub(super) async fn ready(&self) -> Result<(), StoreError> {
        self.buffer.ready().await
    }

    pub(super) fn take(&self, max: usize) -> Result<Vec<Record>, StoreError> {
        let records = self.buffer.take(max)?;
        if let Some(last) = records.last() {
            self.taken_to.store(last.position.offset + 1, Ordering::Relaxed);
        }
        Ok(records)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.stop();
    }
}

struct Reading {
    source: Source,
    buffer: Arc<Buffer>,
    taken_to: Arc<AtomicU64>,
    stop: Stop,
    /// The offset of the record to be read next.
    next: u64,
    chunk: Vec<Record>,
    doubt: Doubt,
}

impl Reading {
    fn run(&mut self) {
        let mut why = StoreError::Closed;
        while let Err(error) = self.read() {
            match &self.source.kind {
                Kind::Events(explain) => {
                    why = explain(self.next, error);
                    break;
                }
                Kind::Decisions => {
                    tracing::warn!(%error, topic = self.source.topic, "decisions cannot be read; trying again");
                    self.pause();
                }
            }
        }
        self.buffer.end(why);
    }

    /// Until told to stop, or to an error that the client cannot deal with by itself.
    fn read(&mut self) -> KafkaResult<()> {
        let lag = Lag::of(&self.source, &self.taken_to, self.doubt.raised());
        let consumer = BaseConsumer::from_config_and_context(&self.source.config, lag)?;
        consumer.assign(&start(&self.source.topic, self.source.partition, self.next)?)?;
        while !self.stop.is_asked() {
            if let Some(last) = self.doubt.look() {
                consumer.assign(&start(&self.source.topic, self.source.partition, last)?)?;
            }
            let failed = self.read_chunk(&consumer).err();
            if matches!(self.source.kind, Kind::Events(_)) {
                self.doubt.has_read(self.chunk.last());
            }
            if !self.chunk.is_empty() && !self.buffer.push(&mut self.chunk, self.source.kind.presses(), &self.stop) {
                break;
            }
            if let Some(error) = failed {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Waits for a record and takes along what has come with it.
    fn read_chunk(&mut self, consumer: &BaseConsumer<Lag>) -> KafkaResult<()> {
        let (mut wait, mut bytes) = (POLL_WAIT, 0);
        while self.chunk.len() < CHUNK_RECORDS && bytes < CHUNK_BYTES {
            match consumer.poll(wait) {
                Some(Ok(message)) => {
                    let record = record(&message);
                    match self.doubt.about(&record) {
                        Said::Next => {}
                        Said::Same => continue,
                        Said::Look => break,
                        Said::Another => return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::LogTruncation)),
                    }
                    self.next = record.position.offset + 1;
                    bytes += record.bytes.len();
                    self.chunk.push(record);
                    wait = Duration::ZERO;
                }
                Some(Err(error)) if is_final(&error) => return Err(error),
                Some(Err(error)) => {
                    self.doubt.raise();
                    tracing::debug!(%error, topic = self.source.topic, "reading goes on after this");
                }
                None => break,
            }
        }
        Ok(())
    }

    fn pause(&self) {
        let started = Instant::now();
        while started.elapsed() < AGAIN_AFTER && !self.stop.is_asked() {
            thread::sleep(POLL_WAIT);
        }
    }
}

/// A partition, to be read from this offset on.
pub(super) fn start(topic: &str, partition: u32, from: u64) -> KafkaResult<TopicPartitionList> {
    let from = if from == FROM_THE_END { Offset::End } else { Offset::Offset(from.cast_signed()) };
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition.cast_signed(), from)?;
    Ok(list)
}

pub(super) fn record(message: &impl Message) -> Record {
    let appended_at = match message.timestamp() {
        Timestamp::LogAppendTime(at) => TimeMs(at),
        // Somebody has changed the topic. What its sender's clock says is no append time: a reader gives it the last one.
        Timestamp::CreateTime(_) | Timestamp::NotAvailable => {
            metrics::counter!("refmill_log_records_without_append_time_total").increment(1);
            TimeMs(0)
        }
    };
    let position =
        Position { partition: message.partition().cast_unsigned(), offset: message.offset().cast_unsigned() };
    Record { position, appended_at, bytes: message.payload().unwrap_or_default().to_vec() }
}

/// Whether waiting does not help. Lost connections do not count: the client makes new ones.
pub(super) fn is_final(error: &KafkaError) -> bool {
    let is_of_place = |code| {
        matches!(
            code,
            RDKafkaErrorCode::AutoOffsetReset
                | RDKafkaErrorCode::OffsetOutOfRange
                | RDKafkaErrorCode::LogTruncation
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::UnknownTopicId
                | RDKafkaErrorCode::BadMessage
                | RDKafkaErrorCode::InvalidMessage
                | RDKafkaErrorCode::Fatal
        )
    };
    matches!(error, KafkaError::MessageConsumptionFatal(_))
        || error.rdkafka_error_code().is_some_and(|code| is_of_place(code) || said::is_of_access(code))
}

/// Says how far an owner is behind.
struct Lag {
    topic: String,
    partition: u32,
    /// None where nobody asks.
    taken_to: Option<Arc<AtomicU64>>,
    /// Set where something is wrong with the way to the servers.
    troubled: Arc<AtomicBool>,
}

impl Lag {
    fn of(source: &Source, taken_to: &Arc<AtomicU64>, troubled: Arc<AtomicBool>) -> Lag {
        let taken_to = matches!(source.kind, Kind::Events(_)).then(|| taken_to.clone());
        Lag { topic: source.topic.clone(), partition: source.partition, taken_to, troubled }
    }

    fn say(&self, events: u64) {
        metrics::gauge!("refmill_log_lag_events", "partition" => self.partition.to_string()).set(events as f64);
    }
}

impl ClientContext for Lag {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        said::log(level, facility, message);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        let Some(taken_to) = &self.taken_to else { return };
        let Ok(said) = serde_json::from_slice::<Statistics>(statistics) else { return };
        let known = said.topics.get(&self.topic);
        let known = known.and_then(|topic| topic.partitions.get(&self.partition.cast_signed()));
        if let Some(end) = known.and_then(|partition| u64::try_from(partition.hi_offset).ok()) {
            self.say(end.saturating_sub(taken_to.load(Ordering::Relaxed)));
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.troubled.store(true, Ordering::Relaxed);
        tracing::debug!(%error, reason, "Kafka's client");
    }
}

impl ConsumerContext for Lag {}

/// Another process has the partition now, and its lag.
impl Drop for Lag {
    fn drop(&mut self) {
        if self.taken_to.is_some() {
            self.say(0);
        }
    }
}
