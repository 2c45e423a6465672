use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use rusqlite::Transaction;

use super::{file, owner::Owner};
use crate::{OpenError, StoreError};

/// Connections that read beside a file's owner, each on a thread of its own, taken in turn.
pub(crate) struct Readers {
    owners: Vec<Owner>,
    turn: AtomicUsize,
}

impl Readers {
    pub(crate) fn start(name: &str, path: &Path, count: usize) -> Result<Readers, OpenError> {
        let start = |number| {
            Owner::start(&format!("{name}-read-{number}"), file::open_reader(path)?).map_err(OpenError::Thread)
        };
        let owners = (0..count).map(start).collect::<Result<_, _>>()?;
        Ok(Readers { owners, turn: AtomicUsize::new(0) })
    }

    /// Runs `work` on one state of the file, at least as new as the last commit before the call.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.owners.len();
        self.owners[turn].call(move |connection| work(&connection.transaction()?)).await
    }

    pub(crate) async fn close(&self) {
        for owner in &self.owners {
            owner.close().await;
        }
    }
}
