//! The listener: so many connections and no more, and an orderly end.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use metrics::counter;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};

use super::drive::{drive, farewell};
use super::refusal::Refusal;
use super::{Arrival, Limits, REFUSALS};

/// After a failed accept (no file descriptor is left, most often), before the next try.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How the connections ended that were open at the shutdown signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    pub finished: usize,
    pub aborted: usize,
}

/// Serves until `shutdown`, then lets what is under way finish within `limits.drain_wait`.
pub async fn serve<F, R, B>(
    listener: TcpListener,
    limits: Limits,
    service: F,
    shutdown: impl Future<Output = ()>,
) -> Drained
where
    F: Fn(Request<Incoming>, Arrival) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Unpin + Send + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let (drain, draining) = watch::channel(false);
    let open = Arc::new(Semaphore::new(limits.connections));
    let refusing = Arc::new(Semaphore::new(REFUSALS));
    let mut tasks = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let (stream, peer) = tokio::select! {
            () = &mut shutdown => break,
            Some(ended) = tasks.join_next() => { report(ended); continue }
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "can't accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        if let Ok(permit) = open.clone().try_acquire_owned() {
            let (service, draining) = (service.clone(), draining.clone());
            tasks.spawn(async move {
                drive(stream, peer, limits, service, draining).await;
                drop(permit);
            });
        } else {
            counter!("refmill_connections_refused_total").increment(1);
            refuse(stream, limits, &refusing, &mut tasks);
        }
    }
    drop(listener);
    drain.send_replace(true);
    finish(tasks, limits.drain_wait).await
}

fn refuse(stream: TcpStream, limits: Limits, refusing: &Arc<Semaphore>, tasks: &mut JoinSet<()>) {
    if let Ok(permit) = refusing.clone().try_acquire_owned() {
        tasks.spawn(async move {
            farewell(stream, Some(&Refusal::TOO_MANY_CONNECTIONS), &limits).await;
            drop(permit);
        });
    }
}

async fn finish(mut tasks: JoinSet<()>, wait: Duration) -> Drained {
    let mut finished = 0;
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            report(ended);
            finished += 1;
        }
    };
    let _ = timeout(wait, all).await;
    let aborted = tasks.len();
    tasks.shutdown().await;
    Drained { finished, aborted }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("a connection's task panicked");
    }
}
