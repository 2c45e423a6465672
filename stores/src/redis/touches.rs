//! What is kept of a partition, under keys with one hash tag:
//!
//! - `…:progress`: epoch, next offset, a stamp that every change gives anew, which quarters and hours there are
//! - `…:links:{quarter}:{bucket}`: a field a link, in the quarter in which it changed last
//! - `…:recent:{hour}`: a blob of event ids and velocity a save, by the log's hour
//! - `…:journal` and `…:part:{name}`: what is too big for one call. It is put down first, where nobody looks, then taken
//!   in by name in the call that moves the offset, and folded into its place a part at a time. Who loads reads it last.

mod change;
mod forget;
mod keys;
mod load;
mod save;
mod scripts;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use redis::aio::ConnectionManager;
use rules::touches::Touches as Remembered;

use self::{change::Change, keys::Keys, scripts::Scripts};
use crate::{
    DeploymentId, OpenError, Servers, StoreError,
    redis::Redis,
    touches::{Loaded, SaveError, TouchDelta},
};

pub struct Touches {
    redis: Redis,
    prefix: String,
    deployment: DeploymentId,
    scripts: Scripts,
    /// Told apart from those of every other process.
    stamps: (u64, AtomicU64),
    closed: AtomicBool,
}

impl Touches {
    pub(crate) async fn connect(servers: &Servers, deployment: DeploymentId) -> Result<Touches, OpenError> {
        let redis = Redis::open(&servers.redis).await?;
        let keys = |partition| Keys::new(&servers.prefix, deployment, partition).progress;
        redis.check_keys((0..servers.partitions).map(keys)).await?;
        Ok(Touches {
            redis,
            prefix: servers.prefix.clone(),
            deployment,
            scripts: Scripts::new(),
            stamps: (getrandom::u64().map_err(OpenError::Random)?, AtomicU64::new(0)),
            closed: AtomicBool::new(false),
        })
    }

    pub(crate) async fn load(&self, partition: u32) -> Result<Loaded, StoreError> {
        load::load(self, partition).await
    }

    pub(crate) async fn epoch(&self, partition: u32) -> Result<u64, StoreError> {
        load::epoch(self, partition).await
    }

    pub(crate) async fn save(
        &self,
        partition: u32,
        epoch: u64,
        from: u64,
        to: u64,
        delta: &TouchDelta,
    ) -> Result<(), SaveError> {
        save::save(self, partition, epoch, from..to, Change::of_delta(delta)).await
    }

    pub(crate) async fn save_all(
        &self,
        partition: u32,
        epoch: u64,
        next: u64,
        touches: &Remembered,
    ) -> Result<(), SaveError> {
        save::save_all(self, partition, epoch, next, Change::of_all(touches)).await
    }

    pub(crate) async fn forget(&self, partition: u32) -> Result<(), StoreError> {
        forget::forget(self, partition, None).await
    }

    pub(crate) async fn ask(&self) -> Result<(), StoreError> {
        Ok(redis::cmd("PING").exec_async(&mut self.connection()?).await?)
    }

    pub(crate) async fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    fn connection(&self) -> Result<ConnectionManager, StoreError> {
        if self.closed.load(Ordering::Acquire) { Err(StoreError::Closed) } else { Ok(self.redis.connection()) }
    }

    fn keys(&self, partition: u32) -> Keys {
        Keys::new(&self.prefix, self.deployment, partition)
    }

    fn stamp(&self) -> String {
        let (process, next) = &self.stamps;
        format!("{process:016x}-{:x}", next.fetch_add(1, Ordering::Relaxed))
    }
}
