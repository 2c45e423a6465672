use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use stores::{
    facts::{Gathered, Whole},
    ledger::Plan,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A block closes at this many facts…
pub(crate) const FACTS_MAX: usize = 10_000;

/// …or when it has been open this long.
pub(crate) const OPEN_FOR: Duration = Duration::from_secs(1);

/// Offsets in a block at the most.
pub(crate) const OFFSETS_MAX: u64 = 16_384;

/// Events in a batch at the most: a block that has just not been closed takes them all.
pub const BATCH_EVENTS_MAX: usize = OFFSETS_MAX as usize - FACTS_MAX;

/// Facts of planned blocks that wait in memory take so much at the most; those of the rest are made again.
pub(crate) const WAITING_BYTES: usize = 32 * 1024 * 1024;

/// The block of facts that is being filled: all of the partition's log from where the last one ended.
pub(crate) struct OpenBlock {
    from: u64,
    to: u64,
    /// None where they were dropped, as facts are far behind: they are made again from log and ledger.
    facts: Option<Gathered>,
    opened: Option<Instant>,
}

/// A block that is planned, with its facts where they are at hand.
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    pub(crate) facts: Option<Waiting>,
}

/// Facts that wait to be written, and the room that they take.
pub(crate) struct Waiting {
    pub(crate) facts: Whole,
    _room: OwnedSemaphorePermit,
}

impl OpenBlock {
    pub(crate) fn new(from: u64, facts: Gathered) -> OpenBlock {
        OpenBlock { from, to: from, facts: Some(facts), opened: None }
    }

    /// Whether a block that also takes these facts is to be closed.
    pub(crate) fn closes_with(&self, more: usize, now: Instant) -> bool {
        let facts = self.facts.as_ref().map_or(0, Gathered::count);
        facts + more >= FACTS_MAX || self.due().is_some_and(|due| due <= now)
    }

    /// When it is to be closed, if there is anything in it.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.opened.map(|opened| opened + OPEN_FOR)
    }

    /// The block as it would be, closed here; never more than fits into one.
    pub(crate) fn plan_up_to(&self, to: u64) -> Plan {
        Plan { from: self.from, to: to.min(self.from + OFFSETS_MAX) }
    }

    pub(crate) fn plan(&self) -> Plan {
        self.plan_up_to(self.to)
    }

    /// Takes in a committed batch, whose facts `gather` adds.
    pub(crate) fn extend(&mut self, to: u64, now: Instant, gather: impl FnOnce(&mut Gathered)) {
        self.to = to;
        self.facts.as_mut().map(gather);
        self.opened.get_or_insert(now);
    }

    /// Forgets its facts.
    pub(crate) fn drop_facts(&mut self) {
        self.facts = None;
    }

    /// Gives out what was planned, with its facts where there is room for them to wait, and begins anew where that ends.
    pub(crate) fn close(&mut self, plan: Plan, now: Instant, next: Gathered, room: &Arc<Semaphore>) -> Planned {
        let is_whole = plan.to == self.to;
        let facts = self.facts.take().filter(|_| is_whole).and_then(|facts| Waiting::new(facts, room));
        self.from = plan.to;
        self.facts = is_whole.then_some(next);
        self.opened = (!is_whole).then(|| now.checked_sub(OPEN_FOR).unwrap_or(now));
        Planned { plan, facts }
    }
}

impl Waiting {
    fn new(facts: Gathered, room: &Arc<Semaphore>) -> Option<Waiting> {
        let bytes = u32::try_from(facts.bytes()).ok()?;
        let room = Arc::clone(room).try_acquire_many_owned(bytes).ok()?;
        Some(Waiting { facts: facts.whole(), _room: room })
    }
}
