//! Every role in one process.

use std::{os::unix::fs::DirBuilderExt as _, path::Path, sync::Arc};

use anyhow::Context as _;
use tokio::{net::TcpListener, task::JoinSet};

use super::{front::Front, ground::Ground, ingest::open_spool, mail, parts::Parts, process, readiness::Readiness};
use crate::{clock::now, fallback, first_start, keys};

pub(super) async fn start(ground: &Ground, listener: TcpListener) -> anyhow::Result<Parts> {
    let stores = &ground.deployment;
    keys::rotate(&stores.catalog, now()).await?;
    let greeting = make_demo(ground).await?;
    let mut tasks = JoinSet::new();
    tasks.spawn(keys::keep(stores.catalog.clone(), now, ground.working.clone()));
    let front = Front::start(ground, &mut tasks).await?;
    let spool = match &ground.config.servers {
        Some(_) => {
            let (spool, drain) = open_spool(ground)?;
            tasks.spawn(drain.run(stores.log.clone()));
            Some(spool)
        }
        None => None,
    };
    let (processor, status) = process::decide(ground, Arc::clone(&front.ids))?;
    let readiness = Readiness {
        follower: Some(front.follower.clone()),
        log: Some(stores.log.health()),
        spool: spool.clone(),
        processor: Some(status),
        servers: ground.ask_servers(&mut tasks),
    };
    let mail = mail::start(ground, &mut tasks)?;
    let edge = front.edge(ground, true, spool.clone())?;
    let others = fallback::of(api::router(front.api(ground, mail, readiness.asked())?));
    let serve = tokio::spawn(ingest::serve(listener, ground.connection_limits(), edge, others, ground.serving.clone()));
    Ok(Parts { serve, processor: Some(processor), tasks, spool, readiness, greeting })
}

/// On the first start something to try.
async fn make_demo(ground: &Ground) -> anyhow::Result<Option<String>> {
    let config = &ground.config;
    if config.no_demo {
        return Ok(None);
    }
    make_folder(&config.data_dir)?;
    let made = first_start::make(&ground.deployment.catalog, &config.data_dir, &ground.base_url, now()).await?;
    Ok(made.as_ref().map(first_start::tell))
}

/// The demo's keys go there; around servers nothing else has made it.
fn make_folder(folder: &Path) -> anyhow::Result<()> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("data folder {} could not be made: choose another with --data-dir", folder.display()))
}
