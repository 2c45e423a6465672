//! ClickHouse lets everybody in and answers nobody.

use std::time::{Duration, Instant};

use processor::Limits;
use schemas::{
    conversion::Standing,
    event::Body,
    ids::ConversionId,
    time::{HOUR_MS, MINUTE_MS},
    wire::decode_event,
};

use crate::{place::Place, road::Road};

/// Of questions for a conversion's clicks alone.
const QUESTION: &str = "fromUnixTimestamp64Milli";

const LIMITS: Limits = Limits {
    batch_events: 2_048,
    clicks_wait: Duration::from_millis(200),
    batch_every: Duration::ZERO,
    touches_every: Duration::from_secs(5),
    facts_wait: Duration::from_millis(300),
    settle_again_after: Duration::from_millis(500),
};

/// A batch waits for facts once, whatever is in it, and then there is the one that was under way. The rest is for a busy machine:
/// who waits for an answer of ClickHouse waits 30 s.
const DECIDED_WITHIN: Duration = LIMITS.facts_wait.saturating_mul(2).saturating_add(Duration::from_secs(10));

#[tokio::test(flavor = "multi_thread")]
async fn deciding_goes_on_and_what_waits_for_facts_is_settled_once_they_answer() {
    let mut place = Place::around(1);
    let way = place.with_way_to_clickhouse().await;
    let mut road = place.still().await;
    road.decide_within(LIMITS);
    for at in [place.noon, place.noon.plus_ms(HOUR_MS)] {
        road.append(road.click(at)).await;
    }
    road.decide_all().await;
    way.silent_from(QUESTION);
    let just_after = Some(place.noon.plus_ms(MINUTE_MS));
    let backdated = ["one", "another", "a third"].map(|order| road.sale(order, just_after));
    let mut waiting = Vec::new();
    for sale in backdated {
        waiting.push(road.append(sale).await);
    }
    road.until(async || way.is_silent()).await;
    for order in ["first", "second"] {
        let asked = Instant::now();
        let sale = road.append(road.sale(order, None)).await;
        road.decide_all().await;
        assert!(asked.elapsed() < DECIDED_WITHIN, "{order}: {:?}", asked.elapsed());
        assert_eq!(road.standing(sale).await, Standing::Attributed, "{order}");
    }
    // It is tried again, and not at every look at what time has brought.
    let (since, before) = (Instant::now(), settles(&road, waiting[0]).await);
    road.until(async || settles(&road, waiting[0]).await >= before + 2).await;
    assert!(since.elapsed() >= LIMITS.settle_again_after, "{:?}", since.elapsed());
    for sale in &waiting {
        assert_eq!(road.standing(*sale).await, Standing::Parked);
    }

    way.open();
    for sale in waiting {
        road.settled(sale).await;
        assert_eq!(road.standing(sale).await, Standing::Attributed);
    }
    let end = road.stores.log.span(0).await.expect("the log answers").end;
    road.facts_hold(0, end).await;
    road.stop().await;
}

/// How often the log has been told to settle it.
async fn settles(road: &Road, conversion: ConversionId) -> usize {
    let records = road.stores.log.read(0, 0, usize::MAX).await.expect("the log is read");
    let events = records.iter().map(|record| decode_event(&record.bytes).expect("an event"));
    events.filter(|event| matches!(event.body, Body::Settle(settle) if settle.conversion == conversion)).count()
}
