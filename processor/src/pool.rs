//! Which partitions this process owns: taken and let go of as the log says, each decided by an owner of its own.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use metrics::counter;
use stores::log::{LetGo, Moved};
use tokio::{
    sync::watch,
    task::{Id, JoinError, JoinSet},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    ProcessError,
    owner::{Deps, Limits, own},
};

/// After how long a partition that was lost, or whose stores failed, is taken again.
const TAKE_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How long a process that was given no partition waits before it counts as joined: there may be none for it.
const JOIN_WAIT: Duration = Duration::from_secs(10);

/// How long owners may take to leave nothing undone at the end.
const FINISH_WAIT: Duration = Duration::from_secs(8);

/// What a processor is doing, for whoever asks whether it is well.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// It has partitions, or there are none for it.
    pub joined: bool,
    pub owned: BTreeMap<u32, Stage>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// What the last owner left undone is made good.
    Recovering,
    Deciding,
    /// A newer version wrote what comes next: it is left to that one.
    Held,
}

impl Status {
    /// Whether every event of its partitions is decided as it comes.
    pub fn is_ready(&self) -> bool {
        self.joined && self.owned.values().all(|stage| *stage == Stage::Deciding)
    }
}

/// Decides the partitions that the log gives to this process, until `shutdown`.
pub async fn run(deps: Deps, limits: Limits, shutdown: CancellationToken) -> Result<(), ProcessError> {
    let mut ownership = deps.log.ownership()?;
    let status = deps.status.clone();
    let mut pool = Pool::new(status, move |partition, stop| own(deps.clone(), limits, partition, stop));
    let joined = sleep(JOIN_WAIT);
    tokio::pin!(joined);
    let ended = loop {
        tokio::select! {
            () = shutdown.cancelled() => break Ok(()),
            moved = ownership.next() => match moved {
                Ok(moved) => pool.take_in(moved),
                Err(error) => break Err(error.into()),
            },
            Some(ended) = pool.owners.join_next_with_id() => {
                if let Err(error) = pool.owner_ended(ended) {
                    break Err(error);
                }
            }
            () = &mut joined, if !pool.status.borrow().joined => {
                pool.status.send_modify(|status| status.joined = true);
            }
        }
    };
    let finished = pool.finish().await;
    ownership.leave().await;
    ended.and(finished)
}

struct Pool<O> {
    /// Owns a partition until it is told to stop.
    own: O,
    status: watch::Sender<Status>,
    owners: JoinSet<Result<(), ProcessError>>,
    partitions: BTreeMap<u32, Owned>,
    /// Which partition a task owns.
    running: HashMap<Id, u32>,
}

struct Owned {
    stop: CancellationToken,
    /// Dropped when the owner has let go.
    asked_back: Option<LetGo>,
    /// It was given back to this process before the owner that was stopped has ended.
    comes_back: bool,
}

impl<O, F> Pool<O>
where
    O: Fn(u32, CancellationToken) -> F,
    F: Future<Output = Result<(), ProcessError>> + Send + 'static,
{
    fn new(status: watch::Sender<Status>, own: O) -> Pool<O> {
        Pool { own, status, owners: JoinSet::new(), partitions: BTreeMap::new(), running: HashMap::new() }
    }

    fn take_in(&mut self, moved: Moved) {
        match moved {
            Moved::Take(partition) => {
                tracing::info!(partition, "taking a partition");
                self.status.send_modify(|status| status.joined = true);
                self.start(partition, Duration::ZERO);
            }
            Moved::LetGo { partition, gone } => {
                tracing::info!(partition, "letting go of a partition");
                if let Some(owned) = self.partitions.get_mut(&partition) {
                    owned.stop.cancel();
                    owned.asked_back = Some(gone);
                    owned.comes_back = false;
                }
            }
        }
    }

    fn start(&mut self, partition: u32, pause: Duration) {
        // Two owners of one partition in one process would be in each other's way: the second is started by the first one's end.
        if let Some(owned) = self.partitions.get_mut(&partition) {
            owned.asked_back = None;
            owned.comes_back = owned.stop.is_cancelled();
            return;
        }
        let stop = CancellationToken::new();
        set_stage(&self.status, partition, Some(Stage::Recovering));
        let owning = Box::pin((self.own)(partition, stop.clone()));
        let (status, until) = (self.status.clone(), stop.clone());
        let task = self.owners.spawn(async move {
            if until.run_until_cancelled(sleep(pause)).await.is_none() {
                return Ok(());
            }
            match owning.await {
                Err(error @ ProcessError::Newer { .. }) => {
                    // The other partitions are not to end with it.
                    tracing::error!(partition, %error, "the partition stands still until that version takes it");
                    set_stage(&status, partition, Some(Stage::Held));
                    until.cancelled().await;
                    Ok(())
                }
                ended => ended,
            }
        });
        self.running.insert(task.id(), partition);
        self.partitions.insert(partition, Owned { stop, asked_back: None, comes_back: false });
    }

    /// An owner that lost its partition, or whose stores failed, is followed by another as long as the partition is ours.
    fn owner_ended(&mut self, ended: Result<(Id, Result<(), ProcessError>), JoinError>) -> Result<(), ProcessError> {
        let (id, ended) = ended.unwrap_or_else(|error| {
            tracing::error!(%error, "an owner broke down");
            (error.id(), Err(ProcessError::TaskEnded))
        });
        let Some(partition) = self.running.remove(&id) else { return Ok(()) };
        let owned = self.partitions.remove(&partition);
        let is_ours = owned.is_some_and(|owned| owned.comes_back || !owned.stop.is_cancelled());
        set_stage(&self.status, partition, None);
        if let Err(error) = ended {
            if !error.passes() {
                return Err(error);
            }
            counter!("refmill_partitions_lost_total").increment(1);
            tracing::warn!(partition, %error, "lost a partition");
        }
        if is_ours {
            self.start(partition, TAKE_AGAIN_AFTER);
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<(), ProcessError> {
        self.partitions.values().for_each(|owned| owned.stop.cancel());
        let all = async {
            let mut first = Ok(());
            while let Some(ended) = self.owners.join_next().await {
                let ended = ended.unwrap_or(Err(ProcessError::TaskEnded));
                first = first.and(ended.or_else(|error| if error.passes() { Ok(()) } else { Err(error) }));
            }
            first
        };
        // What is not finished by then is made good by the next owner.
        timeout(FINISH_WAIT, all).await.unwrap_or(Ok(()))
    }
}

pub(crate) fn set_stage(status: &watch::Sender<Status>, partition: u32, stage: Option<Stage>) {
    status.send_modify(|status| match stage {
        Some(stage) => _ = status.owned.insert(partition, stage),
        None => _ = status.owned.remove(&partition),
    });
}

#[cfg(test)]
mod tests;
