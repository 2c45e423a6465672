//! Events that came to another partition than the one that decides them.

use schemas::{
    decision::{EventKind, Outcome},
    event::{Body, Event},
    ids::{EventId, ProgramId},
    money::Rate,
    terms::Terms,
    time::TimeMs,
    wire::{decode_event, encode_event},
};
use stores::log::{Class, LogLimits};

use crate::{place::Place, road::Road};

/// Two batches, the second larger than what there is room for at once.
const SALES: usize = 3_000;
const SHALLOW: LogLimits = LogLimits { click_depth: 16, conversion_depth: 16 };
const HERE: u32 = 0;
const HOME: u32 = 1;

/// No click is looked up, so that a customer's partition decides.
fn by_code(program: ProgramId) -> Terms {
    rules::presets::reflio(program, Rate(100_000), TimeMs(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_queue_has_room_for_arrives_in_order_and_once() {
    let place = Place::around(2).with_terms(by_code);
    let road = place.still().await;
    let sales: Vec<Event> = (0..SALES).map(|n| road.sale_by_to(HERE, HOME, &format!("order-{n}"))).collect();
    let sent: Vec<EventId> = sales.iter().map(|sale| sale.id).collect();
    road.append_all(sales.clone()).await;
    road.stop().await;

    let mut road = place.still_with(SHALLOW).await;
    let at_once: Vec<_> = sales.into_iter().map(|sale| (HOME, encode_event(sale))).collect();
    assert!(road.stores.log.enqueue_many(Class::Own, at_once).is_err(), "there is no room for all of them");
    road.decide();
    road.until(async || road.counted(EventKind::Sale, Outcome::Attributed).await == SALES as i64).await;
    assert_eq!(arrived(&road).await, sent, "in order, each once");
    road.stop().await;
}

/// The sales in their home's log.
async fn arrived(road: &Road) -> Vec<EventId> {
    let (mut found, mut next) = (Vec::new(), 0);
    loop {
        let records = road.stores.log.read(HOME, next, SALES).await.expect("the log is read");
        let Some(last) = records.last() else { return found };
        next = last.position.offset + 1;
        let events = records.iter().map(|record| decode_event(&record.bytes).expect("an event"));
        found.extend(events.filter(|event| matches!(event.body, Body::Sale(_))).map(|event| event.id));
    }
}
