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
