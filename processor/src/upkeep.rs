//! What an owner does between batches, each when its time has come.

use std::time::Instant;

use metrics::counter;
use schemas::{event::Body, time::MINUTE_MS};
use stores::{facts::Held, touches::SaveError};
use tokio::sync::{mpsc::error::TrySendError, watch};

use crate::{
    ProcessError,
    block::Planned,
    facts::{BLOCKS_IN_MEMORY, PLANS_WAITING},
    owner::Owner,
    settles,
};

/// How often a partition's owner appends a tick.
const TICK_EVERY_MS: i64 = MINUTE_MS;

impl Owner {
    pub(crate) async fn keep_up(&mut self, held: &mut watch::Receiver<Held>) -> Result<(), ProcessError> {
        if self.block.due().is_some_and(|due| due <= Instant::now()) {
            self.close_block().await?;
        }
        let held_up_to = held.borrow_and_update().up_to(self.partition);
        if held_up_to > self.settled_up_to || self.settles_left {
            settles::append(self, held_up_to).await?;
        }
        let now = (self.deps.now)();
        if now.since_ms(self.ticked_at) >= TICK_EVERY_MS || now < self.ticked_at {
            // One that is left out comes again a minute later.
            self.append(vec![(self.partition, Body::Tick)]).await?;
            self.ticked_at = now;
        }
        if self.touches_saved_at.elapsed() >= self.limits.touches_every {
            self.save_touches().await?;
        }
        Ok(())
    }

    /// Closes the open block without a batch.
    pub(crate) async fn close_block(&mut self) -> Result<(), ProcessError> {
        if !self.may_plan() {
            return Ok(());
        }
        let plan = self.block.plan();
        self.deps.ledger.plan(self.partition, self.epoch, plan).await?;
        let planned = self.block.close(plan, Instant::now());
        self.send(planned)
    }

    /// Whether another block can wait to be written. Where none can, its facts are dropped, to be made again later.
    pub(crate) fn may_plan(&mut self) -> bool {
        let may = self.planned.capacity() > 0;
        if !may {
            self.block.drop_facts();
        }
        may
    }

    pub(crate) fn send(&mut self, mut planned: Planned) -> Result<(), ProcessError> {
        if PLANS_WAITING - self.planned.capacity() >= BLOCKS_IN_MEMORY {
            planned.facts = None;
        }
        match self.planned.try_send(planned) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => Err(ProcessError::TaskEnded),
        }
    }

    /// Decisions are made from memory: where touches cannot be saved they are saved later.
    pub(crate) async fn save_touches(&mut self) -> Result<(), ProcessError> {
        self.touches_saved_at = Instant::now();
        if self.touches_saved == self.next {
            return Ok(());
        }
        let (partition, epoch) = (self.partition, self.epoch);
        let delta = self.memory.delta();
        let mut saved = self.deps.touches.save(partition, epoch, self.touches_saved, self.next, delta).await;
        if let Err(SaveError::Moved { epoch: theirs, next }) = saved {
            if theirs > epoch {
                return Err(ProcessError::Fenced);
            }
            tracing::warn!(partition, next, "touches were lost or rolled back: saving all of them");
            counter!("refmill_touches_saved_whole_total").increment(1);
            saved = self.deps.touches.save_all(partition, epoch, self.next, &self.memory.touches).await;
        }
        match saved {
            Ok(()) => {
                self.memory.saved();
                self.touches_saved = self.next;
                Ok(())
            }
            Err(SaveError::Store(error)) if error.passes() => {
                counter!("refmill_touches_failures_total").increment(1);
                tracing::warn!(partition, %error, "touches cannot be saved; going on with those in memory");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}
