use std::time::Duration;

use stores::log::{Log, Reply};
use tokio::{
    sync::{mpsc, watch},
    time::sleep,
};

/// Batches whose replies may wait beside those that are being published; the owner waits beyond them.
pub(crate) const BATCHES_WAITING: usize = 16;

/// Replies that are published at once, a batch's more or less: those of other partitions take turns with them.
const REPLIES_AT_ONCE: usize = 2_048;

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
    while let Some(first) = batches.recv().await {
        let Replies { to, replies } = with_those_behind(first, &mut batches);
        let mut pause = RETRY_FIRST;
        while let Err(error) = log.publish(replies.clone()).await {
            tracing::warn!(%error, "decisions cannot be published; trying again");
            sleep(pause).await;
            pause = (pause * 2).min(RETRY_LONGEST);
        }
        published.send_replace(to);
    }
}

fn with_those_behind(first: Replies, batches: &mut mpsc::Receiver<Replies>) -> Replies {
    let mut all = first;
    while all.replies.len() < REPLIES_AT_ONCE
        && let Ok(next) = batches.try_recv()
    {
        all.to = next.to;
        all.replies.extend(next.replies);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many replies each of these batches has; what goes together, as how many there are and where the last of them ends.
    fn check(batches: &[usize], expected: &[(usize, u64)]) {
        let (send, mut waiting) = mpsc::channel(BATCHES_WAITING);
        let mut nth = 0_u64;
        for (to, count) in (1..).zip(batches) {
            let mut reply = || {
                nth += 1;
                (None, nth.to_le_bytes().to_vec())
            };
            let batch = Replies { to, replies: (0..*count).map(|_| reply()).collect() };
            assert!(send.try_send(batch).is_ok(), "there is room");
        }
        let (mut together, mut order) = (Vec::new(), Vec::new());
        while let Ok(first) = waiting.try_recv() {
            let Replies { to, replies } = with_those_behind(first, &mut waiting);
            together.push((replies.len(), to));
            order.extend(replies.into_iter().map(|(_, record)| record));
        }
        assert_eq!(together, expected, "{batches:?}");
        assert!(order.into_iter().eq((1..=nth).map(|nth| nth.to_le_bytes().to_vec())), "in their order, each once");
    }

    #[test]
    fn what_waits_goes_together_in_its_order() {
        check(&[], &[]);
        check(&[3], &[(3, 1)]);
        check(&[3, 1, 2], &[(6, 3)]);
        check(&[2_047, 1_000, 1_000, 1], &[(3_047, 2), (1_001, 4)]);
        check(&[2_048, 2_048, 5], &[(2_048, 1), (2_048, 2), (5, 3)]);
    }
}
