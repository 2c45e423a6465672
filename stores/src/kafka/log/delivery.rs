use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use rdkafka::{
    ClientContext, Message, Timestamp,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    message::DeliveryResult,
    producer::{BaseProducer, NoCustomPartitioner, ProducerContext},
};
use schemas::{ids::Position, time::TimeMs};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::flow::Flow;
use crate::{
    StoreError,
    kafka::said::{self, Said},
    log::{Appended, Places},
};

/// Sends, and tells each sender what became of what it sent.
pub(super) type Client = BaseProducer<Deliveries>;

/// Who waits for a record's delivery.
pub(super) enum Delivery {
    Event(oneshot::Sender<Result<Places, StoreError>>),
    /// An event of several that are answered together.
    EventOf(Arc<Batch>, usize),
    Decision(Arc<Batch>),
}

impl Delivery {
    pub(super) fn is_event(&self) -> bool {
        matches!(self, Delivery::Event(_) | Delivery::EventOf(..))
    }

    /// Who has gone is not told.
    pub(super) fn resolve(self, outcome: Result<Appended, StoreError>) {
        match self {
            Delivery::Event(done) => {
                let _ = done.send(outcome.map(|first| Places::Run { first, count: 1 }));
            }
            Delivery::EventOf(batch, index) => batch.resolve(Some(index), outcome),
            Delivery::Decision(batch) => batch.resolve(None, outcome),
        }
    }
}

/// Records that are answered together, once each of them is.
pub(super) struct Batch {
    places: Box<[OnceLock<Appended>]>,
    count: usize,
    left: AtomicUsize,
    ending: Mutex<Ending>,
    /// The room that it takes in the queue of decisions.
    _room: Option<OwnedSemaphorePermit>,
}

struct Ending {
    /// What the first to fail said that may have been sent.
    failure: Option<StoreError>,
    not_sent: usize,
    done: Option<oneshot::Sender<Result<Places, StoreError>>>,
}

impl Batch {
    pub(super) fn of_events(count: usize, done: oneshot::Sender<Result<Places, StoreError>>) -> Arc<Batch> {
        Batch::new((0..count).map(|_| OnceLock::new()).collect(), count, done, None)
    }

    pub(super) fn of_decisions(
        count: usize,
        done: oneshot::Sender<Result<Places, StoreError>>,
        room: OwnedSemaphorePermit,
    ) -> Arc<Batch> {
        Batch::new(Box::default(), count, done, Some(room))
    }

    fn new(
        places: Box<[OnceLock<Appended>]>,
        count: usize,
        done: oneshot::Sender<Result<Places, StoreError>>,
        room: Option<OwnedSemaphorePermit>,
    ) -> Arc<Batch> {
        let ending = Mutex::new(Ending { failure: None, not_sent: 0, done: Some(done) });
        Arc::new(Batch { places, count, left: AtomicUsize::new(count), ending, _room: room })
    }

    pub(super) fn finish(&self) {
        let Ending { failure, not_sent, done } = &mut *self.ending();
        let Some(done) = done.take() else { return };
        let outcome = match (failure.take(), *not_sent) {
            (Some(why), _) => Err(why),
            // Who is told that nothing was sent sends all of it again, as if for the first time.
            (None, not_sent) if not_sent > 0 && not_sent < self.count => Err(StoreError::PerhapsSent),
            (None, 1..) => Err(StoreError::NotSent),
            (None, 0) => Ok(Places::Each(self.places.iter().filter_map(OnceLock::get).copied().collect())),
        };
        let _ = done.send(outcome);
    }

    fn resolve(&self, index: Option<usize>, outcome: Result<Appended, StoreError>) {
        match outcome {
            Ok(place) => {
                if let Some(slot) = index.and_then(|index| self.places.get(index)) {
                    // Each record is resolved once.
                    let _ = slot.set(place);
                }
            }
            Err(StoreError::NotSent) => self.ending().not_sent += 1,
            Err(why) => _ = self.ending().failure.get_or_insert(why),
        }
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.finish();
        }
    }

    fn ending(&self) -> MutexGuard<'_, Ending> {
        self.ending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hears from the client what became of each record.
pub(super) struct Deliveries {
    pub(super) flow: Arc<Flow>,
    pub(super) said: Said,
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        said::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            self.flow.lost_brokers();
        }
        self.said.keep(&error, reason);
    }
}

impl ProducerContext<NoCustomPartitioner> for Deliveries {
    type DeliveryOpaque = Box<Delivery>;

    fn delivery(&self, delivered: &DeliveryResult<'_>, delivery: Box<Delivery>) {
        let (partition, outcome) = match delivered {
            Ok(message) => (message.partition(), Ok(place(message))),
            Err((error, message)) => (message.partition(), Err(failure(error))),
        };
        // Before anybody is answered: who has an answer finds its place free again.
        self.flow.delivered(delivery.is_event(), partition.cast_unsigned(), outcome.is_ok());
        delivery.resolve(outcome);
    }
}

/// A broker that has forgotten where a record of its own stands, after a repeated send, says only that it has it.
const FORGOTTEN: u64 = u64::MAX;

fn place(message: &impl Message) -> Appended {
    let position = Position {
        partition: message.partition().cast_unsigned(),
        offset: u64::try_from(message.offset()).unwrap_or(FORGOTTEN),
    };
    let appended_at = match message.timestamp() {
        Timestamp::LogAppendTime(at) | Timestamp::CreateTime(at) => TimeMs(at),
        Timestamp::NotAvailable => TimeMs(0),
    };
    Appended { position, appended_at }
}

fn failure(error: &KafkaError) -> StoreError {
    match error.rdkafka_error_code() {
        // Only the client's end takes records out of its hand.
        Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight) => StoreError::PerhapsSent,
        _ => StoreError::Kafka(error.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each record of a batch came to: delivered, given back unsent, or lost from sight.
    fn check(outcomes: &str, expected: &str) {
        let (done, mut answer) = oneshot::channel();
        let batch = Batch::of_events(outcomes.len(), done);
        for (index, outcome) in outcomes.chars().enumerate() {
            let position = Position { partition: 0, offset: index as u64 };
            let outcome = match outcome {
                'd' => Ok(Appended { position, appended_at: TimeMs(1) }),
                'n' => Err(StoreError::NotSent),
                _ => Err(StoreError::PerhapsSent),
            };
            Delivery::EventOf(batch.clone(), index).resolve(outcome);
        }
        let said = match answer.try_recv().expect("each is resolved") {
            Ok(Places::Each(places)) => format!("{} places", places.len()),
            Ok(Places::Run { .. }) => "a run".to_owned(),
            Err(StoreError::NotSent) => "not sent".to_owned(),
            Err(StoreError::PerhapsSent) => "perhaps sent".to_owned(),
            Err(other) => other.to_string(),
        };
        assert_eq!(said, expected, "{outcomes}");
    }

    #[test]
    fn only_a_batch_of_which_nothing_was_sent_may_be_sent_anew() {
        check("ddd", "3 places");
        check("nnn", "not sent");
        check("dnn", "perhaps sent");
        check("nnd", "perhaps sent");
        check("np", "perhaps sent");
        check("pd", "perhaps sent");
    }
}
