use schemas::{ids::EventId, time::TimeMs};

use super::Plan;

/// A partition as its new owner finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub epoch: u64,
    pub progress: Progress,
    /// Blocks of facts that are planned and not marked, in order.
    pub open_plans: Vec<Plan>,
    /// Facts hold all before here: every block up to it is marked.
    pub marked_up_to: u64,
    /// What is to be looked into before facts are written. It stands, through all owners, until [`super::Ledger::trust_facts`].
    pub doubt: FactsDoubt,
}

/// Whether facts are those of this ledger is only known once somebody has looked: they may be away when a partition is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactsDoubt {
    /// Facts hold nothing from here on, or the ledger was restored from an older copy.
    pub expected_up_to: u64,
    /// An owner has begun to take facts out and has not said that it is done.
    pub in_removal: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The offset to be decided next.
    pub next: u64,
    /// Id of the event before it.
    pub last_event: Option<EventId>,
    /// The latest append time before `next`.
    pub appended_at: TimeMs,
    /// Replies of batches that begin before this are published.
    pub published: u64,
    /// Facts are planned up to here.
    pub planned_up_to: u64,
    /// One more each time that a ledger was restored from a copy.
    pub incarnation: u32,
}
