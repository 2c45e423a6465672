use std::convert::Infallible;
use std::time::Duration;

use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::process_metrics;

/// Scrapers are few; past this a connection waits in the kernel's queue.
const MAX_CONNECTIONS: usize = 64;

/// For a request's header, and so for a connection between two scrapes.
const HEADER_LIMIT: Duration = Duration::from_secs(30);

/// Samples are folded into histograms by a scrape or by this, or an unscraped process would keep them all.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// An accept fails when files run out: one comes free sooner than in a busy loop.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

const DRAIN_LIMIT: Duration = Duration::from_secs(2);

/// Answers `GET /metrics` until shutdown, then lets answers under way finish.
pub(crate) async fn serve(listener: TcpListener, handle: PrometheusHandle, shutdown: CancellationToken) {
    let mut connections = JoinSet::new();
    let mut upkeep = interval(UPKEEP_EVERY);
    upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            _ = upkeep.tick() => handle.run_upkeep(),
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => { connections.spawn(answer_all(stream, handle.clone(), shutdown.clone())); }
                Err(error) => {
                    tracing::warn!(%error, "a metrics connection could not be taken");
                    sleep(ACCEPT_RETRY).await;
                }
            },
        }
    }
    drop(listener);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if timeout(DRAIN_LIMIT, all_ended).await.is_err() {
        connections.shutdown().await;
    }
}

async fn answer_all(stream: TcpStream, handle: PrometheusHandle, shutdown: CancellationToken) {
    let service = service_fn(|request| std::future::ready(Ok::<_, Infallible>(answer(&request, &handle))));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_LIMIT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a metrics connection broke off");
    }
}

fn answer(request: &Request<Incoming>, handle: &PrometheusHandle) -> Response<Full<Bytes>> {
    if request.uri().path() != "/metrics" {
        return plain(StatusCode::NOT_FOUND, "metrics are at /metrics\n".to_owned());
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "GET only\n".to_owned());
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let mut text = handle.render();
    text.push_str(&process_metrics::render());
    plain(StatusCode::OK, text)
}

fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    response
}

#[cfg(test)]
mod tests {
    use metrics::with_local_recorder;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::telemetry;

    struct Served {
        address: std::net::SocketAddr,
        shutdown: CancellationToken,
        task: tokio::task::JoinHandle<()>,
    }

    async fn start() -> Served {
        let recorder = telemetry::builder().expect("buckets").build_recorder();
        let handle = recorder.handle();
        with_local_recorder(&recorder, || {
            metrics::counter!("refmill_test_total").increment(3);
            metrics::histogram!("refmill_test_seconds").record(0.002);
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(serve(listener, handle, shutdown.clone()));
        Served { address, shutdown, task }
    }

    async fn ask(served: &Served, line: &str) -> String {
        let mut stream = TcpStream::connect(served.address).await.expect("connects");
        let request = format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sends");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.expect("reads");
        reply
    }

    #[tokio::test]
    async fn a_scrape_shows_counters_buckets_and_the_process() {
        let served = start().await;
        for (line, status, part) in [
            ("GET /metrics", "200", "refmill_test_total 3"),
            ("GET /metrics", "200", "refmill_test_seconds_bucket{le=\"0.0025\"} 1"),
            ("GET /metrics", "200", "process_resident_memory_bytes "),
            ("GET /", "404", "/metrics"),
            ("POST /metrics", "405", "allow: GET, HEAD"),
        ] {
            let reply = ask(&served, line).await;
            assert!(reply.starts_with(&format!("HTTP/1.1 {status}")), "{line}: {reply}");
            assert!(reply.contains(part), "{line}: {part} is not in {reply}");
        }
    }

    #[tokio::test]
    async fn shutdown_ends_it_though_a_connection_is_idle() {
        let served = start().await;
        let mut idle = TcpStream::connect(served.address).await.expect("connects");
        idle.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("sends");
        let mut first = [0; 12];
        idle.read_exact(&mut first).await.expect("an answer");
        served.shutdown.cancel();
        timeout(Duration::from_secs(5), served.task).await.expect("ends in time").expect("ends well");
        assert!(TcpStream::connect(served.address).await.is_err());
    }
}
