use std::time::Duration;

use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
};
use schemas::{ids::Position, time::TimeMs};
use stores::{
    DeploymentId, OpenError, Servers, StoreError,
    log::{Appended, Class, Clock, EventReader, Log, LogLimits, Record},
};
use tempfile::TempDir;
use tokio::time::timeout;

pub(crate) const DEPLOYMENT: DeploymentId = DeploymentId(7);

/// What is waited for comes within this time, or the test has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Where a log lives for one test, with one partition unless said.
pub(crate) enum Place {
    Embedded(TempDir),
    Distributed(Box<Servers>),
}

/// One of each kind, empty.
pub(crate) fn places() -> [Place; 2] {
    [Place::Embedded(TempDir::new().unwrap()), Place::distributed(1)]
}

pub(crate) fn kafka() -> String {
    std::env::var("REFMILL_TEST_KAFKA")
        .expect("start the servers: eval \"$(./scripts/services up)\", or run ./scripts/test")
}

pub(crate) fn servers(partitions: u32) -> Servers {
    let mut unique = [0; 8];
    getrandom::fill(&mut unique).unwrap();
    Servers {
        kafka: kafka(),
        redis: String::new(),
        clickhouse: String::new(),
        postgres: String::new(),
        prefix: format!("test-{:016x}", u64::from_be_bytes(unique)),
        partitions,
        reply_partitions: 2,
        replication: 1,
        session: Duration::from_secs(6),
        postgres_connections: 0,
    }
}

impl Place {
    pub(crate) fn distributed(partitions: u32) -> Place {
        Place::Distributed(Box::new(servers(partitions)))
    }

    pub(crate) async fn try_open(&self, limits: LogLimits) -> Result<Log, OpenError> {
        match self {
            Place::Embedded(folder) => Log::open(folder.path(), DEPLOYMENT, limits, clock()),
            Place::Distributed(servers) => Log::connect(servers, limits, true).await,
        }
    }

    pub(crate) async fn open(&self) -> Log {
        self.try_open(LogLimits::default()).await.unwrap()
    }

    /// Leaves nothing on servers that others use too.
    pub(crate) async fn clear(self) {
        if let Place::Distributed(servers) = self {
            let names = [format!("{}.events", servers.prefix), format!("{}.decisions", servers.prefix)];
            delete(&names.each_ref().map(String::as_str)).await;
        }
    }
}

fn clock() -> Clock {
    Box::new(|| TimeMs(1_000))
}

pub(crate) fn admin() -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", kafka()).create().unwrap()
}

pub(crate) async fn delete(topics: &[&str]) {
    admin().delete_topics(topics, &AdminOptions::new()).await.unwrap();
}

pub(crate) async fn make(topic: &str, partitions: u32, settings: &[(&str, &str)]) {
    let new = NewTopic::new(topic, partitions.cast_signed(), TopicReplication::Fixed(1));
    let new = settings.iter().fold(new, |new, (name, value)| new.set(name, value));
    let made = admin().create_topics(&[new], &AdminOptions::new()).await.unwrap();
    made.into_iter().for_each(|made| _ = made.unwrap());
}

pub(crate) async fn append(log: &Log, record: &[u8]) -> Result<Appended, StoreError> {
    log.enqueue(0, Class::Conversion, record.to_vec()).unwrap().await
}

pub(crate) async fn end(log: &Log) -> u64 {
    log.span(0).await.unwrap().end
}

pub(crate) fn at(offset: u64) -> Position {
    Position { partition: 0, offset }
}

/// So many records as a reader gives them.
pub(crate) async fn take(reader: &mut EventReader, count: usize) -> Vec<Record> {
    let mut records = Vec::new();
    while records.len() < count {
        timeout(PATIENCE, reader.ready()).await.expect("an event comes").unwrap();
        records.extend(reader.take(count - records.len()).await.unwrap());
    }
    records
}

pub(crate) fn bytes(records: &[Record]) -> Vec<&[u8]> {
    records.iter().map(|record| record.bytes.as_slice()).collect()
}

/// The same condition again and again until it holds.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let looked = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, looked).await.unwrap_or_else(|_| panic!("never: {what}"));
}
