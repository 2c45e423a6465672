use std::sync::Arc;

use tokio::sync::watch;

use super::{Log, PARTITION};
use crate::{StoreError, log::Moved};

/// The one partition is this process's from the start to the end.
pub struct Ownership {
    given: bool,
    /// It ends with the log.
    end: watch::Receiver<u64>,
}

impl Ownership {
    pub(crate) fn new(log: Arc<Log>) -> Ownership {
        Ownership { given: false, end: log.ends.events.clone() }
    }

    pub(crate) async fn next(&mut self) -> Result<Moved, StoreError> {
        if !self.given {
            self.given = true;
            return Ok(Moved::Take(PARTITION));
        }
        while self.end.changed().await.is_ok() {}
        Err(StoreError::Closed)
    }
}
