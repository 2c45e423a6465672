//! What an owner remembers of clicks, kept so that a new owner need not read the log from its start.

use std::{path::Path, sync::Arc};

use rules::touches::{LinkTouch, SEEN_FOR_MS, Seen, SeenId, Touches as Remembered, Velocity, Visitor};
use schemas::{ids::LinkId, time::TimeMs};

use crate::{DeploymentId, OpenError, Servers, StoreError, redis, sqlite};

pub(crate) mod packed;

#[derive(Clone)]
pub enum Touches {
    Embedded(Arc<sqlite::touches::Touches>),
    Distributed(Arc<redis::touches::Touches>),
}

/// What is kept of a partition's touches. Event ids and addresses of the last [`RECENT_FOR_MS`] are among them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Loaded {
    pub touches: Remembered,
    /// They are those of the log before this offset.
    pub next: u64,
}

/// How long event ids and velocity are kept; decisions look back an hour.
pub const RECENT_FOR_MS: i64 = 2 * schemas::time::HOUR_MS;

/// Event ids from then on are loaded where the newest of what is kept is of this time. At many clicks a second ids are most of what is kept.
pub(crate) fn seen_from(newest_at_ms: i64) -> TimeMs {
    TimeMs(newest_at_ms).plus_ms(-SEEN_FOR_MS)
}

/// What a stretch of log changed, each as it is after it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TouchDelta {
    pub links: Vec<(LinkId, LinkTouch)>,
    pub seen: Vec<(SeenId, Seen)>,
    pub velocity: Vec<(Visitor, Velocity)>,
}

impl TouchDelta {
    /// What makes an empty memory into this one.
    fn all(touches: &Remembered) -> TouchDelta {
        let Remembered { links, seen, velocity } = touches;
        TouchDelta {
            links: links.iter().map(|(link, known)| (*link, *known)).collect(),
            seen: seen.iter().collect(),
            velocity: velocity.iter().collect(),
        }
    }
}

/// Why nothing was saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// A newer owner saved, or what is saved does not end where this begins: load again.
    #[error("touches are at {next} of epoch {epoch}")]
    Moved { epoch: u64, next: u64 },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Touches {
    pub fn open(folder: &Path, deployment: DeploymentId) -> Result<Touches, OpenError> {
        sqlite::touches::Touches::open(folder, deployment).map(|touches| Touches::Embedded(Arc::new(touches)))
    }

    /// For roles that process; the others need no Redis.
    pub async fn connect(servers: &Servers, deployment: DeploymentId) -> Result<Touches, OpenError> {
        let touches = redis::touches::Touches::connect(servers, deployment).await?;
        Ok(Touches::Distributed(Arc::new(touches)))
    }

    /// All that is kept of a partition; nothing, from 0, where nothing is or where part of it has been lost.
    pub async fn load(&self, partition: u32) -> Result<Loaded, StoreError> {
        match self {
            Touches::Embedded(touches) => touches.load(partition).await,
            Touches::Distributed(touches) => touches.load(partition).await,
        }
    }

    /// That of who saved last: no older owner saves any more. It stands where the touches themselves are forgotten; 0 where nobody has.
    pub async fn epoch(&self, partition: u32) -> Result<u64, StoreError> {
        match self {
            Touches::Embedded(touches) => touches.epoch(partition).await,
            Touches::Distributed(touches) => touches.epoch(partition).await,
        }
    }

    /// Takes in what the log from `from` to before `to` changed, if exactly that is missing and no newer epoch has saved.
    pub async fn save(
        &self,
        partition: u32,
        epoch: u64,
        from: u64,
        to: u64,
        delta: TouchDelta,
    ) -> Result<(), SaveError> {
        match self {
            Touches::Embedded(touches) => touches.save(partition, epoch, from, to, delta).await,
            Touches::Distributed(touches) => touches.save(partition, epoch, from, to, &delta).await,
        }
    }

    /// Puts an owner's whole memory, which is that of the log before `next`, in the place of all that is kept, wherever
    /// that ends; refused only where a newer epoch has saved. For an owner whose save was told [`SaveError::Moved`] by its
    /// own epoch or an older one: the store lost something, or never had it.
    pub async fn save_all(&self, partition: u32, epoch: u64, next: u64, touches: &Remembered) -> Result<(), SaveError> {
        match self {
            Touches::Embedded(store) => store.save_all(partition, epoch, next, TouchDelta::all(touches)).await,
            Touches::Distributed(store) => store.save_all(partition, epoch, next, touches).await,
        }
    }

    /// Forgets a partition's touches, so that its owner makes them again from the log.
    pub async fn forget(&self, partition: u32) -> Result<(), StoreError> {
        match self {
            Touches::Embedded(touches) => touches.forget(partition).await,
            Touches::Distributed(touches) => touches.forget(partition).await,
        }
    }

    /// Whether its server answers.
    pub async fn ask(&self) -> Result<(), StoreError> {
        match self {
            Touches::Embedded(_) => Ok(()),
            Touches::Distributed(touches) => touches.ask().await,
        }
    }

    /// Runs what waits and ends the store for every handle.
    pub async fn close(&self) {
        match self {
            Touches::Embedded(touches) => touches.close().await,
            Touches::Distributed(touches) => touches.close().await,
        }
    }
}

impl From<::redis::RedisError> for SaveError {
    fn from(error: ::redis::RedisError) -> SaveError {
        SaveError::Store(error.into())
    }
}

impl From<rusqlite::Error> for SaveError {
    fn from(error: rusqlite::Error) -> SaveError {
        SaveError::Store(error.into())
    }
}
