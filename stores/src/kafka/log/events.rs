use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::{
    Log, Producer,
    follower::{Follower, Kind, Source},
    span,
};
use crate::{StoreError, kafka::settings::WhenLost, log::Record};

/// Reads a partition of events for its owner.
pub(crate) struct EventReader(Result<Follower, Option<StoreError>>);

impl Log {
    pub(crate) fn events(&self, partition: u32, from: u64) -> EventReader {
        EventReader(self.follow_events(partition, from).map_err(Some))
    }

    fn follow_events(&self, partition: u32, from: u64) -> Result<Follower, StoreError> {
        self.check(partition)?;
        let producer = self.producer.clone();
        let source = Source {
            config: self.kafka.reader(&self.groups.readers, WhenLost::Fail),
            topic: self.producer.topics.events.clone(),
            partition,
            from,
            kind: Kind::Events(Box::new(move |next, error| explain(&producer, partition, next, error))),
        };
        Follower::start(format!("log-events-{partition}"), source, &self.threads).map_err(StoreError::Thread)
    }
}

impl EventReader {
    pub(crate) async fn ready(&mut self) -> Result<(), StoreError> {
        match &mut self.0 {
            Ok(follower) => follower.ready().await,
            Err(why) => Err(why.take().unwrap_or(StoreError::Closed)),
        }
    }

    pub(crate) fn take(&mut self, max: usize) -> Result<Vec<Record>, StoreError> {
        match &mut self.0 {
            Ok(follower) => follower.take(max),
            Err(why) => Err(why.take().unwrap_or(StoreError::Closed)),
        }
    }
}

/// An offset that is not there: the log says what is.
pub(super) fn explain(producer: &Producer, partition: u32, from: u64, error: KafkaError) -> StoreError {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
            match span(producer, partition) {
                // It is there: what was looked at before it is not, and whoever takes the partition again sees whether that matters.
                Ok(known) if (known.start..=known.end).contains(&from) => StoreError::Kafka(error),
                Ok(known) => StoreError::LogLost { partition, from, start: known.start, end: known.end },
                Err(error) => error,
            }
        }
        _ => StoreError::Kafka(error),
    }
}
