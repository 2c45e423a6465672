use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task::block_in_place,
};

use super::{
    Log,
    follower::{FROM_THE_END, Follower, Kind, Source},
    watermarks,
};
use crate::{StoreError, kafka::settings::WhenLost};

/// How many decisions a reader takes at once.
const MAX_DECISIONS: usize = 1_000;

/// Reads one partition of decisions: those of the edges that name it.
pub struct DecisionReader(Result<Follower, Option<StoreError>>);

impl Log {
    pub(crate) fn follow_decisions(&self, reply_partition: u32) -> DecisionReader {
        DecisionReader(self.follow_from_end(reply_partition).map_err(Some))
    }

    /// Where the end is must be known before this returns: what is published from then on is not to be missed.
    fn follow_from_end(&self, reply_partition: u32) -> Result<Follower, StoreError> {
        if self.is_closing() {
            return Err(StoreError::Closed);
        }
        if reply_partition >= self.reply_partitions {
            return Err(StoreError::NoPartition(reply_partition));
        }
        let ask = || watermarks(&self.producer, &self.producer.topics.decisions, reply_partition);
        let is_one_of_many =
            Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
        let asked = if is_one_of_many { block_in_place(ask) } else { ask() };
        let from = asked.map_or_else(
            |error| {
                tracing::warn!(%error, "where decisions end is not known yet: those published until it is are not read");
                FROM_THE_END
            },
            |span| span.end,
        );
        let source = Source {
            config: self.kafka.reader(&self.groups.readers, WhenLost::Earliest),
            topic: self.producer.topics.decisions.clone(),
            partition: reply_partition,
            from,
            kind: Kind::Decisions,
        };
        Follower::start(format!("log-decisions-{reply_partition}"), source, &self.threads).map_err(StoreError::Thread)
    }
}

impl DecisionReader {
    pub(crate) async fn next(&mut self) -> Result<Vec<Vec<u8>>, StoreError> {
        match &mut self.0 {
            Ok(follower) => {
                follower.ready().await?;
                Ok(follower.take(MAX_DECISIONS)?.into_iter().map(|record| record.bytes).collect())
            }
            Err(why) => Err(why.take().unwrap_or(StoreError::Closed)),
        }
    }
}
