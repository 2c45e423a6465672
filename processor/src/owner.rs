//! The owner of a partition: its loop and what it holds.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use metrics::counter;
use schemas::{
    ids::{ConversionId, EventId, Position},
    time::TimeMs,
};
use stores::{
    catalog::Catalog,
    facts::{Facts, Held},
    ledger::{Ledger, Versions},
    log::{EventReader, Log},
    touches::Touches,
};
use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::JoinHandle,
    time::{sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    ProcessError,
    block::{OpenBlock, Planned, WAITING_BYTES},
    facts,
    memory::Memory,
    pool::{Stage, Status, set_stage},
    publish::{self, Replies},
    read::Stretch,
    recover::{self, Recovered},
    saving::Saving,
};

/// The stores and the few things of its process that a processor works with.
#[derive(Clone)]
pub struct Deps {
    pub log: Log,
    pub touches: Touches,
    pub ledger: Ledger,
    pub catalog: Catalog,
    pub facts: Facts,
    pub now: fn() -> TimeMs,
    /// Ids for the events that it appends itself.
    pub event_id: Arc<dyn Fn() -> EventId + Send + Sync>,
    /// Told what it is doing.
    pub status: watch::Sender<Status>,
}

/// What bounds a processor.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Events decided in one transaction, [`BATCH_EVENTS_MAX`](crate::BATCH_EVENTS_MAX) at the most.
    pub batch_events: usize,
    /// How long clicks may wait to be decided together with those that come after them: nobody waits for one.
    pub clicks_wait: Duration,
    /// How soon after one batch that was not full the next begins for whoever waits: what comes meanwhile is decided together, as a batch
    /// costs servers about as much whatever is in it. The first after a while begins at once.
    pub batch_every: Duration,
    /// How often touches are saved.
    pub touches_every: Duration,
    /// How long deciding waits for facts. They may be away for hours, and not say so.
    pub facts_wait: Duration,
    /// How soon a settle that facts did not answer for is appended again.
    pub settle_again_after: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            batch_events: 2_048,
            clicks_wait: Duration::from_millis(200),
            batch_every: Duration::from_millis(10),
            touches_every: Duration::from_secs(5),
            facts_wait: Duration::from_secs(5),
            settle_again_after: Duration::from_secs(30),
        }
    }
}

/// After a store has failed.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// How long each of the tasks beside the owner may take at the end; the next owner makes good what they leave.
const TASK_WAIT: Duration = Duration::from_secs(3);

/// Everything that one owner of one partition holds.
pub(crate) struct Owner {
    pub(crate) deps: Deps,
    pub(crate) limits: Limits,
    pub(crate) partition: u32,
    pub(crate) epoch: u64,
    /// The offset to be decided next.
    pub(crate) next: u64,
    /// When the last batch began; none where it was full.
    pub(crate) began_at: Option<Instant>,
    pub(crate) reader: EventReader,
    /// Read and not committed.
    pub(crate) pending: Option<Stretch>,
    /// Where a newer version has to go on: from there on nothing is read any more.
    pub(crate) held_at: Option<Position>,
    /// Events of it that their own partitions have by now.
    pub(crate) forwarded: HashSet<EventId>,
    /// Rows that it was in conflict about.
    pub(crate) contended: Option<Versions>,
    pub(crate) memory: Memory,
    pub(crate) saving: Saving,
    pub(crate) block: OpenBlock,
    /// That of blocks which are begun now.
    pub(crate) incarnation: watch::Receiver<u32>,
    /// For facts that wait to be written, in bytes.
    pub(crate) room: Arc<Semaphore>,
    pub(crate) planned: mpsc::Sender<Planned>,
    pub(crate) replies: mpsc::Sender<Replies>,
    pub(crate) published: watch::Receiver<u64>,
    pub(crate) published_saved: u64,
    /// Conversions whose settle is in the log and not decided yet.
    pub(crate) settling: HashSet<ConversionId>,
    /// All settles that facts up to here allow are appended.
    pub(crate) settled_up_to: u64,
    /// When to look again for settles that facts did not answer for.
    pub(crate) settle_again_at: Option<Instant>,
    /// A decision has left settles to be appended.
    pub(crate) settles_left: bool,
    pub(crate) pruned_at: Instant,
    /// When the last tick was appended; long ago where one is due at once.
    pub(crate) ticked_at: TimeMs,
}

/// Takes the partition, makes good what its last owner left undone, and decides until told to stop.
pub(crate) async fn own(
    deps: Deps,
    limits: Limits,
    partition: u32,
    stop: CancellationToken,
) -> Result<(), ProcessError> {
    let Some(recovered) = stop.run_until_cancelled(recover::take(&deps, partition)).await else { return Ok(()) };
    let Recovered { epoch, progress, published: published_saved, memory, touches_behind, writer, plans } = recovered?;
    let (planned, planned_waiting) = mpsc::channel(facts::PLANS_WAITING);
    let (replies, replies_waiting) = mpsc::channel(publish::BATCHES_WAITING);
    let (publishing, published) = watch::channel(published_saved);
    let incarnation = writer.incarnation.subscribe();
    let first_block = OpenBlock::new(progress.next, deps.facts.gather(*incarnation.borrow()));
    let writer = tokio::spawn(writer.write_all(plans, planned_waiting));
    let publisher = tokio::spawn(publish::publish(deps.log.clone(), replies_waiting, publishing));
    let mut owner = Owner {
        limits,
        partition,
        epoch,
        next: progress.next,
        began_at: None,
        reader: deps.log.events(partition, progress.next, progress.appended_at),
        pending: None,
        held_at: None,
        forwarded: HashSet::new(),
        contended: None,
        memory,
        saving: Saving::new(deps.touches.clone(), partition, epoch, progress.next, touches_behind),
        block: first_block,
        incarnation,
        room: Arc::new(Semaphore::new(WAITING_BYTES)),
        planned,
        replies,
        published,
        published_saved,
        settling: HashSet::new(),
        settled_up_to: 0,
        settle_again_at: None,
        settles_left: true,
        pruned_at: Instant::now(),
        ticked_at: TimeMs(0),
        deps,
    };
    set_stage(&owner.deps.status, partition, Some(Stage::Deciding));
    let mut writing = Beside(writer);
    let publishing = Beside(publisher);
    let decided = tokio::select! {
        decided = owner.decide_until(&stop) => decided,
        ended = &mut writing.0 => Err(match ended {
            Ok(Err(error)) => error,
            Ok(Ok(())) | Err(_) => ProcessError::TaskEnded,
        }),
    };
    decided?;
    owner.finish(writing, publishing).await
}

/// A task that ends with its owner.
struct Beside<T>(JoinHandle<T>);

impl<T> Drop for Beside<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Owner {
    async fn decide_until(&mut self, stop: &CancellationToken) -> Result<(), ProcessError> {
        let mut held = self.deps.facts.held();
        while !stop.is_cancelled() {
            match self.turn(&mut held).await {
                Ok(()) => {}
                Err(error) if error.is_of_a_store() => {
                    // What a store could not do was not done: it is tried again, and meanwhile the log takes what comes.
                    counter!("refmill_store_failures_total").increment(1);
                    tracing::error!(partition = self.partition, %error, "a store failed; trying again");
                    stop.run_until_cancelled(tokio::time::sleep(RETRY_AFTER)).await;
                    continue;
                }
                Err(error) => return Err(error),
            }
            // A block that no more can be planned after is looked at in its turn.
            let due = self.block.due().filter(|_| self.planned.capacity() > 0);
            let longest = self.limits.clicks_wait;
            let look = due.map_or(longest, |due| due.saturating_duration_since(Instant::now()).min(longest));
            tokio::select! {
                // Where a batch is there and another time has come too, the batch still waits for others to come.
                biased;
                () = stop.cancelled() => {}
                ready = self.reader.ready(), if self.held_at.is_none() => {
                    ready.map_err(ProcessError::Reading)?;
                    stop.run_until_cancelled(self.others_to_come()).await;
                }
                _ = held.changed() => {}
                () = tokio::time::sleep(look) => {}
            }
        }
        Ok(())
    }

    /// Waits until the next batch may begin.
    async fn others_to_come(&self) {
        let Some(began_at) = self.began_at else { return };
        let next_at = began_at + self.limits.batch_every;
        // A timer that is due takes up to a millisecond all the same.
        if next_at > Instant::now() {
            sleep_until(next_at.into()).await;
        }
    }

    /// Decides a batch, if there is one, and does what its time has come.
    async fn turn(&mut self, held: &mut watch::Receiver<Held>) -> Result<(), ProcessError> {
        self.step().await?;
        self.keep_up(held).await
    }

    /// Leaves as little undone as it can that the next owner would have to make good.
    async fn finish(
        mut self,
        mut writing: Beside<Result<(), ProcessError>>,
        mut publishing: Beside<()>,
    ) -> Result<(), ProcessError> {
        if self.block.due().is_some() {
            self.close_block().await?;
        }
        if let Ok(saved) = timeout(TASK_WAIT, self.saving.finish(self.next, &mut self.memory)).await {
            saved?;
        }
        let Owner { deps, partition, epoch, published_saved, planned, replies, published, .. } = self;
        drop((planned, replies));
        let written = timeout(TASK_WAIT, &mut writing.0).await;
        let _ = timeout(TASK_WAIT, &mut publishing.0).await;
        let published = *published.borrow();
        if published > published_saved {
            deps.ledger.set_published(partition, epoch, published).await?;
        }
        deps.facts.let_go(partition);
        match written {
            Ok(ended) => ended.map_err(|_| ProcessError::TaskEnded)?,
            Err(_) => {
                tracing::warn!(partition, "facts are behind: the next owner writes the rest");
                Ok(())
            }
        }
    }
}
