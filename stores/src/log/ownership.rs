use std::sync::mpsc;

use crate::{StoreError, kafka, sqlite};

/// This process's part in deciding: which partitions are given to it, and which are to go to others.
pub enum Ownership {
    Embedded(sqlite::log::Ownership),
    Distributed(kafka::log::Ownership),
}

/// A partition has changed hands.
#[derive(Debug)]
pub enum Moved {
    /// It is this process's to decide.
    Take(u32),
    /// Another is to have it, or has it already.
    LetGo { partition: u32, gone: LetGo },
}

/// Dropped once the partition is let go of: who is to have it next waits for that, but not for ever.
#[derive(Debug)]
pub struct LetGo {
    /// Nothing is ever sent: the other side sees that it is gone.
    _held: mpsc::SyncSender<()>,
}

impl LetGo {
    /// The other end of this channel hears of it.
    pub fn new(held: mpsc::SyncSender<()>) -> LetGo {
        LetGo { _held: held }
    }
}

impl Ownership {
    /// Waits for a partition to move. Dropping the wait loses none.
    pub async fn next(&mut self) -> Result<Moved, StoreError> {
        match self {
            Ownership::Embedded(ownership) => ownership.next().await,
            Ownership::Distributed(ownership) => ownership.next().await,
        }
    }

    /// Gives all partitions back at once; whoever owned one here has let go of it before.
    pub async fn leave(self) {
        match self {
            Ownership::Embedded(_) => {}
            Ownership::Distributed(ownership) => ownership.leave().await,
        }
    }
}
