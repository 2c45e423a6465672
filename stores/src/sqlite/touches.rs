mod forget;
mod load;
mod save;

use std::path::Path;

use super::{
    belonging,
    file::{self, Durability, Pages},
    owner::Owner,
};
use crate::{
    DeploymentId, OpenError, StoreError,
    touches::{Loaded, SaveError, TouchDelta},
};

mod migrations {
    refinery::embed_migrations!("../schemas/sql/touches");
}

/// Its file in the data folder.
pub(crate) const FILE: &str = "touches.db";

/// `touches.db`, owned by one thread.
pub struct Touches {
    owner: Owner,
}

impl Touches {
    pub(crate) fn open(folder: &Path, deployment: DeploymentId) -> Result<Touches, OpenError> {
        let path = folder.join(FILE);
        let connection = file::open(&path, Durability::Rebuildable, Pages::SMALL, migrations::migrations::runner())?;
        belonging::belong(&connection, &path, folder, deployment)?;
        Ok(Touches { owner: Owner::start("touches", connection).map_err(OpenError::Thread)? })
    }

    pub(crate) async fn load(&self, partition: u32) -> Result<Loaded, StoreError> {
        self.owner.call(move |connection| load::load(connection, partition)).await
    }

    pub(crate) async fn epoch(&self, partition: u32) -> Result<u64, StoreError> {
        self.owner.call(move |connection| load::epoch(connection, partition)).await
    }

    pub(crate) async fn save(
        &self,
        partition: u32,
        epoch: u64,
        from: u64,
        to: u64,
        delta: TouchDelta,
    ) -> Result<(), SaveError> {
        self.owner.call(move |connection| save::save(connection, partition, epoch, from..to, &delta)).await
    }

    pub(crate) async fn save_all(
        &self,
        partition: u32,
        epoch: u64,
        next: u64,
        all: TouchDelta,
    ) -> Result<(), SaveError> {
        self.owner.call(move |connection| save::save_all(connection, partition, epoch, next, &all)).await
    }

    pub(crate) async fn forget(&self, partition: u32) -> Result<(), StoreError> {
        self.owner.call(move |connection| forget::forget(connection, partition)).await
    }

    pub(crate) async fn close(&self) {
        self.owner.close().await;
    }
}
