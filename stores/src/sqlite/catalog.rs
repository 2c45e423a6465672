use std::sync::{Arc, atomic::AtomicBool};

use rusqlite::Transaction;
use schemas::catalog::ChangeNo;
use tokio::sync::watch;

use super::{owner::Owner, readers::Readers};
use crate::{
    DeploymentId, StoreError,
    catalog::{CompanyError, IssueError, LinkError, RedeemError, RegisterError, Secrets, terms_cache::TermsCache},
};

mod changes;
mod contacts;
mod credentials;
mod follow;
mod keys;
mod link_counts;
mod links;
mod magic_links;
mod open;
mod partners;
mod programs;
mod register;
mod rows;
mod sessions;
mod settings;
mod terms;

pub(crate) use open::FILE;

/// `catalog.db`.
pub struct SqliteCatalog {
    deployment: DeploymentId,
    secrets: Secrets,
    writer: Owner,
    readers: Readers,
    latest: watch::Sender<ChangeNo>,
    terms: Arc<TermsCache>,
    /// Destroyed keys may still stand in the write-ahead log.
    wipe_due: Arc<AtomicBool>,
}

impl SqliteCatalog {
    pub(crate) fn deployment(&self) -> DeploymentId {
        self.deployment
    }

    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    pub(crate) fn latest(&self) -> watch::Receiver<ChangeNo> {
        self.latest.subscribe()
    }

    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Runs `work` in a transaction that commits unless it fails.
    async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        let run = move |connection: &mut rusqlite::Connection| {
            let transaction = connection.transaction().map_err(StoreError::from)?;
            let done = work(&transaction)?;
            transaction.commit().map_err(StoreError::from)?;
            Ok(done)
        };
        self.writer.call(run).await
    }

    /// Like `write`, for work that changes what edges follow: wakes them after the commit.
    async fn change<T, E, F>(&self, work: F) -> Result<(T, ChangeNo), E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<(T, ChangeNo), E> + Send + 'static,
    {
        let latest = self.latest.clone();
        let run = move |connection: &mut rusqlite::Connection| {
            let transaction = connection.transaction().map_err(StoreError::from)?;
            let (done, change) = work(&transaction)?;
            transaction.commit().map_err(StoreError::from)?;
            latest.send_replace(change);
            Ok((done, change))
        };
        self.writer.call(run).await
    }
}

macro_rules! by_way_of_store_error {
    ($($error:ty),*) => {
        $(impl From<rusqlite::Error> for $error {
            fn from(source: rusqlite::Error) -> Self {
                StoreError::from(source).into()
            }
        })*
    };
}

by_way_of_store_error!(CompanyError, IssueError, LinkError, RedeemError, RegisterError);
