use std::{
    io,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig,
    config::FromClientConfigAndContext as _,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode},
};
use tokio::sync::{mpsc, oneshot};

use super::{
    Log,
    events::explain,
    follower::{is_final, record, start},
    producer::Producer,
    span,
    threads::{Stop, Threads},
};
use crate::{
    StoreError,
    kafka::{Kafka, said::Said, settings::WhenLost},
    log::{Record, Span},
};

/// How many may wait to read; who comes then waits for a place.
const JOBS_WAITING: usize = 64;

/// How long one reading may take.
const READ_WAIT: Duration = Duration::from_secs(10);
const POLL_WAIT: Duration = Duration::from_millis(100);

/// One reading ends early past this: somebody may have written records of the largest kind by the thousand.
const READ_BYTES: usize = 32 * 1024 * 1024;

enum Job {
    Read { partition: u32, from: u64, max: usize, done: oneshot::Sender<Result<Vec<Record>, StoreError>> },
    Stop,
}

/// Reads here and there, for recovery: one client on one thread, made when it is first asked for.
pub(super) struct Reads(mpsc::Sender<Job>);

impl Reads {
    pub(super) fn start(kafka: &Kafka, group: &str, producer: &Producer, threads: &Threads) -> io::Result<Reads> {
        let (jobs, mut waiting) = mpsc::channel(JOBS_WAITING);
        let config = kafka.reader(group, WhenLost::Fail);
        let mut reader = Reader { config, producer: producer.clone(), stop: threads.stop.clone(), place: None };
        threads.start("log-reads".to_owned(), move || {
            while let Some(Job::Read { partition, from, max, done }) = waiting.blocking_recv() {
                if !done.is_closed() {
                    // Who asked may have gone meanwhile.
                    let _ = done.send(reader.read(partition, from, max));
                }
            }
        })?;
        Ok(Reads(jobs))
    }

    pub(super) async fn close(&self) {
        // A thread that has ended takes no stop and needs none.
        let _ = self.0.send(Job::Stop).await;
    }
}

impl Log {
    pub(crate) async fn read(&self, partition: u32, from: u64, max: usize) -> Result<Vec<Record>, StoreError> {
        self.check(partition)?;
        let (done, read) = oneshot::channel();
        let job = Job::Read { partition, from, max, done };
        self.reads.0.send(job).await.map_err(|_| StoreError::Closed)?;
        read.await.map_err(|_| StoreError::Closed)?
    }
}

struct Reader {
    config: ClientConfig,
    producer: Producer,
    stop: Stop,
    place: Option<Place>,
}

/// Where the client stands: who reads on from there need not find the place again.
struct Place {
    consumer: BaseConsumer<Said>,
    partition: u32,
    next: u64,
}

impl Reader {
    fn read(&mut self, partition: u32, from: u64, max: usize) -> Result<Vec<Record>, StoreError> {
        let Span { start, end } = span(&self.producer, partition)?;
        if from < start || from > end {
            return Err(StoreError::LogLost { partition, from, start, end });
        }
        let to = end.min(from.saturating_add(max as u64));
        if from >= to {
            return Ok(Vec::new());
        }
        let place = self.place_at(partition, from)?;
        let read = self.read_to(place, from, to);
        if read.is_err() {
            self.place = None;
        }
        read
    }

    /// The client, standing at this offset.
    fn place_at(&mut self, partition: u32, from: u64) -> Result<Place, StoreError> {
        let topic = &self.producer.topics.events;
        let consumer = match self.place.take() {
            Some(place) if (place.partition, place.next) == (partition, from) => return Ok(place),
            Some(place) => place.consumer,
            None => BaseConsumer::from_config_and_context(&self.config, Said::default())?,
        };
        consumer.assign(&start(topic, partition, from)?)?;
        Ok(Place { consumer, partition, next: from })
    }

    fn read_to(&mut self, mut place: Place, from: u64, to: u64) -> Result<Vec<Record>, StoreError> {
        let started = Instant::now();
        let mut records = Vec::with_capacity(usize::try_from(to - from).unwrap_or_default());
        let mut bytes = 0;
        while place.next < to && bytes < READ_BYTES {
            if self.stop.is_asked() || started.elapsed() >= READ_WAIT {
                return Err(StoreError::Kafka(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut)));
            }
            match place.consumer.poll(POLL_WAIT) {
                Some(Ok(message)) => {
                    let record = record(&message);
                    // What was under way when the client was sent elsewhere.
                    if record.position.partition != place.partition || record.position.offset < place.next {
                        continue;
                    }
                    place.next = record.position.offset + 1;
                    bytes += record.bytes.len();
                    records.push(record);
                }
                Some(Err(error)) if is_final(&error) => {
                    return Err(explain(&self.producer, place.partition, place.next, error));
                }
                Some(Err(_)) | None => {}
            }
        }
        self.place = Some(place);
        Ok(records)
    }
}
