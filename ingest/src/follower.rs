//! Keeps the snapshot current: loads all of the catalog, then follows its changes by number.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use metrics::{counter, gauge};
use schemas::{
    catalog::{CatalogChange, ChangeNo},
    time::TimeMs,
};
use stores::{StoreError, catalog::Catalog};
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{keys::EdgeKeys, snapshot::Snapshot};

/// Rows a page of the first load.
const PAGE_ROWS: u32 = 10_000;

/// Changes taken in at a time.
const CHANGES: u32 = 1_000;

/// How long who made a change waits until this snapshot has it.
const REACH_WAIT: Duration = Duration::from_secs(1);

/// How often keys are looked at again, and a catalog that could not be read is tried again.
const REFRESH: Duration = Duration::from_secs(1);

/// A handle on the snapshot and the keys.
#[derive(Clone)]
pub struct Follower {
    snapshot: Arc<ArcSwap<Snapshot>>,
    keys: Arc<ArcSwap<EdgeKeys>>,
    reached: watch::Receiver<ChangeNo>,
    is_current: watch::Receiver<bool>,
}

impl Follower {
    /// Loads the catalog; the future that comes with the handle follows it until told to stop.
    pub async fn start(
        catalog: Catalog,
        now: fn() -> TimeMs,
        shutdown: CancellationToken,
    ) -> Result<(Follower, impl Future<Output = ()> + Send + 'static), StoreError> {
        let loaded = load(&catalog).await?;
        let (reach, reached) = watch::channel(loaded.change());
        let (followed, is_current) = watch::channel(true);
        let follower = Follower {
            snapshot: Arc::new(ArcSwap::from_pointee(loaded)),
            keys: Arc::new(ArcSwap::from_pointee(EdgeKeys::load(&catalog, now()).await?)),
            reached,
            is_current,
        };
        let task = follow(catalog, follower.clone(), Says { reach, followed }, now, shutdown);
        Ok((follower, task))
    }

    pub fn current(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    pub fn keys(&self) -> arc_swap::Guard<Arc<EdgeKeys>> {
        self.keys.load()
    }

    /// Whether the catalog could be read the last time it was looked at.
    pub fn is_current(&self) -> bool {
        *self.is_current.borrow()
    }

    /// Waits until the snapshot has this change, within bounds; false if it took longer.
    pub async fn reached(&self, change: ChangeNo) -> bool {
        let mut reached = self.reached.clone();
        matches!(timeout(REACH_WAIT, reached.wait_for(|at| *at >= change)).await, Ok(Ok(_)))
    }
}

/// What the task tells those who hold a handle.
struct Says {
    reach: watch::Sender<ChangeNo>,
    followed: watch::Sender<bool>,
}

async fn load(catalog: &Catalog) -> Result<Snapshot, StoreError> {
    let mut rows: Vec<CatalogChange> = Vec::new();
    let mut page = catalog.load_page(None, PAGE_ROWS).await?;
    let current_to = page.current_to;
    loop {
        rows.append(&mut page.rows);
        match page.next {
            Some(from) => page = catalog.load_page(Some(from), PAGE_ROWS).await?,
            None => return Ok(Snapshot::load(rows, current_to)),
        }
    }
}

async fn follow(catalog: Catalog, follower: Follower, says: Says, now: fn() -> TimeMs, shutdown: CancellationToken) {
    let mut latest = catalog.latest();
    let mut refresh = tokio::time::interval(REFRESH);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            changed = latest.changed() => if changed.is_err() { return },
            _ = refresh.tick() => match EdgeKeys::load(&catalog, now()).await {
                Ok(keys) => follower.keys.store(Arc::new(keys)),
                Err(error) => tracing::warn!(%error, "keys cannot be read; going on with those at hand"),
            },
        }
        let followed = catch_up(&catalog, &follower, &says.reach).await;
        gauge!("refmill_snapshot_current").set(if followed.is_ok() { 1.0 } else { 0.0 });
        says.followed.send_replace(followed.is_ok());
        if let Err(error) = followed {
            tracing::warn!(%error, "the catalog cannot be followed; going on with what is known");
        }
    }
}

async fn catch_up(catalog: &Catalog, follower: &Follower, reach: &watch::Sender<ChangeNo>) -> Result<(), StoreError> {
    loop {
        let at = follower.current().change();
        let changes = catalog.changes_since(at, CHANGES).await?;
        if changes.up_to <= at {
            return Ok(());
        }
        counter!("refmill_snapshot_changes_total").increment(changes.rows.len() as u64);
        let next = follower.current().after(changes.rows, changes.up_to);
        follower.snapshot.store(Arc::new(next));
        reach.send_replace(changes.up_to);
    }
}
