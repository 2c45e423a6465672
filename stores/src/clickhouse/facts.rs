use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex, watch};

use super::{ClickHouse, READ_WAIT, within};
use crate::{StoreError, facts::Held};

mod bind;
mod checksum;
mod clicks;
mod company;
mod delete;
mod encode;
mod insert;
mod links;
mod migrate;
mod open;
mod partner;
mod rows;

pub(crate) use encode::Rows;

/// How many blocks are inserted at once; of one partition, one.
const INSERTS_AT_ONCE: usize = 16;

/// Facts in a ClickHouse database.
pub struct ClickHouseFacts {
    server: ClickHouse,
    /// What this process inserted or was told: the server is not asked.
    held: watch::Sender<Held>,
    /// A partition has its turn at one of them.
    turns: [Mutex<()>; INSERTS_AT_ONCE],
    is_closed: AtomicBool,
}

impl ClickHouseFacts {
    pub(crate) fn held(&self) -> watch::Receiver<Held> {
        self.held.subscribe()
    }

    pub(crate) fn resume(&self, partition: u32, up_to: u64) {
        self.held.send_modify(|held| {
            held.offsets.insert(partition, up_to);
            held.incarnations.remove(&partition);
        });
    }

    pub(crate) fn let_go(&self, partition: u32) {
        self.held.send_modify(|held| {
            held.offsets.remove(&partition);
            held.incarnations.remove(&partition);
        });
    }

    pub(crate) async fn ask(&self) -> Result<(), StoreError> {
        within(READ_WAIT, self.open_server()?.client.query("SELECT 1").fetch_one::<u8>()).await.map(drop)
    }

    pub(crate) async fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        for turn in &self.turns {
            drop(turn.lock().await);
        }
    }

    fn turn(&self, partition: u32) -> &Mutex<()> {
        &self.turns[partition as usize % INSERTS_AT_ONCE]
    }

    fn open_server(&self) -> Result<&ClickHouse, StoreError> {
        if self.is_closed.load(Ordering::Acquire) { Err(StoreError::Closed) } else { Ok(&self.server) }
    }
}
