//! A processor: decides the partitions that fall to it. On its address it says how it is, and nothing else.

use std::{sync::Arc, time::Duration};

use ingest::stamp::EventIds;
use processor::{BATCH_EVENTS_MAX, Limits, Status};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use super::{
    ground::Ground,
    parts::{Deciding, Parts},
    readiness::Readiness,
};
use crate::{
    clock::now,
    deciding, fallback,
    keys::{self, random},
};

pub(super) async fn start(ground: &Ground, listener: TcpListener) -> anyhow::Result<Parts> {
    keys::rotate(&ground.deployment.catalog, now()).await?;
    let mut tasks = JoinSet::new();
    tasks.spawn(keys::keep(ground.deployment.catalog.clone(), now, ground.working.clone()));
    let ids = Arc::new(EventIds::new(u64::from_be_bytes(random()?)));
    let (processor, status) = decide(ground, ids)?;
    let readiness = Readiness {
        processor: Some(status),
        log: Some(ground.deployment.log.health()),
        servers: ground.ask_servers(&mut tasks),
        ..Readiness::default()
    };
    let asked = fallback::of(api::surroundings(readiness.asked()));
    let service = move |request, _| asked(request);
    let shutdown = ground.serving.clone().cancelled_owned();
    let serve = tokio::spawn(ingest::connection::serve(listener, ground.connection_limits(), service, shutdown));
    Ok(Parts { serve, processor: Some(processor), tasks, spool: None, readiness, greeting: None })
}

/// Starts deciding what falls to this process.
pub(super) fn decide(ground: &Ground, ids: Arc<EventIds>) -> anyhow::Result<(Deciding, watch::Receiver<Status>)> {
    let (status, seen) = watch::channel(Status::default());
    let deps = deciding::deps(&ground.deployment, ids, status)?;
    let mut limits = Limits::default();
    if ground.config.servers.is_none() {
        // A commit to its own files takes less time than waiting for others would.
        limits.batch_every = Duration::ZERO;
        // It costs by the pages that it writes, and of many events more fall on one page.
        limits.batch_events = BATCH_EVENTS_MAX;
    }
    let run = processor::run(deps, limits, ground.working.clone());
    Ok((tokio::spawn(run), seen))
}
