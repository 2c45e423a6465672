//! Writes planned blocks of facts, in order, and marks them. Deciding never waits for it.

use std::time::Duration;

use metrics::counter;
use stores::{
    facts::{Extent, Facts, INSERT_WAIT, Removal, Whole},
    ledger::{FactsDoubt, Plan},
};
use tokio::{
    sync::{mpsc, watch},
    time::sleep,
};

use crate::{
    ProcessError, again,
    block::{Planned, Waiting},
    owner::Deps,
};

/// Planned blocks that may wait to be written. Past them planning waits; nothing is lost, as facts can be made again.
pub(crate) const PLANS_WAITING: usize = 1_024;

const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LONGEST: Duration = Duration::from_secs(5);

/// Writes the facts of one partition for one owner.
pub(crate) struct Writer {
    pub(crate) deps: Deps,
    pub(crate) partition: u32,
    pub(crate) epoch: u64,
    /// The owner follows it, for what it gathers.
    pub(crate) incarnation: watch::Sender<u32>,
    pub(crate) marked_up_to: u64,
    pub(crate) doubt: FactsDoubt,
}

impl Writer {
    /// Writes what the last owner left, then what is planned, until no more can come.
    pub(crate) async fn write_all(
        mut self,
        left: Vec<Plan>,
        mut planned: mpsc::Receiver<Planned>,
    ) -> Result<(), ProcessError> {
        self.settle_doubt().await?;
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
    async fn write(&self, plan: Plan, waiting: Option<Waiting>) -> Result<(), ProcessError> {
        let incarnation = *self.incarnation.borrow();
        let mut facts = waiting.as_ref().map(|waiting| waiting.facts.clone()).filter(|facts| facts.is_of(incarnation));
        let mut pause = RETRY_FIRST;
        loop {
            let tried = self.try_to_write(plan, incarnation, &mut facts).await;
            if let Some(done) = self.unless_it_passes(tried, &mut pause).await {
                return done;
            }
        }
    }

    /// Every try asks first whether the partition is still ours: who lost it may be far behind whoever has it.
    async fn try_to_write(&self, plan: Plan, incarnation: u32, facts: &mut Option<Whole>) -> Result<(), ProcessError> {
        let partition = self.partition;
        self.deps.ledger.check_epoch(partition, self.epoch).await?;
        let whole = match facts {
            Some(whole) => whole,
            None => facts.insert(again::facts(&self.deps, partition, plan, incarnation).await?),
        };
        let block = Extent { partition, from: plan.from, to: plan.to, incarnation };
        self.deps.facts.insert_gathered(block, whole).await?;
        self.deps.ledger.mark(partition, self.epoch, plan).await?;
        counter!("refmill_facts_written_total").increment(whole.count() as u64);
        Ok(())
    }

    /// Where facts hold more than the ledger had planned when it was first taken, it was restored from an older copy: what it does not know of
    /// is taken out, and what is inserted from now on is told from what was before. Whether it was is in the ledger until it is known, as owners
    /// may change meanwhile, and so is that a removal has begun: half of one leaves sums of rows that have gone.
    async fn settle_doubt(&mut self) -> Result<(), ProcessError> {
        if self.doubt.in_removal && matches!(self.deps.facts, Facts::Distributed(_)) {
            // What whoever began it was sending, or had taken the partition from, is there by then and goes with the rest.
            sleep(INSERT_WAIT).await;
        }
        let mut pause = RETRY_FIRST;
        loop {
            let tried = self.try_to_settle_doubt().await;
            if let Some(done) = self.unless_it_passes(tried, &mut pause).await {
                return done;
            }
        }
    }

    async fn try_to_settle_doubt(&mut self) -> Result<(), ProcessError> {
        let Writer { deps, partition, epoch, marked_up_to, .. } = self;
        let (partition, epoch, marked_up_to) = (*partition, *epoch, *marked_up_to);
        let FactsDoubt { expected_up_to, in_removal } = self.doubt;
        if in_removal {
            tracing::warn!(partition, marked_up_to, "facts were being taken out: beginning with that anew");
        } else {
            let stored = deps.facts.stored_up_to(partition).await?;
            if stored <= expected_up_to {
                return Ok(deps.ledger.trust_facts(partition, epoch).await?);
            }
            let says = "the ledger was restored from an older copy: facts past it go";
            tracing::warn!(partition, expected_up_to, stored, marked_up_to, "{says}");
            counter!("refmill_ledgers_restored_total").increment(1);
        }
        let incarnation = deps.ledger.begin_incarnation(partition, epoch, marked_up_to, (deps.now)()).await?;
        self.incarnation.send_replace(incarnation);
        self.doubt.in_removal = true;
        take_out(deps, epoch, Removal::new(partition, marked_up_to, incarnation)).await
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

/// Takes facts out and says so. Every step asks first whether the partition is still ours.
pub(crate) async fn take_out(deps: &Deps, epoch: u64, removal: Removal) -> Result<(), ProcessError> {
    let partition = removal.partition();
    let mut left = Some(removal);
    while let Some(removal) = left {
        deps.ledger.check_epoch(partition, epoch).await?;
        left = deps.facts.remove(removal).await?;
    }
    deps.ledger.trust_facts(partition, epoch).await?;
    tracing::warn!(partition, from = removal.from(), "facts that the ledger does not know of are taken out");
    Ok(())
}
