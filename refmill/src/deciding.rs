use std::sync::Arc;

use anyhow::Context as _;
use ingest::stamp::EventIds;
use processor::{Deps, Status};
use stores::Deployment;
use tokio::sync::watch;

use crate::clock::now;

/// What a processor works with.
pub(crate) fn deps(deployment: &Deployment, ids: Arc<EventIds>, status: watch::Sender<Status>) -> anyhow::Result<Deps> {
    Ok(Deps {
        log: deployment.log.clone(),
        touches: deployment.touches.clone().context("the processor was started without touches")?,
        ledger: deployment.ledger.clone(),
        catalog: deployment.catalog.clone(),
        facts: deployment.facts.clone().context("the processor was started without facts")?,
        now,
        event_id: Arc::new(move || ids.next()),
        status,
    })
}
