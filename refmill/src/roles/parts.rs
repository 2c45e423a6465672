//! The parts of a running process, until a signal, and their orderly end.

use std::{future::pending, io::Write as _, time::Duration};

use anyhow::{Context as _, anyhow, bail};
use ingest::{connection::Drained, spool::Spool};
use processor::ProcessError;
use stores::log::Health;
use tokio::{
    sync::watch,
    task::{JoinError, JoinHandle, JoinSet},
};

use super::{ground::Ground, readiness::Readiness};
use crate::shutdown::Signals;

/// All of finishing: requests under way, what is queued, and the stores.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// How often it is looked whether all parts are ready.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A processor under way.
pub(super) type Deciding = JoinHandle<Result<(), ProcessError>>;

pub(super) struct Parts {
    /// Ended by `serving`.
    pub(super) serve: JoinHandle<Drained>,
    /// Ended by `working`, as are the tasks.
    pub(super) processor: Option<Deciding>,
    pub(super) tasks: JoinSet<()>,
    pub(super) spool: Option<Spool>,
    pub(super) readiness: Readiness,
    /// What is said beside the addresses once all is ready.
    pub(super) greeting: Option<String>,
}

impl Parts {
    pub(super) async fn run(mut self, ground: Ground, mut signals: Signals) -> anyhow::Result<()> {
        self.tasks.spawn(self.readiness.clone().watch(ground.working.clone()));
        let greeting = greet(self.readiness.clone(), &ground, self.greeting.take());
        let signal = tokio::select! {
            signal = signals.next() => signal,
            Err(error) = greeting => return Err(error),
            ended = self.ended() => return Err(ended),
            () = is_broken(ground.deployment.log.health()) => {
                bail!("the log's client can append nothing more: start this process again, nothing is lost")
            }
        };
        tracing::info!(signal, "finishing; a second signal ends at once");
        tokio::select! {
            finished = self.finish(ground) => finished,
            signal = signals.next() => bail!("ended at once by a second signal, {signal}"),
            () = tokio::time::sleep(DRAIN_LIMIT) => {
                bail!("not finished {} s after {signal}: ended all the same", DRAIN_LIMIT.as_secs())
            }
        }
    }

    /// Waits for a part to end that should not.
    async fn ended(&mut self) -> anyhow::Error {
        let processor = async {
            match &mut self.processor {
                Some(processor) => processor.await,
                None => pending().await,
            }
        };
        tokio::select! {
            ended = processor => broken(ended),
            ended = &mut self.serve => anyhow!("the listener ended by itself: {ended:?}"),
            Some(ended) = self.tasks.join_next() => anyhow!("a task ended by itself: {ended:?}"),
        }
    }

    async fn finish(mut self, ground: Ground) -> anyhow::Result<()> {
        ground.serving.cancel();
        let drained = self.serve.await.context("the listener broke down")?;
        ground.working.cancel();
        if let Some(processor) = self.processor {
            processor.await.context("the processor broke down")?.context("the processor did not finish")?;
        }
        if let Some(spool) = self.spool {
            spool.close().await;
        }
        while let Some(ended) = self.tasks.join_next().await {
            ended.context("a task broke down")?;
        }
        ground.metrics.await.context("the metrics listener broke down")?;
        ground.deployment.close().await;
        tracing::info!(finished = drained.finished, aborted = drained.aborted, "finished");
        Ok(())
    }
}

/// Says where the process is, once it is ready; then waits for good.
async fn greet(readiness: Readiness, ground: &Ground, greeting: Option<String>) -> anyhow::Result<()> {
    while !readiness.waiting().is_empty() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    announce(&format!("ready {}", ground.base_url))?;
    announce(&format!("metrics {}", ground.metrics_url))?;
    if let Some(greeting) = greeting {
        announce(&greeting)?;
    }
    tracing::info!("started");
    pending().await
}

async fn is_broken(mut log: watch::Receiver<Health>) {
    if log.wait_for(|health| *health == Health::Broken).await.is_err() {
        pending::<()>().await;
    }
}

/// Whoever started this reads these lines from a pipe, so each is flushed.
pub(super) fn announce(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("standard output is closed")
}

fn broken(ended: Result<Result<(), ProcessError>, JoinError>) -> anyhow::Error {
    match ended {
        Ok(Ok(())) => anyhow!("the processor ended by itself"),
        Ok(Err(error)) => anyhow::Error::new(error).context("the processor let go"),
        Err(error) => anyhow::Error::new(error).context("the processor broke down"),
    }
}
