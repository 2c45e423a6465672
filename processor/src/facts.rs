//! Writes planned blocks of facts, in order, and marks them. Deciding never waits for it.

use std::time::Duration;

use metrics::counter;
use schemas::facts::Fact;
use stores::{
    facts::Block,
    ledger::{Plan, Progress},
};
use tokio::{sync::mpsc, time::sleep};

use crate::{ProcessError, again, block::Planned, owner::Deps};

/// Planned blocks that may wait to be written. Past them planning waits; nothing is lost, as facts can be made again.
pub(crate) const PLANS_WAITING: usize = 1_024;

/// Of these so many keep their facts in memory; those of the rest are made again.
pub(crate) const BLOCKS_IN_MEMORY: usize = 4;

const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LONGEST: Duration = Duration::from_secs(5);

/// Writes the facts of one partition for one owner.
pub(crate) struct Writer {
    pub(crate) deps: Deps,
    pub(crate) partition: u32,
    pub(crate) epoch: u64,
    pub(crate) incarnation: u32,
}

impl Writer {
    pub(crate) fn new(deps: Deps, partition: u32, epoch: u64, progress: &Progress) -> Writer {
        Writer { deps, partition, epoch, incarnation: progress.incarnation }
    }

    /// Writes what the last owner left, then what is planned, until no more can come.
    pub(crate) async fn write_all(
        mut self,
        left: Vec<Plan>,
        marked_up_to: u64,
        planned_up_to: u64,
        mut planned: mpsc::Receiver<Planned>,
    ) -> Result<(), ProcessError> {
        self.take_out_unknown(marked_up_to, planned_up_to).await?;
        self.write_each(left).await?;
        while let Some(Planned { plan, facts }) = planned.recv().await {
            self.write(plan, facts).await?;
        }
        Ok(())
    }

    pub(crate) async fn write_each(&self, plans: Vec<Plan>) -> Result<(), ProcessError> {
        for plan in plans {
            self.write(plan, None).await?;
        }
        Ok(())
    }

    /// Inserts a planned block, however often that takes, and marks it.
    async fn write(&self, plan: Plan, mut facts: Option<Vec<Fact>>) -> Result<(), ProcessError> {
        let mut pause = RETRY_FIRST;
        loop {
            let tried = self.try_to_write(plan, &mut facts).await;
            if let Some(done) = self.unless_it_passes(tried, &mut pause).await {
                return done;
            }
        }
    }

    /// Every try asks first whether the partition is still ours: who lost it may be far behind whoever has it.
    async fn try_to_write(&self, plan: Plan, facts: &mut Option<Vec<Fact>>) -> Result<(), ProcessError> {
        self.deps.ledger.check_epoch(self.partition, self.epoch).await?;
        let rows = match facts {
            Some(rows) => rows,
            None => facts.insert(again::facts(&self.deps, self.partition, plan).await?),
        };
        let (partition, incarnation) = (self.partition, self.incarnation);
        let block = Block { partition, from: plan.from, to: plan.to, incarnation, facts: rows.clone() };
        self.deps.facts.insert(block).await?;
        self.deps.ledger.mark(partition, plan).await?;
        counter!("refmill_facts_written_total").increment(rows.len() as u64);
        Ok(())
    }

    /// Where facts hold more than the ledger had planned when it was taken, it was restored from an older copy: what it does not know of is taken
    /// out, and what is inserted from now on is told from what was before.
    async fn take_out_unknown(&mut self, marked_up_to: u64, planned_up_to: u64) -> Result<(), ProcessError> {
        let mut pause = RETRY_FIRST;
        loop {
            let tried = self.try_to_take_out(marked_up_to, planned_up_to).await;
            if let Some(done) = self.unless_it_passes(tried, &mut pause).await {
                return done;
            }
        }
    }

    async fn try_to_take_out(&mut self, marked_up_to: u64, planned_up_to: u64) -> Result<(), ProcessError> {
        let Writer { deps, partition, epoch, .. } = self;
        let stored = deps.facts.stored_up_to(*partition).await?;
        if stored <= planned_up_to {
            return Ok(());
        }
        tracing::warn!(
            partition,
            planned_up_to,
            stored,
            "the ledger was restored from an older copy: facts past it go"
        );
        counter!("refmill_ledgers_restored_total").increment(1);
        // First, so that a try that ends half-way is made good by the next.
        self.incarnation = deps.ledger.begin_incarnation(*partition, *epoch, marked_up_to).await?;
        deps.facts.delete_from(*partition, marked_up_to).await?;
        Ok(())
    }

    /// None: pause over, try again.
    async fn unless_it_passes(
        &self,
        tried: Result<(), ProcessError>,
        pause: &mut Duration,
    ) -> Option<Result<(), ProcessError>> {
        match tried {
            Err(error) if error.passes() && !matches!(error, ProcessError::Fenced) => {
                tracing::warn!(partition = self.partition, %error, "facts cannot be written; trying again");
                counter!("refmill_facts_failures_total").increment(1);
                sleep(*pause).await;
                *pause = (*pause * 2).min(RETRY_LONGEST);
                None
            }
            done => Some(done),
        }
    }
}
