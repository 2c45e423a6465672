//! What an owner does between batches, each when its time has come.

use std::time::{Duration, Instant};

use schemas::{event::Body, time::MINUTE_MS};
use stores::{facts::Held, ledger::Plan};
use tokio::sync::{mpsc::error::TrySendError, watch};

use crate::{ProcessError, owner::Owner, settles};

/// How often a partition's owner appends a tick.
const TICK_EVERY_MS: i64 = MINUTE_MS;

/// How often plans of blocks that the log does not hold any more are dropped.
const PRUNE_EVERY: Duration = Duration::from_secs(60 * 60);

impl Owner {
    pub(crate) async fn keep_up(&mut self, held: &mut watch::Receiver<Held>) -> Result<(), ProcessError> {
        if self.block.due().is_some_and(|due| due <= Instant::now()) {
            self.close_block().await?;
        }
        let held_up_to = held.borrow_and_update().up_to(self.partition);
        if self.settle_again_at.take_if(|at| *at <= Instant::now()).is_some() {
            self.settled_up_to = 0;
        }
        if held_up_to > self.settled_up_to || self.settles_left {
            settles::append(self, held_up_to).await?;
        }
        let now = (self.deps.now)();
        if now.since_ms(self.ticked_at) >= TICK_EVERY_MS || now < self.ticked_at {
            // One that is left out comes again a minute later.
            self.append(vec![(self.partition, Body::Tick)]).await?;
            self.ticked_at = now;
        }
        if self.pruned_at.elapsed() >= PRUNE_EVERY {
            self.pruned_at = Instant::now();
            self.prune().await;
        }
        self.saving.keep_up(self.next, &mut self.memory, self.limits.touches_every).await
    }

    /// What cannot be dropped now is dropped another time.
    async fn prune(&self) {
        let Ok(span) = self.deps.log.span(self.partition).await else { return };
        if let Err(error) = self.deps.ledger.drop_plans(self.partition, self.epoch, span.start).await {
            tracing::debug!(partition = self.partition, %error, "old plans are kept for now");
        }
    }

    /// Closes the open block without a batch.
    pub(crate) async fn close_block(&mut self) -> Result<(), ProcessError> {
        if !self.may_plan() {
            return Ok(());
        }
        let plan = self.block.plan();
        self.deps.ledger.plan(self.partition, self.epoch, plan).await?;
        self.send_block(plan)
    }

    /// Whether another block can wait to be written. Where none can, its facts are dropped, to be made again later.
    pub(crate) fn may_plan(&mut self) -> bool {
        let may = self.planned.capacity() > 0;
        if !may {
            self.block.drop_facts();
        }
        may
    }

    /// Hands the open block, which is planned, to who writes it, and begins another.
    pub(crate) fn send_block(&mut self, plan: Plan) -> Result<(), ProcessError> {
        let next = self.deps.facts.gather(*self.incarnation.borrow());
        let planned = self.block.close(plan, Instant::now(), next, &self.room);
        match self.planned.try_send(planned) {
            // Why the writer has ended it says itself.
            Ok(()) | Err(TrySendError::Closed(_)) => Ok(()),
            Err(TrySendError::Full(_)) => Err(ProcessError::TaskEnded),
        }
    }
}
