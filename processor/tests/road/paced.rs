//! What comes soon after a batch waits for others to be decided with it.

use std::time::{Duration, Instant};

use processor::Limits;

use crate::place::Place;

const EVERY: Duration = Duration::from_secs(5);

/// From before one order is appended until the next after it is decided. The processor is ended while a third one waits.
async fn two_decided_in(batch_every: Duration) -> Duration {
    let place = Place::new();
    let mut road = place.still().await;
    road.decide_within(Limits { batch_every, ..Limits::default() });
    let asked = Instant::now();
    for order in ["first", "second"] {
        road.append(road.sale(order, None)).await;
        road.decide_all().await;
    }
    let decided_in = asked.elapsed();
    road.append(road.sale("third", None)).await;
    let ending = Instant::now();
    road.stop().await;
    assert!(ending.elapsed() < EVERY, "it ends without waiting for a batch's time: {:?}", ending.elapsed());
    decided_in
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_begins_no_sooner_after_another_than_it_may() {
    let (paced, at_once) = tokio::join!(two_decided_in(EVERY), two_decided_in(Duration::ZERO));
    assert!(paced >= EVERY, "{paced:?}");
    assert!(at_once < EVERY, "one that does not wait would not be told from one that does: {at_once:?}");
}
