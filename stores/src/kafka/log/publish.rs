use std::sync::atomic::Ordering;

use tokio::sync::oneshot;

use super::{Log, delivery::Delivery};
use crate::{StoreError, log::Reply};

/// How many decisions may be on their way; who publishes more waits.
pub(super) const DECISIONS_WAITING: usize = 16_384;

impl Log {
    pub(crate) async fn publish(&self, decisions: Vec<Reply>) -> Result<(), StoreError> {
        let mut decisions = decisions;
        while !decisions.is_empty() {
            let rest = decisions.split_off(decisions.len().min(DECISIONS_WAITING));
            self.publish_some(decisions).await?;
            decisions = rest;
        }
        Ok(())
    }

    async fn publish_some(&self, decisions: Vec<Reply>) -> Result<(), StoreError> {
        let places = u32::try_from(decisions.len()).unwrap_or(u32::MAX);
        let room = self.room.clone().acquire_many_owned(places).await.map_err(|_| StoreError::Closed)?;
        if self.is_closing() {
            return Err(StoreError::Closed);
        }
        let (done, published) = oneshot::channel();
        let delivery = Delivery::of_decisions(decisions.len(), done, room);
        let records = decisions.into_iter().map(|(reply_to, record)| (self.reply_partition(reply_to), record));
        self.producer.hand_over_decisions(records, &delivery);
        delivery.let_go(&self.producer.flow);
        published.await.map_err(|_| StoreError::Closed)?
    }

    /// A decision that nobody waits for is there for outsiders: those are spread over all partitions.
    fn reply_partition(&self, reply_to: Option<u32>) -> u32 {
        let partition = reply_to.unwrap_or_else(|| self.next_reply.fetch_add(1, Ordering::Relaxed));
        partition % self.reply_partitions
    }
}
