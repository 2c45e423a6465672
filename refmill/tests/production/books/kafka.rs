//! The log as any other reader of it sees it.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use data_encoding::HEXLOWER;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use schemas::decision::EventKind;
use schemas::event::Body;
use schemas::wire::decode_event;

use super::Logged;
use super::columns::{Columns, sqlite};
use crate::cluster::{Cluster, REPLY_PARTITIONS, Shape};

const ANSWERS_WITHIN: Duration = Duration::from_secs(20);
const READ_WITHIN: Duration = Duration::from_secs(60);

/// All records, and by partition where the log ends.
pub(super) fn read(cluster: &Cluster) -> Result<(Vec<Logged>, Vec<u64>), String> {
    if cluster.plan.shape == Shape::Embedded {
        let rows = sqlite(cluster, "log.db", "SELECT offset, record FROM events ORDER BY offset")?;
        let log: Vec<Logged> = rows.into_iter().map(of_row).collect();
        let end = log.last().map_or(0, |last| last.offset + 1);
        return Ok((log, vec![end]));
    }
    let consumer = consumer(cluster)?;
    let spans = spans(cluster, &consumer)?;
    let log = records(cluster, &consumer, &spans)?;
    Ok((log, spans.into_iter().map(|(_, end)| end).collect()))
}

/// Where the log ends, asked again and again.
pub(super) struct Ends(Option<BaseConsumer>);

impl Ends {
    pub(super) fn of(cluster: &Cluster) -> Result<Ends, String> {
        let is_embedded = cluster.plan.shape == Shape::Embedded;
        Ok(Ends(if is_embedded { None } else { Some(consumer(cluster)?) }))
    }

    /// By partition.
    pub(super) fn now(&self, cluster: &Cluster) -> Result<Vec<u64>, String> {
        if let Some(consumer) = &self.0 {
            return Ok(spans(cluster, consumer)?.into_iter().map(|(_, end)| end).collect());
        }
        let end = sqlite(cluster, "log.db", "SELECT coalesce(max(offset) + 1, 0) FROM events")?;
        Ok(vec![Columns::of(end[0].clone()).number()])
    }
}

fn consumer(cluster: &Cluster) -> Result<BaseConsumer, String> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", cluster.servers().kafka.trim_start_matches("kafka://"))
        .set("group.id", "the-audit")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false");
    config.create().map_err(|error| error.to_string())
}

fn spans(cluster: &Cluster, consumer: &BaseConsumer) -> Result<Vec<(u64, u64)>, String> {
    spans_of(consumer, &cluster.place().topic("events"), cluster.plan.partitions)
}

fn spans_of(consumer: &BaseConsumer, topic: &str, partitions: u32) -> Result<Vec<(u64, u64)>, String> {
    let span = |partition: u32| {
        let marks = consumer.fetch_watermarks(topic, partition.cast_signed(), ANSWERS_WITHIN);
        let (start, end) = marks.map_err(|error| format!("{topic} {partition}: {error}"))?;
        Ok((start.cast_unsigned(), end.cast_unsigned()))
    };
    (0..partitions).map(span).collect()
}

fn records(cluster: &Cluster, consumer: &BaseConsumer, spans: &[(u64, u64)]) -> Result<Vec<Logged>, String> {
    let all = records_of(consumer, &cluster.place().topic("events"), spans)?;
    Ok(all.iter().map(|(offset, record)| logged(*offset, record)).collect())
}

/// Decisions that were told, as they were written.
pub(super) fn decisions(cluster: &Cluster) -> Result<BTreeSet<String>, String> {
    if cluster.plan.shape == Shape::Embedded {
        let rows = sqlite(cluster, "log.db", "SELECT record FROM decisions")?;
        return Ok(rows.into_iter().map(|row| Columns::of(row).text()).collect());
    }
    let (consumer, topic) = (consumer(cluster)?, cluster.place().topic("decisions"));
    let spans = spans_of(&consumer, &topic, REPLY_PARTITIONS)?;
    let all = records_of(&consumer, &topic, &spans)?;
    Ok(all.into_iter().map(|(_, record)| HEXLOWER.encode(&record)).collect())
}

/// Each with its offset.
fn records_of(consumer: &BaseConsumer, topic: &str, spans: &[(u64, u64)]) -> Result<Vec<(u64, Vec<u8>)>, String> {
    let said = |error: rdkafka::error::KafkaError| error.to_string();
    let mut wanted = TopicPartitionList::new();
    for partition in (0..).take(spans.len()) {
        wanted.add_partition_offset(topic, partition, Offset::Beginning).map_err(said)?;
    }
    consumer.assign(&wanted).map_err(said)?;
    let mut left: Vec<u64> = spans.iter().map(|(start, end)| end - start).collect();
    let (mut found, began) = (Vec::new(), Instant::now());
    while left.iter().any(|left| *left > 0) {
        if began.elapsed() > READ_WITHIN {
            return Err(format!("{topic} was not read to its end: {left:?} left"));
        }
        let Some(message) = consumer.poll(Duration::from_millis(200)) else { continue };
        let message = message.map_err(said)?;
        let (of_partition, offset) = (message.partition().cast_unsigned() as usize, message.offset().cast_unsigned());
        if offset < spans[of_partition].1 {
            left[of_partition] -= 1;
            found.push((offset, message.payload().unwrap_or_default().to_vec()));
        }
    }
    Ok(found)
}

fn of_row(row: Vec<String>) -> Logged {
    let mut columns = Columns::of(row);
    let offset = columns.number();
    logged(offset, &HEXLOWER.decode(columns.text().as_bytes()).expect("a record"))
}

fn logged(offset: u64, record: &[u8]) -> Logged {
    let event = decode_event(record).unwrap_or_else(|error| panic!("{offset}: {error}"));
    let kind = match &event.body {
        Body::Click(_) => Some(EventKind::Click),
        Body::Lead(_) => Some(EventKind::Lead),
        Body::Sale(_) => Some(EventKind::Sale),
        Body::Refund(_) => Some(EventKind::Refund),
        Body::Review(_) => Some(EventKind::Review),
        _ => None,
    };
    let receipt = match &event.body {
        Body::Click(click) => Some(HEXLOWER.encode(click.receipt.as_bytes())),
        _ => None,
    };
    let company = event.body.company().map_or(0, |company| company.0);
    Logged { offset, event: event.id.0, company, kind, receipt }
}
