use std::time::Duration;

use stores::log::{Log, Reply};
use tokio::{
    sync::{mpsc, watch},
    time::sleep,
};

/// Batches whose replies may wait to be published; the owner waits beyond them.
pub(crate) const BATCHES_WAITING: usize = 16;

const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_LONGEST: Duration = Duration::from_secs(2);

/// The replies of a committed batch.
pub(crate) struct Replies {
    /// Where the batch ends.
    pub(crate) to: u64,
    pub(crate) replies: Vec<Reply>,
}

/// Publishes replies in order and says how far that is; batches that have come meanwhile go together, as each publishing takes about as
/// long. Who has seen one before drops it.
pub(crate) async fn publish(log: Log, mut batches: mpsc::Receiver<Replies>, published: watch::Sender<u64>) {
    let mut waiting = Vec::with_capacity(BATCHES_WAITING);
    while batches.recv_many(&mut waiting, BATCHES_WAITING).await > 0 {
        let to = waiting.last().map_or(0, |batch| batch.to);
        let replies: Vec<Reply> = waiting.drain(..).flat_map(|batch| batch.replies).collect();
        let mut pause = RETRY_FIRST;
        while let Err(error) = log.publish(replies.clone()).await {
            tracing::warn!(%error, "decisions cannot be published; trying again");
            sleep(pause).await;
            pause = (pause * 2).min(RETRY_LONGEST);
        }
        published.send_replace(to);
    }
}
