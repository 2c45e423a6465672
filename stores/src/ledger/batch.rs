use rules::{effect::Effect, known::Ident};
use schemas::{
    hashes::KeyHash,
    ids::{CompanyId, EventId, ProgramId},
    money::Currency,
    time::TimeMs,
};

use super::Versions;
use crate::StoreError;

/// What was decided of a partition's log from one offset to before another, to be committed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub partition: u32,
    /// As [`super::Ledger::take`] gave it.
    pub epoch: u64,
    pub from: u64,
    pub to: u64,
    /// Id of the event at `to - 1`; None leaves what is stored.
    pub last_event: Option<EventId>,
    /// The latest append time of its events; never below what is stored.
    pub appended_at: TimeMs,
    /// Of all its events, in their order.
    pub effects: Vec<Effect>,
    /// What was known of the rows that other partitions write too, as it was fetched.
    pub relied_on: Versions,
    pub quarantined: Vec<Quarantined>,
    /// The block of facts that this batch closes.
    pub plan: Option<Plan>,
    /// How far replies are published, where that has moved.
    pub published: Option<u64>,
}

/// A record that could not be decoded, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    pub offset: u64,
    pub reason: String,
    pub record: Vec<u8>,
}

/// A block of facts: the offsets from `from` to before `to`. Blocks follow one another without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Plan {
    pub from: u64,
    pub to: u64,
}

/// Why nothing of a batch was committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Let go of the partition.
    #[error("the partition has another owner, or is elsewhere in the log")]
    Fenced,
    /// Fetch and decide the batch again.
    #[error("{0:?} has changed since it was looked up")]
    Conflict(SharedRow),
    #[error("a block of facts from {from} to {to} does not follow the one before it")]
    PlanOutOfOrder { from: u64, to: u64 },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A row that several partitions write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SharedRow {
    Key(KeyHash),
    Ident(CompanyId, Ident),
    Budget(ProgramId, Currency),
}

impl From<tokio_postgres::Error> for CommitError {
    fn from(error: tokio_postgres::Error) -> CommitError {
        CommitError::Store(error.into())
    }
}

impl From<rusqlite::Error> for CommitError {
    fn from(error: rusqlite::Error) -> CommitError {
        CommitError::Store(error.into())
    }
}
