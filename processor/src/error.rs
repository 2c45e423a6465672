use schemas::ids::{EventId, Position};
use stores::{StoreError, facts::InsertError, ledger::CommitError, touches::SaveError};

/// Why a processor lets go of its partition.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    #[error("another processor took the partition: this one lets go")]
    Fenced,
    #[error(
        "the log has gone back in time: {at:?} should hold {expected} and does not. Put back the log and the ledger that belong together"
    )]
    LogWentBack { at: Position, expected: EventId },
    #[error("a batch from offset {from} on was in conflict {tries} times")]
    Contended { from: u64, tries: u32 },
    #[error("a task beside the processor ended early")]
    TaskEnded,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Commit(CommitError),
    #[error(transparent)]
    Facts(#[from] InsertError),
    #[error(transparent)]
    Touches(#[from] SaveError),
}

impl From<CommitError> for ProcessError {
    fn from(error: CommitError) -> ProcessError {
        match error {
            CommitError::Fenced => ProcessError::Fenced,
            other => ProcessError::Commit(other),
        }
    }
}
