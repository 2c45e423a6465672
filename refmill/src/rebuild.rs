//! Makes again, from the log and the ledger, what a store lost or holds wrong: one partition after the other.

use std::{io::Write as _, sync::Arc, time::Duration};

use anyhow::Context as _;
use ingest::stamp::EventIds;
use processor::{Deps, ProcessError, Rebuilt, Status};
use stores::{
    Deployment, Roles,
    facts::INSERT_WAIT,
    log::{Log, LogLimits},
};
use tokio::sync::watch;

use crate::{cli::Rebuild, clock::now, config::Config, deciding, keys::random, telemetry};

const DECIDES: Roles = Roles { ingests: false, decides: true, shows: false };

pub(crate) async fn run(config: Config, what: Rebuild) -> anyhow::Result<()> {
    telemetry::start_logging(config.log_format, &config.log_level)?;
    let deployment = Deployment::open(&config.shape(), DECIDES, LogLimits::default(), now).await?;
    let ids = Arc::new(EventIds::new(u64::from_be_bytes(random()?)));
    let deps = deciding::deps(&deployment, ids, watch::Sender::new(Status::default()))?;
    let done = rebuild_all(&deps, what, deployment.ledger.partitions().await?).await;
    drop(deps);
    deployment.close().await;
    done
}

async fn rebuild_all(deps: &Deps, what: Rebuild, partitions: u32) -> anyhow::Result<()> {
    for partition in 0..partitions {
        let Rebuilt { from, to, .. } = rebuild(deps, what, partition)
            .await
            .with_context(|| format!("partition {partition} is not rebuilt, nor are those after it: start it again"))?;
        let name = what.name();
        writeln!(std::io::stdout(), "partition {partition} of {partitions}: {name} from {from} to {to} are made again")
            .context("standard output is closed")?;
    }
    Ok(())
}

async fn rebuild(deps: &Deps, what: Rebuild, partition: u32) -> Result<Rebuilt, ProcessError> {
    match what {
        Rebuild::Touches => processor::rebuild_touches(deps, partition).await,
        Rebuild::Facts { idle } => {
            // The folder of the embedded shape is nobody else's.
            let wait = if idle || matches!(deps.log, Log::Embedded(_)) { Duration::ZERO } else { INSERT_WAIT };
            processor::rebuild_facts(deps, partition, wait).await
        }
    }
}
