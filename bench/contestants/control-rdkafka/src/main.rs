//! hyper and rdkafka, and nothing between them: each body is a record as it is, and the answer is 204 once Kafka has it.

use std::{convert::Infallible, env, net::SocketAddr, process, sync::Arc, thread, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::{body::Incoming, server::conn::http1::Builder, service::service_fn};
use hyper_util::rt::TokioIo;
use rdkafka::{
    ClientConfig, ClientContext,
    producer::{BaseProducer, BaseRecord, DeliveryResult, NoCustomPartitioner, Producer as _, ProducerContext},
};
use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As much as Refmill's edge takes of a head.
const HEAD_BYTES: usize = 64 << 10;

const POLL_WAIT: Duration = Duration::from_millis(250);
const FLUSH_WAIT: Duration = Duration::from_secs(5);

/// Tells each request that its record is delivered.
struct Deliveries;

impl ClientContext for Deliveries {}

impl ProducerContext<NoCustomPartitioner> for Deliveries {
    type DeliveryOpaque = Box<oneshot::Sender<bool>>;

    fn delivery(&self, delivered: &DeliveryResult<'_>, waiting: Box<oneshot::Sender<bool>>) {
        // Who has gone meanwhile needs no answer.
        let _ = waiting.send(delivered.is_ok());
    }
}

struct Sink {
    producer: BaseProducer<Deliveries>,
    topic: String,
}

#[tokio::main]
async fn main() {
    let mut arguments = env::args().skip(1);
    let (Some(address), Some(broker), Some(topic)) = (arguments.next(), arguments.next(), arguments.next()) else {
        eprintln!("usage: control-rdkafka ADDRESS BROKER TOPIC");
        process::exit(2);
    };
    let address: SocketAddr = address.parse().expect("an address");
    let sink = Arc::new(Sink { producer: producer(&broker), topic });
    let polled = Arc::clone(&sink);
    thread::spawn(move || {
        loop {
            polled.producer.poll(POLL_WAIT);
        }
    });
    let listener = TcpListener::bind(address).await.expect("the address is free");
    let mut asked = signal(SignalKind::terminate()).expect("signals can be heard");
    tokio::select! {
        _ = asked.recv() => {}
        () = serve(listener, &sink) => {}
    }
    sink.producer.flush(FLUSH_WAIT).expect("all is delivered");
}

/// As Refmill's edge sets its own.
fn producer(broker: &str) -> BaseProducer<Deliveries> {
    ClientConfig::new()
        .set("bootstrap.servers", broker)
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("compression.type", "lz4")
        .set("linger.ms", "5")
        .set("max.in.flight.requests.per.connection", "1")
        .set("batch.size", "1000000")
        .create_with_context(Deliveries)
        .expect("settings that the client knows")
}

async fn serve(listener: TcpListener, sink: &Arc<Sink>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(drive(stream, Arc::clone(sink)));
    }
}

/// As Refmill's edge and `bench control hyper` set it.
async fn drive(stream: TcpStream, sink: Arc<Sink>) {
    let _ = stream.set_nodelay(true);
    let connection = Builder::new()
        .max_buf_size(HEAD_BYTES)
        .max_header_size(HEAD_BYTES)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service_fn(|request| answer(request, &sink)));
    // What went wrong on the wire is the client's affair.
    drop(connection.await);
}

async fn answer(request: Request<Incoming>, sink: &Sink) -> Result<Response<Empty<Bytes>>, Infallible> {
    let is_kept = match request.into_body().collect().await {
        Ok(body) => sink.keep(&body.to_bytes()).await,
        Err(_) => false,
    };
    let mut response = Response::new(Empty::new());
    *response.status_mut() = if is_kept { StatusCode::NO_CONTENT } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(response)
}

impl Sink {
    /// Whether Kafka has it.
    async fn keep(&self, body: &[u8]) -> bool {
        let (delivered, waiting) = oneshot::channel();
        let record = BaseRecord::<(), [u8], _>::with_opaque_to(&self.topic, Box::new(delivered)).payload(body);
        if self.producer.send(record).is_err() {
            return false;
        }
        waiting.await.unwrap_or(false)
    }
}
