//! Ids for events: a random prefix for the process and a counter, so that stamping one costs an addition.

use std::sync::atomic::{AtomicU64, Ordering};

use schemas::ids::EventId;

pub struct EventIds {
    process: u64,
    next: AtomicU64,
}

impl EventIds {
    /// `process` is random: no two processes of a deployment may share it.
    pub fn new(process: u64) -> EventIds {
        EventIds { process, next: AtomicU64::new(0) }
    }

    pub fn next(&self) -> EventId {
        EventId(u128::from(self.process) << 64 | u128::from(self.next.fetch_add(1, Ordering::Relaxed)))
    }
}
