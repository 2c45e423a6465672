use std::time::{Duration, Instant};

use schemas::facts::Fact;
use stores::{facts::Block, ledger::Plan};

/// A block closes at this many facts…
pub(crate) const FACTS_MAX: usize = 10_000;

/// …or when it has been open this long.
pub(crate) const OPEN_FOR: Duration = Duration::from_secs(1);

/// The block of facts that is being filled: all of the partition's log from where the last one ended.
pub(crate) struct OpenBlock {
    partition: u32,
    incarnation: u32,
    from: u64,
    to: u64,
    facts: Vec<Fact>,
    opened: Option<Instant>,
}

impl OpenBlock {
    pub(crate) fn new(partition: u32, incarnation: u32, from: u64) -> OpenBlock {
        OpenBlock { partition, incarnation, from, to: from, facts: Vec::new(), opened: None }
    }

    /// Whether a block that also takes these facts is to be closed.
    pub(crate) fn closes_with(&self, more: usize, now: Instant) -> bool {
        self.facts.len() + more >= FACTS_MAX || self.due().is_some_and(|due| due <= now)
    }

    /// When it is to be closed, if there is anything in it.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.opened.map(|opened| opened + OPEN_FOR)
    }

    pub(crate) fn plan(&self) -> Plan {
        Plan { from: self.from, to: self.to }
    }

    /// Takes in a committed batch.
    pub(crate) fn extend(&mut self, to: u64, facts: Vec<Fact>, now: Instant) {
        self.to = to;
        self.facts.extend(facts);
        self.opened.get_or_insert(now);
    }

    /// Gives out what it holds and begins anew where that ends.
    pub(crate) fn close(&mut self) -> Block {
        let closed = Block {
            partition: self.partition,
            from: self.from,
            to: self.to,
            incarnation: self.incarnation,
            facts: std::mem::take(&mut self.facts),
        };
        self.from = self.to;
        self.opened = None;
        closed
    }
}
