use std::{sync::Mutex, time::Duration};

use deadpool_postgres::Client;
use schemas::catalog::ChangeNo;
use tokio::{sync::watch, task::JoinHandle, time::sleep};

use crate::{
    StoreError,
    postgres::{Postgres, query, row::get_id},
};

/// How often the newest change is asked for.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// How long an answer may take.
const ANSWER_WAIT: Duration = Duration::from_secs(2);

/// How long after a failure it is asked again: from the first to the longest, twice as long each time.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LONGEST: Duration = Duration::from_millis(800);

/// The task that learns what other processes changed. It ends with the catalog.
pub(super) struct Watching {
    stop: watch::Sender<bool>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Watching {
    pub(super) fn start(postgres: Postgres, latest: watch::Sender<ChangeNo>) -> Watching {
        let (stop, stopped) = watch::channel(false);
        Watching { stop, task: Mutex::new(Some(tokio::spawn(ask(postgres, latest, stopped)))) }
    }

    pub(super) async fn end(&self) {
        self.stop.send_replace(true);
        let task = self.task.lock().ok().and_then(|mut task| task.take());
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the task that asks for the newest change ended badly");
        }
    }
}

/// Tells of a change, unless a newer one is known.
pub(super) fn raise(latest: &watch::Sender<ChangeNo>, change: ChangeNo) {
    latest.send_if_modified(|at| {
        let is_newer = change > *at;
        *at = change.max(*at);
        is_newer
    });
}

pub(super) async fn newest(client: &Client) -> Result<ChangeNo, StoreError> {
    let row = query::one(client, "SELECT no FROM catalog.newest_change", &[]).await?;
    get_id(&row, 0).map(ChangeNo)
}

async fn ask(postgres: Postgres, latest: watch::Sender<ChangeNo>, mut stopped: watch::Receiver<bool>) {
    let mut retry: Option<Duration> = None;
    loop {
        let asked = postgres.within(ANSWER_WAIT, async |client: &mut Client| newest(client).await);
        let answer = tokio::select! {
            answer = asked => answer,
            _ = stopped.wait_for(|stop| *stop) => return,
        };
        let wait = match answer {
            Ok(change) => {
                raise(&latest, change);
                if retry.take().is_some() {
                    tracing::info!("the catalog's changes can be asked for again");
                }
                ASK_EVERY
            }
            Err(error) => {
                if retry.is_none() {
                    tracing::warn!(%error, "the catalog's changes cannot be asked for; trying on");
                }
                *retry.insert(retry.map_or(RETRY_FIRST, |last| RETRY_LONGEST.min(last * 2)))
            }
        };
        tokio::select! {
            () = sleep(wait) => {}
            _ = stopped.wait_for(|stop| *stop) => return,
        }
    }
}
