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
    #[error(
        "the log of partition {partition} holds the offsets from {start} to before {end}, and {next} is to be decided next. Put back the log and the ledger that belong together"
    )]
    LogElsewhere { partition: u32, next: u64, start: u64, end: u64 },
    /// It was decided by that version, which was taken back.
    #[error(
        "the record at {at:?} was written by a newer version of Refmill and is decided already. Start that version again: nothing is lost"
    )]
    Newer { at: Position },
    #[error("a batch from offset {from} on was in conflict {tries} times")]
    Contended { from: u64, tries: u32 },
    /// The reader ends with it: another owner begins anew.
    #[error("the log cannot be read: {0}")]
    Reading(StoreError),
    #[error("the log did not take an event that another partition is to decide")]
    NotForwarded,
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

impl ProcessError {
    /// Whether a store could not do its part, and did nothing.
    pub(crate) fn is_of_a_store(&self) -> bool {
        let ends = matches!(
            self,
            ProcessError::Fenced
                | ProcessError::Contended { .. }
                | ProcessError::Reading(_)
                | ProcessError::Commit(CommitError::PlanOutOfOrder { .. })
        );
        !ends && self.passes()
    }

    /// Whether another try may find things well again. All else is for people to look into.
    pub(crate) fn passes(&self) -> bool {
        match self {
            ProcessError::Fenced | ProcessError::Contended { .. } | ProcessError::NotForwarded => true,
            ProcessError::Store(error)
            | ProcessError::Reading(error)
            | ProcessError::Commit(CommitError::Store(error))
            | ProcessError::Facts(InsertError::Store(error))
            | ProcessError::Touches(SaveError::Store(error)) => error.passes(),
            ProcessError::Touches(SaveError::Moved { .. }) => true,
            // A plan was committed though its answer was lost: the next owner goes by what the ledger has.
            ProcessError::Commit(CommitError::PlanOutOfOrder { .. }) => true,
            ProcessError::LogWentBack { .. }
            | ProcessError::LogElsewhere { .. }
            | ProcessError::Newer { .. }
            | ProcessError::TaskEnded
            | ProcessError::Commit(_)
            | ProcessError::Facts(_) => false,
        }
    }
}

impl From<CommitError> for ProcessError {
    fn from(error: CommitError) -> ProcessError {
        match error {
            CommitError::Fenced => ProcessError::Fenced,
            other => ProcessError::Commit(other),
        }
    }
}
