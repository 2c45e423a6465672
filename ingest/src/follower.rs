//! Keeps the snapshot current: loads all of the catalog, then follows its changes by number.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use metrics::{counter, gauge};
use schemas::{catalog::ChangeNo, time::TimeMs};
use stores::{StoreError, catalog::Catalog};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    keys::EdgeKeys,
    refusal::EdgeRefusal,
    snapshot::{Loading, Snapshot},
};

/// Rows a page of the first load.
const PAGE_ROWS: u32 = 10_000;

/// Changes taken in at a time.
const CHANGES: u32 = 1_000;

/// How long who made a change waits until this snapshot has it.
const REACH_WAIT: Duration = Duration::from_secs(1);

/// How often keys are looked at again, and a catalog that could not be read is tried again.
const REFRESH: Duration = Duration::from_millis(500);

/// After how long without an answer from the catalog what is not known may be all the same.
pub const NOT_CURRENT_AFTER: Duration = Duration::from_secs(2);

/// How often all of the catalog is loaded anew, whatever the changes said.
const RELOAD_EVERY: Duration = Duration::from_hours(1);

/// A handle on the snapshot and the keys.
#[derive(Clone)]
pub struct Follower {
    snapshot: Arc<ArcSwap<Snapshot>>,
    keys: Arc<ArcSwap<EdgeKeys>>,
    /// When the catalog last said that there was nothing newer.
    current_at: Arc<ArcSwap<Instant>>,
    reached: watch::Receiver<ChangeNo>,
}

impl Follower {
    /// Loads the catalog; the future that comes with the handle follows it until told to stop.
    pub async fn start(
        catalog: Catalog,
        now: fn() -> TimeMs,
        shutdown: CancellationToken,
    ) -> Result<(Follower, impl Future<Output = ()> + Send + 'static), StoreError> {
        let asked_at = Instant::now();
        let loaded = load(&catalog).await?;
        let (reach, reached) = watch::channel(loaded.change());
        let follower = Follower {
            snapshot: Arc::new(ArcSwap::from_pointee(loaded)),
            keys: Arc::new(ArcSwap::from_pointee(EdgeKeys::load(&catalog, now()).await?)),
            current_at: Arc::new(ArcSwap::from_pointee(asked_at)),
            reached,
        };
        let task = follow(catalog, follower.clone(), reach, now, shutdown);
        Ok((follower, task))
    }

    pub fn current(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// The same for a moment, which takes no share in it.
    pub(crate) fn look(&self) -> arc_swap::Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    pub fn keys(&self) -> arc_swap::Guard<Arc<EdgeKeys>> {
        self.keys.load()
    }

    /// Whether what the snapshot does not have is not in the catalog either.
    pub fn is_current(&self) -> bool {
        self.current_at.load().elapsed() < NOT_CURRENT_AFTER
    }

    /// What to refuse something unknown with: while this is not current it may be known elsewhere.
    pub(crate) fn unknown(&self, refusal: EdgeRefusal) -> EdgeRefusal {
        if self.is_current() { refusal } else { EdgeRefusal::NotCurrent }
    }

    /// What to refuse a secret with that is no live one of its kind: one that was revoked, or is of another kind, is known.
    pub(crate) fn bad_key(&self, secret: &str, refusal: EdgeRefusal) -> EdgeRefusal {
        if self.current().knows_secret(secret) { refusal } else { self.unknown(refusal) }
    }

    /// Waits until the snapshot has this change, within bounds; false if it took longer.
    pub async fn reached(&self, change: ChangeNo) -> bool {
        let mut reached = self.reached.clone();
        matches!(timeout(REACH_WAIT, reached.wait_for(|at| *at >= change)).await, Ok(Ok(_)))
    }
}

async fn load(catalog: &Catalog) -> Result<Snapshot, StoreError> {
    let mut page = catalog.load_page(None, PAGE_ROWS).await?;
    let current_to = page.current_to;
    let mut loading = Loading::default();
    loop {
        loading.take(page.rows);
        match page.next {
            Some(from) => page = catalog.load_page(Some(from), PAGE_ROWS).await?,
            None => return Ok(loading.done(current_to)),
        }
    }
}

/// A whole snapshot when the time for one has come. A load that fails is none: the next one may succeed.
async fn reloaded(catalog: &Catalog) -> Snapshot {
    loop {
        tokio::time::sleep(RELOAD_EVERY).await;
        match load(catalog).await {
            Ok(snapshot) => return snapshot,
            Err(error) => tracing::warn!(%error, "the catalog cannot be loaded anew; going on with what is known"),
        }
    }
}

async fn follow(
    catalog: Catalog,
    follower: Follower,
    reach: watch::Sender<ChangeNo>,
    now: fn() -> TimeMs,
    shutdown: CancellationToken,
) {
    let mut latest = catalog.latest();
    let mut refresh = tokio::time::interval(REFRESH);
    refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut reload = Box::pin(reloaded(&catalog));
    let mut is_well = true;
    loop {
        let (mut keys_at, mut base) = (None, None);
        tokio::select! {
            () = shutdown.cancelled() => return,
            changed = latest.changed() => if changed.is_err() { return },
            _ = refresh.tick() => keys_at = Some(now()),
            loaded = &mut reload => {
                base = Some(loaded);
                reload.set(reloaded(&catalog));
            }
        }
        let asked_at = Instant::now();
        let outcome = refresh_all(&catalog, &follower, &reach, keys_at, base).await;
        gauge!("refmill_snapshot_current").set(if outcome.is_ok() { 1.0 } else { 0.0 });
        match outcome {
            Ok(()) => {
                follower.current_at.store(Arc::new(asked_at));
                if !is_well {
                    tracing::info!("the catalog can be followed again");
                }
                is_well = true;
            }
            Err(error) => {
                if is_well {
                    tracing::warn!(%error, "the catalog cannot be followed; going on with what is known and trying on");
                }
                is_well = false;
            }
        }
    }
}

async fn refresh_all(
    catalog: &Catalog,
    follower: &Follower,
    reach: &watch::Sender<ChangeNo>,
    keys_at: Option<TimeMs>,
    base: Option<Snapshot>,
) -> Result<(), StoreError> {
    if let Some(now) = keys_at {
        let keys = EdgeKeys::load(catalog, now).await?;
        follower.keys.store(Arc::new(keys.with_lost_days_of(&follower.keys.load(), now)));
    }
    catch_up(catalog, follower, reach, base).await
}

/// Takes in what changed since the snapshot at hand, or since `base`, which takes its place once it has all changes too.
async fn catch_up(
    catalog: &Catalog,
    follower: &Follower,
    reach: &watch::Sender<ChangeNo>,
    base: Option<Snapshot>,
) -> Result<(), StoreError> {
    let is_reloaded = base.is_some();
    let mut known = base.map_or_else(|| follower.current(), Arc::new);
    loop {
        let changes = catalog.changes_since(known.change(), CHANGES).await?;
        let is_all = changes.up_to <= known.change();
        if !is_all {
            counter!("refmill_snapshot_changes_total").increment(changes.rows.len() as u64);
            known = Arc::new(known.after(changes.rows, changes.up_to));
        }
        // A reloaded one is shown once it is whole, and the one at hand after each step.
        if is_all == is_reloaded {
            follower.snapshot.store(Arc::clone(&known));
            reach.send_replace(known.change());
        }
        if is_all {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests;
