//! What is said of how far an owner is behind.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use schemas::time::TimeMs;
use stores::log::Class;

use crate::place::{Place, append, eventually, take};

/// Nobody else in this process reads a partition of this number.
const PARTITION: u32 = 11;

/// Keeps one gauge: the lag of that partition.
struct LagAlone(Arc<AtomicU64>);

impl Recorder for LagAlone {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        let is_ours = key.labels().any(|label| label.key() == "partition" && label.value() == PARTITION.to_string());
        if is_ours && key.name() == "refmill_log_lag_events" { Gauge::from_arc(self.0.clone()) } else { Gauge::noop() }
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lag_rises_behind_a_reader_that_does_not_take_and_falls_again() {
    let lag = Arc::new(AtomicU64::new(f64::NAN.to_bits()));
    metrics::set_global_recorder(LagAlone(lag.clone())).expect("no other test of this process counts");
    let is = async |events: f64| {
        let what = format!("a lag of {events}");
        eventually(&what, async || f64::from_bits(lag.load(Ordering::Relaxed)) == events).await;
    };
    let place = Place::distributed(PARTITION + 1);
    let log = place.open().await;
    let append_many = async |count: usize| {
        let records = vec![(PARTITION, b"x".to_vec()); count];
        log.enqueue_many(Class::Click, records).unwrap().await.unwrap();
    };
    append_many(300).await;
    let mut reader = log.events(PARTITION, 100, TimeMs(0));
    is(200.0).await;
    append_many(50).await;
    is(250.0).await;
    take(&mut reader, 249).await;
    is(1.0).await;
    append(&log, b"of another partition").await.unwrap();
    take(&mut reader, 1).await;
    is(0.0).await;
    append_many(7).await;
    is(7.0).await;
    drop(reader);
    is(0.0).await;
    log.close().await;
    place.clear().await;
}
