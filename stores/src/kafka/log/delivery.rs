use std::sync::{Arc, Mutex, PoisonError};

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
    log::Appended,
};

/// Sends, and tells each sender what became of what it sent.
pub(super) type Client = BaseProducer<Deliveries>;

type Done<T> = oneshot::Sender<Result<T, StoreError>>;

/// Who waits for the delivery of a record, or of several that are answered together. Each of several holds a reference, and so
/// does who hands them over: the last to let go answers, so nothing else counts them.
pub(super) enum Delivery {
    Event(Done<Appended>),
    Events(Box<Batch>),
    Decisions(Box<Batch>),
}

impl Delivery {
    pub(super) fn of_event(done: Done<Appended>) -> Arc<Delivery> {
        Arc::new(Delivery::Event(done))
    }

    pub(super) fn of_events(count: usize, done: Done<()>) -> Arc<Delivery> {
        Arc::new(Delivery::Events(Batch::new(count, done, None)))
    }

    pub(super) fn of_decisions(count: usize, done: Done<()>, room: OwnedSemaphorePermit) -> Arc<Delivery> {
        Arc::new(Delivery::Decisions(Batch::new(count, done, Some(room))))
    }

    /// A record leaves the client's hand.
    pub(super) fn leave(self: Arc<Self>, flow: &Flow, partition: u32, outcome: Result<Appended, StoreError>) {
        let is_event = matches!(*self, Delivery::Event(_) | Delivery::Events(_));
        flow.has_left(is_event, partition, outcome.is_ok());
        self.resolve(flow, outcome);
    }

    /// What a record came to. Who has gone is not told.
    pub(super) fn resolve(self: Arc<Self>, flow: &Flow, outcome: Result<Appended, StoreError>) {
        let Some(batch) = self.batch() else { return self.answer(flow, outcome) };
        if let Err(why) = outcome {
            batch.fail(why);
        }
        self.let_go(flow);
    }

    /// How a reference to several ends: were the last just dropped, the places that they take would never be free again.
    pub(super) fn let_go(self: Arc<Self>, flow: &Flow) {
        match Arc::into_inner(self) {
            Some(Delivery::Events(batch)) => {
                flow.free(batch.count);
                batch.finish();
            }
            Some(Delivery::Decisions(batch)) => batch.finish(),
            Some(Delivery::Event(_)) | None => {}
        }
    }

    fn answer(self: Arc<Self>, flow: &Flow, outcome: Result<Appended, StoreError>) {
        if let Some(Delivery::Event(done)) = Arc::into_inner(self) {
            flow.free(1);
            let _ = done.send(outcome);
        }
    }

    fn batch(&self) -> Option<&Batch> {
        match self {
            Delivery::Event(_) => None,
            Delivery::Events(batch) | Delivery::Decisions(batch) => Some(batch),
        }
    }
}

/// Records that are answered together, once each of them is resolved.
pub(super) struct Batch {
    count: usize,
    failed: Mutex<Failed>,
    done: Done<()>,
    /// What decisions take of the room in their queue.
    room: Option<OwnedSemaphorePermit>,
}

#[derive(Default)]
struct Failed {
    /// What the first to fail said that may have been sent.
    why: Option<StoreError>,
    not_sent: usize,
}

impl Batch {
    fn new(count: usize, done: Done<()>, room: Option<OwnedSemaphorePermit>) -> Box<Batch> {
        Box::new(Batch { count, failed: Mutex::default(), done, room })
    }

    fn fail(&self, why: StoreError) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        match why {
            StoreError::NotSent => failed.not_sent += 1,
            why => _ = failed.why.get_or_insert(why),
        }
    }

    fn finish(self) {
        let Batch { count, failed, done, room } = self;
        let Failed { why, not_sent } = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
        let outcome = match (why, not_sent) {
            (Some(why), _) => Err(why),
            (None, 0) => Ok(()),
            // Who is told that nothing was sent sends all of it again, as if for the first time.
            (None, not_sent) if not_sent < count => Err(StoreError::PerhapsSent),
            (None, _) => Err(StoreError::NotSent),
        };
        drop(room);
        let _ = done.send(outcome);
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
    type DeliveryOpaque = Arc<Delivery>;

    fn delivery(&self, delivered: &DeliveryResult<'_>, delivery: Arc<Delivery>) {
        let (partition, outcome) = match delivered {
            Ok(message) => (message.partition(), Ok(place(message))),
            Err((error, message)) => (message.partition(), Err(failure(error))),
        };
        delivery.leave(&self.flow, partition.cast_unsigned(), outcome);
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
    use tokio::sync::Semaphore;

    use super::*;
    use crate::{
        kafka::log::flow::HeldBack,
        log::{Class, LogLimits},
    };

    type Answer = oneshot::Receiver<Result<(), StoreError>>;

    fn flow(partitions: u32, waiting: usize) -> Flow {
        let flow = Flow::new(partitions);
        flow.admit(LogLimits::default(), Class::Click, waiting).expect("there is room");
        flow
    }

    fn events(count: usize) -> (Arc<Delivery>, Answer) {
        let (done, answer) = oneshot::channel();
        (Delivery::of_events(count, done), answer)
    }

    /// What a record came to: delivered, given back unsent, or lost from sight.
    fn outcome(outcome: char) -> Result<Appended, StoreError> {
        match outcome {
            'd' => Ok(Appended { position: Position { partition: 0, offset: 0 }, appended_at: TimeMs(1) }),
            'n' => Err(StoreError::NotSent),
            _ => Err(StoreError::PerhapsSent),
        }
    }

    fn answered(answer: &mut Answer) -> &'static str {
        match answer.try_recv() {
            Ok(Ok(())) => "durable",
            Ok(Err(StoreError::NotSent)) => "not sent",
            Ok(Err(StoreError::PerhapsSent)) => "perhaps sent",
            Ok(Err(_)) => "another error",
            Err(oneshot::error::TryRecvError::Empty) => "nothing yet",
            Err(oneshot::error::TryRecvError::Closed) => "nothing ever",
        }
    }

    #[test]
    fn only_a_batch_of_which_nothing_was_sent_may_be_sent_anew() {
        for (outcomes, expected) in [
            ("", "durable"),
            ("ddd", "durable"),
            ("nnn", "not sent"),
            ("dnn", "perhaps sent"),
            ("nnd", "perhaps sent"),
            ("np", "perhaps sent"),
            ("pd", "perhaps sent"),
        ] {
            let flow = flow(1, outcomes.len());
            let (delivery, mut answer) = events(outcomes.len());
            for of_one in outcomes.chars() {
                delivery.clone().resolve(&flow, outcome(of_one));
                assert_eq!(answered(&mut answer), "nothing yet", "{outcomes} is still being handed over");
            }
            delivery.let_go(&flow);
            assert_eq!(answered(&mut answer), expected, "{outcomes}");
        }
    }

    /// Records in the client's hand by partition, last the decisions.
    fn handed_over(flow: &Flow) -> Vec<u64> {
        flow.lanes().map(|lane| lane.handed_over()).collect()
    }

    /// In this order they leave the client's hand, each with what it came to.
    fn check_counts(order: &[u32], outcomes: &str) {
        let flow = flow(3, order.len());
        let (delivery, mut answer) = events(order.len());
        let of_partitions = |rest: &[u32]| {
            let mut counts = vec![0_u64; 4];
            rest.iter().for_each(|partition| counts[*partition as usize] += 1);
            counts
        };
        flow.handing_over_events(order.iter().copied());
        assert_eq!(handed_over(&flow), of_partitions(order), "{order:?}");
        let of_records = vec![delivery.clone(); order.len()];
        delivery.let_go(&flow);
        for (left, (delivery, of_one)) in of_records.into_iter().zip(outcomes.chars()).enumerate() {
            assert_eq!((flow.waiting(), answered(&mut answer)), (order.len(), "nothing yet"), "{order:?} after {left}");
            delivery.leave(&flow, order[left], outcome(of_one));
            assert_eq!(handed_over(&flow), of_partitions(&order[left + 1..]), "{order:?} after {left}");
        }
        let delivered: u64 = flow.lanes().map(|lane| lane.delivered()).sum();
        let well = outcomes.chars().filter(|of_one| *of_one == 'd').count();
        assert_eq!((flow.waiting(), delivered, flow.failed()), (0, well as u64, (order.len() - well) as u64));
        assert_eq!(answered(&mut answer), if well == order.len() { "durable" } else { "perhaps sent" });
    }

    #[test]
    fn a_batch_keeps_its_places_until_the_last_record_of_the_last_partition_is_resolved() {
        for order in [[0_u32, 2, 0, 1, 2, 0], [0, 0, 0, 1, 2, 2], [2, 2, 1, 0, 0, 0], [1, 0, 2, 0, 2, 0]] {
            for outcomes in ["dddddd", "pddddd", "ddpddd", "dddddp", "pppppp"] {
                check_counts(&order, outcomes);
            }
        }
    }

    #[test]
    fn what_is_given_back_of_a_batch_frees_its_places_with_the_rest() {
        let flow = flow(1, 3);
        let (delivery, mut answer) = events(3);
        flow.set_away();
        let event = || HeldBack { partition: 0, record: Vec::new(), delivery: delivery.clone() };
        assert!(flow.hold_back(vec![event(), event()]).is_none(), "it is away");
        flow.handing_over_event(0);
        let handed_over = delivery.clone();
        delivery.let_go(&flow);
        flow.give_back();
        assert_eq!((flow.waiting(), answered(&mut answer)), (3, "nothing yet"));
        handed_over.leave(&flow, 0, outcome('d'));
        assert_eq!((flow.waiting(), flow.handed_over(), answered(&mut answer)), (0, 0, "perhaps sent"));
    }

    #[test]
    fn decisions_keep_their_room_until_the_last_is_resolved() {
        let room = Arc::new(Semaphore::new(2));
        let flow = flow(1, 1);
        let (done, mut answer) = oneshot::channel();
        let taken = room.clone().try_acquire_many_owned(2).expect("there is room");
        let delivery = Delivery::of_decisions(2, done, taken);
        flow.handing_over_decisions(2);
        let of_first = delivery.clone();
        of_first.leave(&flow, 7, outcome('d'));
        assert_eq!(
            (room.available_permits(), handed_over(&flow), answered(&mut answer)),
            (0, vec![0, 1], "nothing yet")
        );
        delivery.leave(&flow, 0, outcome('d'));
        assert_eq!((room.available_permits(), handed_over(&flow), answered(&mut answer)), (2, vec![0, 0], "durable"));
        assert_eq!(flow.waiting(), 1, "decisions are no events");
    }
}
