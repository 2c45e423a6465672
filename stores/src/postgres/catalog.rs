//! The catalog in schema `catalog`. Every transaction is READ COMMITTED: what it has locked, its next statement sees as it now is.

use std::time::Duration;

use deadpool_postgres::{Client, Transaction};
use schemas::catalog::ChangeNo;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio_postgres::IsolationLevel;

use super::Postgres;
use crate::{
    DeploymentId, StoreError,
    catalog::{CompanyError, IssueError, LinkError, RedeemError, RegisterError, Secrets, terms_cache::TermsCache},
};

mod changes;
mod contacts;
mod credentials;
mod decision_rows;
mod follow;
mod keys;
mod latest;
mod link_counts;
mod links;
mod magic_links;
mod open;
mod partners;
mod programs;
mod receipt_keys;
mod register;
mod rows;
mod sessions;
mod settings;
mod terms;

/// How long a verb may take once it has a connection. Single statements end sooner by the server's own limits.
const VERB_WAIT: Duration = Duration::from_secs(15);

/// How many verbs may be under way; who comes then waits for a place.
const VERBS_AT_ONCE: u32 = 1_024;

/// The catalog on Postgres, of which any number of processes have one.
pub struct PostgresCatalog {
    postgres: Postgres,
    deployment: DeploymentId,
    secrets: Secrets,
    terms: TermsCache,
    /// One for each verb under way; closed with the store.
    places: Semaphore,
    latest: watch::Sender<ChangeNo>,
    watching: latest::Watching,
}

impl PostgresCatalog {
    pub(crate) fn deployment(&self) -> DeploymentId {
        self.deployment
    }

    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    pub(crate) fn latest(&self) -> watch::Receiver<ChangeNo> {
        self.latest.subscribe()
    }

    /// Waits for the verbs under way. The connections are others' too and stay.
    pub(crate) async fn close(&self) {
        let all = self.places.acquire_many(VERBS_AT_ONCE).await;
        self.places.close();
        drop(all);
        self.watching.end().await;
    }

    async fn place(&self) -> Result<SemaphorePermit<'_>, StoreError> {
        self.places.acquire().await.map_err(|_| StoreError::Closed)
    }

    /// Runs statements that need no transaction: each sees what was committed before it, and commits by itself.
    async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: AsyncFnOnce(&Client) -> Result<T, StoreError>,
    {
        let _place = self.place().await?;
        self.postgres.within(VERB_WAIT, async move |client: &mut Client| work(client).await).await
    }

    /// Runs `work` in a transaction that commits unless it fails.
    async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        E: From<StoreError>,
        F: AsyncFnOnce(&Transaction<'_>) -> Result<T, E>,
    {
        let _place = self.place().await?;
        let run = async move |client: &mut Client| {
            let begin = client.build_transaction().isolation_level(IsolationLevel::ReadCommitted);
            let transaction = begin.start().await.map_err(StoreError::from)?;
            let done = work(&transaction).await?;
            transaction.commit().await.map_err(StoreError::from)?;
            Ok(done)
        };
        self.postgres.within(VERB_WAIT, run).await
    }

    /// Like `write`, for work that changes what edges follow: wakes this process's after the commit.
    async fn change<T, E, F>(&self, work: F) -> Result<(T, ChangeNo), E>
    where
        E: From<StoreError>,
        F: AsyncFnOnce(&Transaction<'_>) -> Result<(T, ChangeNo), E>,
    {
        let (done, change) = self.write(work).await?;
        latest::raise(&self.latest, change);
        Ok((done, change))
    }
}

macro_rules! by_way_of_store_error {
    ($($error:ty),*) => {
        $(impl From<tokio_postgres::Error> for $error {
            fn from(source: tokio_postgres::Error) -> Self {
                StoreError::from(source).into()
            }
        })*
    };
}

by_way_of_store_error!(CompanyError, IssueError, LinkError, RedeemError, RegisterError);
