use tokio::sync::watch;

use super::{owner::Owner, readers::Readers};
use crate::facts::Held;

mod clicks;
mod company;
mod delete;
mod insert;
mod links;
mod open;
mod partner;
mod places;
mod read;
mod rollups;
mod rows;
mod runs;
mod words;

pub(crate) use open::FILE;

/// `facts.db`.
pub struct SqliteFacts {
    writer: Owner,
    readers: Readers,
    held: watch::Sender<Held>,
}

impl SqliteFacts {
    pub(crate) fn held(&self) -> watch::Receiver<Held> {
        self.held.subscribe()
    }

    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}
