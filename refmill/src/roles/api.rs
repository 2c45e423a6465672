//! What people and companies call. The edge's paths are another process's.

use tokio::{net::TcpListener, task::JoinSet};

use super::{front::Front, ground::Ground, mail, parts::Parts, readiness::Readiness};
use crate::{clock::now, fallback, keys};

pub(super) async fn start(ground: &Ground, listener: TcpListener) -> anyhow::Result<Parts> {
    keys::rotate(&ground.deployment.catalog, now()).await?;
    let mut tasks = JoinSet::new();
    tasks.spawn(keys::keep(ground.deployment.catalog.clone(), now, ground.working.clone()));
    let front = Front::start(ground, &mut tasks).await?;
    let mail = mail::start(ground, &mut tasks)?;
    let readiness = Readiness {
        follower: Some(front.follower.clone()),
        log: Some(ground.deployment.log.health()),
        servers: ground.ask_servers(&mut tasks),
        ..Readiness::default()
    };
    let edge = front.edge(ground, false, None)?;
    let router = fallback::of(api::router(front.api(ground, mail, readiness.asked())?));
    let serve = tokio::spawn(ingest::serve(listener, ground.connection_limits(), edge, router, ground.serving.clone()));
    Ok(Parts { serve, processor: None, tasks, spool: None, readiness, greeting: None })
}
