use std::collections::BTreeMap;

use schemas::facts::Fact;

use crate::StoreError;

/// All facts of a stretch of one partition's log.
#[derive(Debug, Clone)]
pub struct Block {
    pub partition: u32,
    /// Offsets `[from, to)`.
    pub from: u64,
    pub to: u64,
    /// One more each time that a ledger was restored.
    pub incarnation: u32,
    pub facts: Vec<Fact>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    Now,
    /// All of it was held already: nothing was done.
    Before,
}

#[derive(Debug, thiserror::Error)]
pub enum InsertError {
    #[error("the block begins at {from}, and facts hold the log up to {held_up_to}")]
    Gap { held_up_to: u64, from: u64 },
    #[error("a fact at offset {offset} is not in its block")]
    Outside { offset: u64 },
    #[error("facts hold the log up to {held_up_to} for incarnation {held}, the block is of {given}")]
    Incarnation { held_up_to: u64, held: u32, given: u32 },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// For each partition the offset before which facts hold all of the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Held {
    pub(crate) offsets: BTreeMap<u32, u64>,
}

impl Held {
    pub fn up_to(&self, partition: u32) -> u64 {
        self.offsets.get(&partition).copied().unwrap_or(0)
    }
}
