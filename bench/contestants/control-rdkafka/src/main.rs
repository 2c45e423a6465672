//! hyper and rdkafka, and nothing between them: each body is a record as it is, of a batch each item, and the answer is 204 once Kafka has
//! all of it.

use std::{
    convert::Infallible,
    env, iter,
    net::SocketAddr,
    num::NonZeroU64,
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::{body::Incoming, server::conn::http1::Builder, service::service_fn};
use hyper_util::rt::TokioIo;
use memchr::memmem;
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
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// As much as Refmill's edge takes of a head.
const HEAD_BYTES: usize = 64 << 10;

/// Where bodies are arrays of clicks.
const BATCHES: &str = "/track/batch";

/// As long as Kafka's client itself keeps to a partition: twice its linger.
const PARTITION_MS: u64 = 10;

const POLL_WAIT: Duration = Duration::from_millis(250);
const FLUSH_WAIT: Duration = Duration::from_secs(5);

/// A request's records hold it until they are delivered: who lets go of it last tells the request.
struct Waiting {
    is_lost: AtomicBool,
    told: Option<oneshot::Sender<bool>>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(told) = self.told.take() {
            // Who has gone meanwhile needs no answer.
            let _ = told.send(!*self.is_lost.get_mut());
        }
    }
}

/// Lets go for each record that is delivered.
struct Deliveries;

impl ClientContext for Deliveries {}

impl ProducerContext<NoCustomPartitioner> for Deliveries {
    type DeliveryOpaque = Arc<Waiting>;

    fn delivery(&self, delivered: &DeliveryResult<'_>, waiting: Arc<Waiting>) {
        if delivered.is_err() {
            waiting.is_lost.store(true, Ordering::Relaxed);
        }
    }
}

struct Sink {
    producer: BaseProducer<Deliveries>,
    topic: String,
    partitions: NonZeroU64,
    began: Instant,
}

#[tokio::main]
async fn main() {
    let mut arguments = env::args().skip(1);
    let (Some(address), Some(broker), Some(topic), Some(partitions)) =
        (arguments.next(), arguments.next(), arguments.next(), arguments.next())
    else {
        eprintln!("usage: control-rdkafka ADDRESS BROKER TOPIC PARTITIONS");
        process::exit(2);
    };
    let address: SocketAddr = address.parse().expect("an address");
    let partitions = partitions.parse().expect("a number of partitions");
    let sink = Arc::new(Sink { producer: producer(&broker), topic, partitions, began: Instant::now() });
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
        // Never to be reached: 1,024 connections with a batch each are more than the client's own 100,000.
        .set("queue.buffering.max.messages", "10000000")
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
        .writev(false)
        .serve_connection(TokioIo::new(stream), service_fn(|request| answer(request, &sink)));
    // What went wrong on the wire is the client's affair.
    drop(connection.await);
}

async fn answer(request: Request<Incoming>, sink: &Sink) -> Result<Response<Empty<Bytes>>, Infallible> {
    let is_batch = request.uri().path() == BATCHES;
    let is_kept = match request.into_body().collect().await {
        Ok(body) => sink.keep(&body.to_bytes(), is_batch).await,
        Err(_) => false,
    };
    let mut response = Response::new(Empty::new());
    *response.status_mut() = if is_kept { StatusCode::NO_CONTENT } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(response)
}

impl Sink {
    /// Whether Kafka has all of it.
    async fn keep(&self, body: &[u8], is_batch: bool) -> bool {
        let (told, asked) = oneshot::channel();
        let waiting = Arc::new(Waiting { is_lost: AtomicBool::new(false), told: Some(told) });
        let partition = self.partition();
        if is_batch {
            items(body).for_each(|item| self.send(item, partition, Arc::clone(&waiting)));
            // Or it would wait for itself.
            drop(waiting);
        } else {
            self.send(body, partition, waiting);
        }
        asked.await.unwrap_or(false)
    }

    fn send(&self, record: &[u8], partition: i32, waiting: Arc<Waiting>) {
        let record =
            BaseRecord::<(), [u8], _>::with_opaque_to(&self.topic, waiting).partition(partition).payload(record);
        if let Err((_, refused)) = self.producer.send(record) {
            refused.delivery_opaque.is_lost.store(true, Ordering::Relaxed);
        }
    }

    /// One at a time has all records, so that batches are as full as they can be. The client would do the same, but look at the clock and at
    /// the partition for every record.
    fn partition(&self) -> i32 {
        let turn = self.began.elapsed().as_millis() as u64 / PARTITION_MS;
        (turn % self.partitions) as i32
    }
}

/// The items of an array as `bench` sends it: objects with none in them and no space between. Nothing else of it is looked at; `bench` counts
/// what came to the topic.
fn items(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let items = body.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")).unwrap_or(body);
    let ends = memmem::find_iter(items, b"},{").map(|at| at + 1).chain(iter::once(items.len()));
    ends.scan(0, move |from, end| {
        let item = &items[*from..end];
        *from = end + 1;
        Some(item)
    })
}
