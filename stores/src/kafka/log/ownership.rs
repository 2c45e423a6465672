use std::{
    sync::mpsc::{RecvTimeoutError, sync_channel},
    time::Duration,
};

use rdkafka::{
    ClientContext, TopicPartitionList,
    config::{FromClientConfigAndContext as _, RDKafkaLogLevel},
    consumer::{BaseConsumer, Consumer as _, ConsumerContext, RebalanceProtocol},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    types::RDKafkaRespErr,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{Log, threads::Stop};
use crate::{
    StoreError,
    kafka::said,
    log::{LetGo, Moved},
};

/// How long an owner may take to let go. Past it others have the partition: the ledger's epochs keep the last owner out.
const LET_GO_WAIT: Duration = Duration::from_secs(10);

/// How long Kafka may take to hear that this process has left.
const LEAVE_WAIT: Duration = Duration::from_secs(5);

const POLL_WAIT: Duration = Duration::from_millis(100);

/// How many moves may wait to be looked at; the group waits beyond them.
const MOVES_WAITING: usize = 1_024;

/// A member of the group that shares the partitions out.
pub struct Ownership {
    moves: mpsc::Receiver<Result<Moved, StoreError>>,
    stop: Stop,
    left: oneshot::Receiver<()>,
}

impl Log {
    pub(crate) fn ownership(&self) -> Result<Ownership, StoreError> {
        if self.is_closing() {
            return Err(StoreError::Closed);
        }
        let config = self.kafka.member(&self.groups.processors, self.session, LET_GO_WAIT);
        let (moving, moves) = mpsc::channel(MOVES_WAITING);
        let stop = self.threads.stop.of_one();
        let topic = self.producer.topics.events.clone();
        let member = Member { topic, moving, stop: stop.clone() };
        let consumer = BaseConsumer::from_config_and_context(&config, member)?;
        consumer.subscribe(&[&self.producer.topics.events])?;
        let (leaving, left) = oneshot::channel();
        let until = stop.clone();
        let work = move || {
            poll(&consumer, &until);
            // Its end is what leaves the group.
            drop(consumer);
            let _ = leaving.send(());
        };
        self.threads.start("log-ownership".to_owned(), work).map_err(StoreError::Thread)?;
        Ok(Ownership { moves, stop, left })
    }
}

impl Ownership {
    pub(crate) async fn next(&mut self) -> Result<Moved, StoreError> {
        self.moves.recv().await.unwrap_or(Err(StoreError::Closed))
    }

    pub(crate) async fn leave(mut self) {
        self.stop.stop();
        // Nobody lets go of anything any more.
        self.moves.close();
        if timeout(LEAVE_WAIT, &mut self.left).await.is_err() {
            tracing::warn!("Kafka was not told that this process leaves: others have its partitions after the session");
        }
    }
}

impl Drop for Ownership {
    fn drop(&mut self) {
        self.stop.stop();
    }
}

/// Nothing is ever fetched: what comes are changes in the group, and complaints.
fn poll(consumer: &BaseConsumer<Member>, stop: &Stop) {
    while !stop.is_asked() {
        let Some(Err(error)) = consumer.poll(POLL_WAIT) else { continue };
        if is_final(&error) {
            // Who has gone is not told.
            let _ = consumer.context().moving.blocking_send(Err(StoreError::Kafka(error)));
            return;
        }
        tracing::debug!(%error, "membership goes on after this");
    }
}

fn is_final(error: &KafkaError) -> bool {
    let is_of_group = |code| {
        matches!(
            code,
            RDKafkaErrorCode::InvalidSessionTimeout
                | RDKafkaErrorCode::InconsistentGroupProtocol
                | RDKafkaErrorCode::InvalidGroupId
                | RDKafkaErrorCode::Fatal
        )
    };
    matches!(error, KafkaError::MessageConsumptionFatal(_))
        || error.rdkafka_error_code().is_some_and(|code| is_of_group(code) || said::is_of_access(code))
}

/// Hears which partitions are this process's. What it acknowledges to its client is nothing at all, so nothing is fetched; the
/// group goes by what it has given.
struct Member {
    topic: String,
    moving: mpsc::Sender<Result<Moved, StoreError>>,
    stop: Stop,
}

impl Member {
    fn taken(&self, consumer: &BaseConsumer<Member>, partitions: &[u32]) -> KafkaResult<()> {
        let nothing = TopicPartitionList::new();
        match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_assign(&nothing),
            RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.assign(&nothing),
        }?;
        for partition in partitions {
            // Who has gone owns nothing.
            let _ = self.moving.blocking_send(Ok(Moved::Take(*partition)));
        }
        Ok(())
    }

    /// The group waits meanwhile, unless it has given the partitions to others already.
    fn revoked(&self, consumer: &BaseConsumer<Member>, partitions: &[u32]) -> KafkaResult<()> {
        if !self.stop.is_asked() {
            if consumer.assignment_lost() {
                tracing::warn!(?partitions, "the group has given this process up");
            }
            self.await_let_go(partitions);
        }
        match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_unassign(&TopicPartitionList::new()),
            RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
        }
    }

    fn await_let_go(&self, partitions: &[u32]) {
        let (held, gone) = sync_channel(1);
        for partition in partitions {
            let gone = LetGo::new(held.clone());
            let _ = self.moving.blocking_send(Ok(Moved::LetGo { partition: *partition, gone }));
        }
        drop(held);
        if gone.recv_timeout(LET_GO_WAIT) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!(?partitions, "an owner takes too long to let go: its partition goes to others");
        }
    }
}

impl ClientContext for Member {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        said::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "Kafka's client");
    }
}

impl ConsumerContext for Member {
    fn rebalance(&self, consumer: &BaseConsumer<Member>, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let partitions: Vec<u32> =
            list.elements_for_topic(&self.topic).iter().map(|element| element.partition().cast_unsigned()).collect();
        let acknowledged = match what {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.taken(consumer, &partitions),
            _ => self.revoked(consumer, &partitions),
        };
        if let Err(error) = acknowledged {
            tracing::error!(%error, "Kafka's client did not take in a change in the group");
        }
    }
}
