//! A server under test on a port of its own, and a client that only knows bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use ingest::body::{self, Budget};
use ingest::connection::{Drained, Limits, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// For the slowest of test machines; nothing waits this long that works.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) const LIMITS: Limits = Limits {
    connections: 50,
    head_wait: Duration::from_millis(300),
    idle_wait: Duration::from_millis(1_500),
    request_wait: Duration::from_secs(5),
    write_wait: Duration::from_millis(400),
    linger_wait: Duration::from_millis(200),
    drain_wait: Duration::from_secs(5),
};

pub(crate) const BODY_BYTES: usize = 1_000;
const BODY_WAIT: Duration = Duration::from_millis(300);

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) gate: Arc<Gate>,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<Drained>,
}

/// Where a request to `/wait` stands until it is opened.
#[derive(Default)]
pub(crate) struct Gate {
    waiting: AtomicUsize,
    arrived: Notify,
    open: Notify,
}

impl Gate {
    async fn pass(&self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        self.arrived.notify_one();
        self.open.notified().await;
    }

    pub(crate) async fn somebody_waits(&self) {
        while self.waiting.load(Ordering::SeqCst) == 0 {
            timeout(PATIENCE, self.arrived.notified()).await.expect("a request at the gate");
        }
    }

    pub(crate) fn open(&self) {
        self.open.notify_one();
    }
}

impl Server {
    pub(crate) async fn start(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let gate = Arc::new(Gate::default());
        let (stop, stopped) = oneshot::channel();
        let at_gate = gate.clone();
        let service = move |request, _peer| route(request, at_gate.clone());
        let running = tokio::spawn(serve(listener, limits, service, async {
            let _ = stopped.await;
        }));
        Self { address, gate, stop: Some(stop), running }
    }

    pub(crate) fn stop(&mut self) {
        self.stop.take().expect("stopped once").send(()).expect("it is running");
    }

    pub(crate) async fn ended(self) -> Drained {
        timeout(PATIENCE, self.running).await.expect("it ends in time").expect("it does not panic")
    }
}

/// The control: the same routes on hyper as it comes.
pub(crate) async fn plain() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(async move {
                let routed = service_fn(|request| async {
                    Ok::<_, std::convert::Infallible>(route(request, Arc::default()).await)
                });
                let _ = Builder::new().serve_connection(TokioIo::new(stream), routed).await;
            });
        }
    });
    address
}

async fn route(request: Request<Incoming>, gate: Arc<Gate>) -> Response<Full<Bytes>> {
    match request.uri().path() {
        "/wait" => gate.pass().await,
        "/big" => return Response::new(Full::from(vec![b'x'; 64 << 20])),
        "/deaf" => return Response::new(Full::from("not listening")),
        "/panic" => panic!("as asked"),
        _ => {}
    }
    let path = request.uri().path().to_owned();
    match body::read(request.into_body(), BODY_BYTES, BODY_WAIT, &Budget::default()).await {
        Ok(whole) => Response::new(Full::from(format!("{path} {}", whole.bytes.len()))),
        Err(error) => {
            let mut response = Response::new(Full::from(error.to_string()));
            *response.status_mut() = error.status();
            response
        }
    }
}

pub(crate) struct Client {
    stream: TcpStream,
}

/// What came back until the server closed or the client's patience ended.
pub(crate) struct Heard {
    pub(crate) text: String,
    pub(crate) closed: bool,
    pub(crate) after: Duration,
}

impl Heard {
    pub(crate) fn responses(&self) -> usize {
        self.text.matches("HTTP/1.1 ").count() + self.text.matches("HTTP/1.0 ").count()
    }
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.expect("a connection") }
    }

    /// A refusal may come before all of it is sent.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    pub(crate) async fn half_close(&mut self) {
        self.stream.shutdown().await.expect("it is open");
    }

    /// Reads on until `enough` is there.
    pub(crate) async fn hear(&mut self, enough: &str) -> String {
        let mut heard = Vec::new();
        while !String::from_utf8_lossy(&heard).contains(enough) {
            let mut part = [0; 4_096];
            let read = timeout(PATIENCE, self.stream.read(&mut part)).await;
            match read {
                Ok(Ok(length)) if length > 0 => heard.extend_from_slice(&part[..length]),
                other => panic!("wanted {enough:?}, heard {:?} and then {other:?}", String::from_utf8_lossy(&heard)),
            }
        }
        String::from_utf8_lossy(&heard).into_owned()
    }

    pub(crate) async fn hear_out(&mut self, patience: Duration) -> Heard {
        let started = Instant::now();
        let mut heard = Vec::new();
        let closed = timeout(patience, async {
            let mut part = vec![0; 65_536];
            while let Ok(length @ 1..) = self.stream.read(&mut part).await {
                heard.extend_from_slice(&part[..length]);
            }
        })
        .await
        .is_ok();
        Heard { text: String::from_utf8_lossy(&heard).into_owned(), closed, after: started.elapsed() }
    }
}
