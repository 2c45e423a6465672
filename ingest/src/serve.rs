//! One listener for the edge's paths and, behind it, everybody else's.

use std::{pin::Pin, sync::Arc, time::Duration};

use http::{Request, Response};
use hyper::body::Incoming;
use schemas::event::{Body, Event};
use stores::log::Class;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    answer::Page,
    connection::{self, Arrival, Drained, Limits},
    edge::{Edge, owns},
};

/// An answer under way.
pub type Answering = Pin<Box<dyn Future<Output = Response<Page>> + Send>>;

/// Who answers what is not the edge's; a request carries its client's [`crate::address::Address`] as an extension.
pub type Fallback = Arc<dyn Fn(Request<Incoming>) -> Answering + Send + Sync>;

/// How often the log is told what was refused.
const COUNTS_EVERY: Duration = Duration::from_secs(1);

/// Serves until `shutdown`, finishes what is under way and says how that ended.
pub async fn serve(
    listener: TcpListener,
    limits: Limits,
    edge: Arc<Edge>,
    fallback: Fallback,
    shutdown: CancellationToken,
) -> Drained {
    let counting = tokio::spawn(report_refused(Arc::clone(&edge), shutdown.clone()));
    let both = Arc::new((Arc::clone(&edge), fallback));
    let service = move |request: Request<Incoming>, arrival: Arrival| {
        let both = Arc::clone(&both);
        async move {
            let (edge, fallback) = &*both;
            if edge.config.takes_events && owns(request.uri().path()) {
                edge.handle(request, arrival).await
            } else {
                let mut request = request;
                let address = edge.address(request.headers(), arrival.peer);
                request.extensions_mut().insert(address);
                fallback(request).await
            }
        }
    };
    let drained = connection::serve(listener, limits, service, shutdown.cancelled_owned()).await;
    let untaken = counting.await.unwrap_or_else(|error| {
        tracing::error!(%error, "the task that counts refusals ended badly");
        None
    });
    append_refused(&edge, untaken).await;
    drained
}

/// Returns what the log has not taken.
async fn report_refused(edge: Arc<Edge>, shutdown: CancellationToken) -> Option<Event> {
    let mut due = tokio::time::interval(COUNTS_EVERY);
    let mut untaken = None;
    while shutdown.run_until_cancelled(due.tick()).await.is_some() {
        untaken = append_refused(&edge, untaken).await;
    }
    untaken
}

/// Appends what was refused since the last time, what the log has not taken before that. It may have it all the same, so this is the
/// same event again: a second one with its id is a copy, and counts nothing.
async fn append_refused(edge: &Edge, untaken: Option<Event>) -> Option<Event> {
    if let Some(event) = untaken
        && edge.append(Class::Own, event.clone()).await.is_err()
    {
        return Some(event);
    }
    let counts = edge.refused.take()?;
    let event = Event { resent: true, ..edge.stamp((edge.now)(), None, Body::EdgeCounts(counts)) };
    edge.append(Class::Own, event.clone()).await.is_err().then_some(event)
}
