//! The owner of a partition: its loop and what it holds.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use metrics::counter;
use schemas::{
    event::{Body, Event},
    ids::{ConversionId, EventId},
    time::{MINUTE_MS, TimeMs},
    wire::encode_event,
};
use stores::{
    StoreError,
    catalog::Catalog,
    facts::{Block, Facts, Held},
    ledger::{CommitError, Ledger},
    log::{Class, Log},
    touches::{SaveError, Touches},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{
    ProcessError,
    block::OpenBlock,
    facts,
    memory::Memory,
    publish::{self, Replies},
    recover, settles,
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
    /// What it owns and how far it is with it.
    pub status: watch::Sender<crate::Status>,
}

/// What bounds a processor.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Events decided in one transaction.
    pub batch_events: usize,
    /// How often touches are saved.
    pub touches_every: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { batch_events: 2_048, touches_every: Duration::from_secs(5) }
    }
}

/// How often a partition's owner appends a tick.
const TICK_EVERY_MS: i64 = MINUTE_MS;

/// How often an owner that has nothing to decide looks at what time has brought.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// After a store has failed.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Everything that one owner of one partition holds.
pub(crate) struct Owner {
    pub(crate) deps: Deps,
    pub(crate) limits: Limits,
    pub(crate) partition: u32,
    pub(crate) epoch: u64,
    /// The offset to be decided next.
    pub(crate) next: u64,
    pub(crate) memory: Memory,
    /// Touches are saved up to here.
    pub(crate) touches_saved: u64,
    pub(crate) block: OpenBlock,
    pub(crate) blocks: mpsc::Sender<Block>,
    pub(crate) replies: mpsc::Sender<Replies>,
    pub(crate) published: watch::Receiver<u64>,
    pub(crate) published_saved: u64,
    /// Conversions whose settle is in the log and not decided yet.
    pub(crate) settling: HashSet<ConversionId>,
    /// All settles that facts up to here allow are appended.
    pub(crate) settled_up_to: u64,
    /// A decision has left settles to be appended.
    pub(crate) settles_left: bool,
    /// When the last tick was appended; long ago where one is due at once.
    pub(crate) ticked_at: TimeMs,
    pub(crate) touches_saved_at: Instant,
}

/// Takes the partition, makes good what its last owner left undone, and decides until `shutdown`.
pub async fn run(deps: Deps, limits: Limits, shutdown: CancellationToken) -> Result<(), ProcessError> {
    let (blocks, blocks_waiting) = mpsc::channel(facts::BLOCKS_WAITING);
    let (replies, replies_waiting) = mpsc::channel(publish::BATCHES_WAITING);
    let (publishing, published) = watch::channel(0);
    let partition = 0;
    let status = deps.status.clone();
    let mut now = crate::Status { joined: true, owned: [(partition, crate::Stage::Recovering)].into() };
    status.send_replace(now.clone());
    let mut owner = recover::take(deps, limits, partition, blocks, replies, published).await?;
    now.owned.insert(partition, crate::Stage::Deciding);
    status.send_replace(now);
    publishing.send_replace(owner.published_saved);
    let mut writer = tokio::spawn(facts::write(owner.deps.facts.clone(), owner.deps.ledger.clone(), blocks_waiting));
    let publisher = tokio::spawn(publish::publish(owner.deps.log.clone(), replies_waiting, publishing));

    let decided = tokio::select! {
        decided = owner.decide_until(&shutdown) => decided,
        ended = &mut writer => Err(match ended {
            Ok(Err(error)) => error,
            Ok(Ok(())) | Err(_) => ProcessError::TaskEnded,
        }),
    };
    status.send_replace(crate::Status::default());
    if let Err(error) = decided {
        writer.abort();
        publisher.abort();
        return Err(error);
    }
    owner.finish(writer, publisher).await
}

impl Owner {
    async fn decide_until(&mut self, shutdown: &CancellationToken) -> Result<(), ProcessError> {
        let mut log_end = self.deps.log.watch_end();
        let mut held = self.deps.facts.held();
        while !shutdown.is_cancelled() {
            log_end.borrow_and_update();
            match self.turn(&mut held).await {
                Ok(true) => continue,
                Ok(false) => {}
                // What a store could not do was not done: it is tried again, and meanwhile the log takes what comes.
                Err(
                    ProcessError::Store(error)
                    | ProcessError::Commit(CommitError::Store(error))
                    | ProcessError::Touches(SaveError::Store(error)),
                ) if !matches!(error, StoreError::Closed) => {
                    counter!("refmill_store_failures_total").increment(1);
                    tracing::error!(%error, "a store failed; trying again");
                    shutdown.run_until_cancelled(tokio::time::sleep(RETRY_AFTER)).await;
                    continue;
                }
                Err(error) => return Err(error),
            }
            let look = self
                .block
                .due()
                .map_or(LOOK_EVERY, |due| due.saturating_duration_since(Instant::now()).min(LOOK_EVERY));
            tokio::select! {
                () = shutdown.cancelled() => {}
                _ = log_end.changed() => {}
                _ = held.changed() => {}
                () = tokio::time::sleep(look) => {}
            }
        }
        Ok(())
    }

    /// Decides a batch, if there is one, and does what its time has come.
    async fn turn(&mut self, held: &mut watch::Receiver<Held>) -> Result<bool, ProcessError> {
        let decided = self.step().await?;
        self.keep_up(held).await?;
        Ok(decided)
    }

    /// What is to be done between batches, each when its time has come.
    async fn keep_up(&mut self, held: &mut watch::Receiver<Held>) -> Result<(), ProcessError> {
        if self.block.due().is_some_and(|due| due <= Instant::now()) {
            self.close_block().await?;
        }
        let held_up_to = held.borrow_and_update().up_to(self.partition);
        if held_up_to > self.settled_up_to || self.settles_left {
            settles::append(self, held_up_to).await?;
        }
        let now = (self.deps.now)();
        if now.since_ms(self.ticked_at) >= TICK_EVERY_MS || now < self.ticked_at {
            // One that is left out comes again a minute later.
            self.append(vec![Body::Tick]).await?;
            self.ticked_at = now;
        }
        if self.touches_saved_at.elapsed() >= self.limits.touches_every {
            self.save_touches().await?;
        }
        Ok(())
    }

    /// Closes the open block without a batch.
    pub(crate) async fn close_block(&mut self) -> Result<(), ProcessError> {
        self.deps.ledger.plan(self.partition, self.epoch, self.block.plan()).await?;
        self.send_block().await
    }

    pub(crate) async fn send_block(&mut self) -> Result<(), ProcessError> {
        let block = self.block.close();
        self.blocks.send(block).await.map_err(|_| ProcessError::TaskEnded)
    }

    pub(crate) async fn save_touches(&mut self) -> Result<(), ProcessError> {
        self.touches_saved_at = Instant::now();
        if self.touches_saved == self.next {
            return Ok(());
        }
        let delta = self.memory.delta();
        self.deps.touches.save(self.partition, self.epoch, self.touches_saved, self.next, delta).await?;
        self.memory.saved();
        self.touches_saved = self.next;
        Ok(())
    }

    /// Appends events of the owner's own, all or none: not where the queue is full to the reserve, which drains by itself.
    pub(crate) async fn append(&self, bodies: Vec<Body>) -> Result<bool, ProcessError> {
        let record = |body| {
            encode_event(Event {
                id: (self.deps.event_id)(),
                stamped_at: (self.deps.now)(),
                resent: false,
                reply_to: None,
                key: None,
                first_appended_at: None,
                body,
            })
        };
        let records = bodies.into_iter().map(record).collect();
        let Ok(appending) = self.deps.log.enqueue_many(Class::Own, records) else { return Ok(false) };
        appending.await?;
        Ok(true)
    }

    /// Leaves nothing undone that the next start would have to make good.
    async fn finish(
        mut self,
        writer: JoinHandle<Result<(), ProcessError>>,
        publisher: JoinHandle<()>,
    ) -> Result<(), ProcessError> {
        if self.block.due().is_some() {
            self.close_block().await?;
        }
        self.save_touches().await?;
        let Owner { deps, partition, epoch, published_saved, blocks, replies, published, .. } = self;
        drop((blocks, replies));
        writer.await.map_err(|_| ProcessError::TaskEnded)??;
        publisher.await.map_err(|_| ProcessError::TaskEnded)?;
        let published = *published.borrow();
        if published > published_saved {
            deps.ledger.set_published(partition, epoch, published).await?;
        }
        Ok(())
    }
}
