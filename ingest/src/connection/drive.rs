//! One connection from its first byte to its close.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Either;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1::{Builder, Connection};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;
use metrics::counter;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::answer::Answer;
use super::progress::{Expired, Progress};
use super::refusal::Refusal;
use super::stream::Watched;
use super::{Arrival, HEAD_BYTES, Limits, head};

/// Read at once of what a client still sends after its last answer.
const SINK_BYTES: usize = 4_096;

pub(super) async fn drive<F, R, B>(
    stream: TcpStream,
    peer: SocketAddr,
    limits: Limits,
    service: F,
    drain: watch::Receiver<bool>,
) where
    F: Fn(Request<Incoming>, Arrival) -> R,
    R: Future<Output = Response<B>>,
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    // A response held back for more to send would cost its client a delayed ACK.
    let _ = stream.set_nodelay(true);
    let progress = Arc::new(Progress::new());
    let io = TokioIo::new(Watched::new(stream, progress.clone()));
    let routed = service_fn(|request| answer(request, peer, &service, &progress));
    // Its own header timer stays off (it needs a Timer): it would count idle time too. Half-closed
    // clients get their answer, as they do elsewhere.
    let mut connection = Builder::new()
        .max_buf_size(HEAD_BYTES)
        .max_header_size(HEAD_BYTES)
        .half_close(true)
        // Answers are small: one buffer costs less to send than two.
        .writev(false)
        .serve_connection(io, routed);
    let end = run(&mut connection, &progress, &limits, drain).await;
    let stream = connection.into_parts().io.into_inner().into_stream();
    if let Some(what) = end {
        counter!("refmill_connections_expired_total", "limit" => what.name()).increment(1);
    }
    match end {
        Some(Expired::Write | Expired::Request) => drop(stream),
        Some(Expired::Head) if !progress.is_write_blocked() => {
            farewell(stream, Some(&Refusal::HEAD_TOO_SLOW), &limits).await;
        }
        _ if progress.peer_closed() => drop(stream),
        _ => farewell(stream, None, &limits).await,
    }
}

/// A last word where there is one, then whatever the client still sends goes nowhere for a moment.
pub(super) async fn farewell(mut stream: TcpStream, word: Option<&Refusal>, limits: &Limits) {
    let goodbye = async {
        if let Some(word) = word {
            stream.write_all(word.wire().as_bytes()).await?;
        }
        stream.shutdown().await?;
        // On the heap: in the task it would take its room for as long as the connection lives.
        let mut sink = vec![0; SINK_BYTES];
        while stream.read(&mut sink).await? > 0 {}
        std::io::Result::Ok(())
    };
    // Whether the client heard it is no longer our concern.
    let _ = timeout(limits.linger_wait, goodbye).await;
}

async fn answer<F, R, B>(
    request: Request<Incoming>,
    peer: SocketAddr,
    service: &F,
    progress: &Arc<Progress>,
) -> Result<Response<Answer<B>>, std::convert::Infallible>
where
    F: Fn(Request<Incoming>, Arrival) -> R,
    R: Future<Output = Response<B>>,
{
    progress.head_received(request.body().size_hint().exact());
    let mut response = match head::check(&request) {
        Ok(()) => service(request, Arrival { peer, is_whole: progress.is_here() }).await.map(Either::Right),
        Err(refusal) => refusal.response().map(Either::Left),
    };
    let unread = matches!(response.status(), StatusCode::REQUEST_TIMEOUT | StatusCode::PAYLOAD_TOO_LARGE);
    if unread || progress.body_missing() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response.map(|body| Answer::new(body, progress.clone())))
}

/// Until hyper is done with the connection (`None`) or something has run out.
async fn run<S, B>(
    connection: &mut Connection<TokioIo<Watched>, S>,
    progress: &Progress,
    limits: &Limits,
    mut drain: watch::Receiver<bool>,
) -> Option<Expired>
where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let draining = drain.clone();
    let mut drain = pin!(drain.changed());
    let mut heard = draining.borrow().then_some(());
    if heard.is_some() {
        Pin::new(&mut *connection).graceful_shutdown();
    }
    let mut watching = false;
    let mut alarm = pin!(sleep_until(Instant::now() + limits.idle_wait));
    poll_fn(|cx| {
        // Polled once to be woken; from then on a look at the version is enough, and a lock shared
        // by all connections stays off every request's path. The task's waker never changes.
        if heard.is_none() && (!watching || draining.has_changed().unwrap_or(true)) {
            watching = true;
            if drain.as_mut().poll(cx).is_ready() {
                heard = Some(());
                Pin::new(&mut *connection).graceful_shutdown();
            }
        }
        // What went wrong on the wire is the client's affair and is answered where it can be.
        if Pin::new(&mut *connection).poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        expired(alarm.as_mut(), progress, limits, cx).map(Some)
    })
    .await
}

/// The alarm is only moved forward, or on when it rings: most requests end long before, and leave it be.
fn expired(mut alarm: Pin<&mut Sleep>, progress: &Progress, limits: &Limits, cx: &mut Context<'_>) -> Poll<Expired> {
    let Some((deadline, what)) = progress.deadline(limits) else {
        return Poll::Pending;
    };
    if deadline < alarm.deadline() {
        alarm.as_mut().reset(deadline);
    }
    while alarm.as_mut().poll(cx).is_ready() {
        if deadline <= Instant::now() {
            return Poll::Ready(what);
        }
        alarm.as_mut().reset(deadline);
    }
    Poll::Pending
}
