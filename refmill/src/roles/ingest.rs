//! An edge: takes events in and hands them to the log. It writes to no other store.

use ingest::spool::{Drain, Spool, SpoolConfig};
use tokio::{net::TcpListener, task::JoinSet};

use super::{
    front::Front,
    ground::{Ground, log_limits},
    parts::Parts,
    readiness::Readiness,
};
use crate::{clock::now, fallback};

pub(super) async fn start(ground: &Ground, listener: TcpListener) -> anyhow::Result<Parts> {
    let mut tasks = JoinSet::new();
    let front = Front::start(ground, &mut tasks).await?;
    let (spool, drain) = open_spool(ground)?;
    tasks.spawn(drain.run(ground.deployment.log.clone()));
    let readiness =
        Readiness { follower: Some(front.follower.clone()), spool: Some(spool.clone()), ..Readiness::default() };
    let edge = front.edge(ground, true, Some(spool.clone()))?;
    let others = fallback::of(api::surroundings(readiness.asked()));
    let serve = tokio::spawn(ingest::serve(listener, ground.connection_limits(), edge, others, ground.serving.clone()));
    Ok(Parts { serve, processor: None, tasks, spool: Some(spool), readiness, greeting: None })
}

/// What comes in while the log is away stays on this disk.
pub(super) fn open_spool(ground: &Ground) -> anyhow::Result<(Spool, Drain)> {
    let config = &ground.config;
    let opened = Spool::open(
        SpoolConfig {
            folder: config.spool.folder.clone(),
            bytes_max: config.spool.bytes_max,
            free_bytes_min: SpoolConfig::FREE_BYTES_MIN,
            limits: log_limits(config),
        },
        now,
    );
    Ok(opened?)
}
