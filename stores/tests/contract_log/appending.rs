//! Events go in, in order, durably, and not without bound.

use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer as _},
};
use schemas::ids::Position;
use stores::{
    StoreError,
    log::{Class, LogLimits},
};

use crate::place::{PATIENCE, Place, append, at, bytes, end, kafka, places};

#[tokio::test(flavor = "multi_thread")]
async fn events_stand_in_the_order_they_came_in_and_stay_over_a_reopening() {
    for place in places() {
        let log = place.open().await;
        assert_eq!(append(&log, b"a").await.unwrap().position, at(0));
        let many = vec![(0, b"b".to_vec()), (0, b"c".to_vec())];
        log.enqueue_many(Class::Click, many).unwrap().await.unwrap();
        assert_eq!(end(&log).await, 3, "they are durable");
        log.enqueue_many(Class::Click, Vec::new()).unwrap().await.unwrap();
        log.close().await;

        let log = place.open().await;
        assert_eq!(end(&log).await, 3);
        let appended = append(&log, b"d").await.unwrap();
        assert_eq!((appended.position, end(&log).await), (at(3), 4));
        let records = log.read(0, 0, 10).await.unwrap();
        assert_eq!(bytes(&records), [b"a", b"b", b"c", b"d"]);
        assert_eq!(
            records.iter().map(|record| record.position).collect::<Vec<_>>(),
            (0..4).map(at).collect::<Vec<_>>()
        );
        assert_eq!(records[3].appended_at, appended.appended_at);
        log.close().await;
        place.clear().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_not_there_takes_nothing_and_gives_nothing() {
    for place in places() {
        let log = place.open().await;
        let partition = log.partitions();
        let one = log.enqueue(partition, Class::Click, b"x".to_vec()).unwrap().await;
        assert!(matches!(one, Err(StoreError::NoPartition(missing)) if missing == partition));
        let batch = vec![(0, b"x".to_vec()), (partition, b"y".to_vec())];
        let many = log.enqueue_many(Class::Click, batch).unwrap().await;
        assert!(matches!(many, Err(StoreError::NoPartition(_))));
        assert!(matches!(log.read(partition, 0, 10).await, Err(StoreError::NoPartition(_))));
        assert!(matches!(log.span(partition).await, Err(StoreError::NoPartition(_))));
        let mut reader = log.events(partition, 0, schemas::time::TimeMs(0));
        assert!(matches!(reader.ready().await, Err(StoreError::NoPartition(_))));
        assert_eq!(end(&log).await, 0, "all of a batch or none");
        log.close().await;
        place.clear().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_apart() {
    let place = Place::distributed(2);
    let log = place.open().await;
    let records = vec![(1, b"a".to_vec()), (0, b"b".to_vec()), (1, b"c".to_vec())];
    log.enqueue_many(Class::Own, records).unwrap().await.unwrap();
    for (partition, expected) in [(0, &[b"b"][..]), (1, &[b"a", b"c"][..])] {
        let records = log.read(partition, 0, 10).await.unwrap();
        assert_eq!(bytes(&records), expected);
        let places: Vec<_> = records.iter().map(|record| record.position).collect();
        assert_eq!(places, (0..).map(|offset| Position { partition, offset }).take(expected.len()).collect::<Vec<_>>());
        assert_eq!(log.span(partition).await.unwrap().end, expected.len() as u64);
    }
    log.close().await;
    place.clear().await;
}

/// Looks for the event from outside at the moment that it is acknowledged.
async fn check_acknowledged<F: Future<Output = Position>>(outside: &BaseConsumer, topic: &str, acknowledge: F) -> bool {
    let position = acknowledge.await;
    let (_, end) = outside.fetch_watermarks(topic, position.partition.cast_signed(), PATIENCE).unwrap();
    position.offset < end.cast_unsigned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_is_there_for_others_and_an_answer_before_is_caught() {
    let place = Place::distributed(1);
    let Place::Distributed(servers) = &place else { unreachable!("it is distributed") };
    let topic = format!("{}.events", servers.prefix);
    let outside: BaseConsumer = ClientConfig::new().set("bootstrap.servers", kafka()).create().unwrap();
    let log = place.open().await;
    for _ in 0..20 {
        let acknowledge = async { append(&log, b"x").await.unwrap().position };
        assert!(check_acknowledged(&outside, &topic, acknowledge).await);
    }
    let hasty = async { at(end(&log).await) };
    assert!(!check_acknowledged(&outside, &topic, hasty).await, "a control");
    log.close().await;
    place.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_too_large_fails_alone() {
    let place = Place::distributed(1);
    let log = place.open().await;
    let large = vec![7; 2_000_000];
    let alone = log.enqueue(0, Class::Click, large.clone()).unwrap().await;
    assert!(matches!(alone, Err(StoreError::Kafka(_))), "{alone:?}");
    let batch = log.enqueue_many(Class::Click, vec![(0, b"a".to_vec()), (0, large)]).unwrap().await;
    assert!(matches!(batch, Err(StoreError::Kafka(_))));
    assert_eq!(append(&log, b"b").await.unwrap().position, at(1));
    log.close().await;
    place.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_log_answers_what_comes_after() {
    for place in places() {
        let log = place.open().await;
        let waiting = log.enqueue(0, Class::Click, b"waits".to_vec()).unwrap();
        let mut reader = log.events(0, 2, schemas::time::TimeMs(0));
        let mut decisions = log.follow_decisions(0);
        let mut ownership = log.ownership().unwrap();
        let other_handle = log.clone();
        other_handle.close().await;
        assert!(waiting.await.is_ok());
        assert!(matches!(append(&log, b"late").await, Err(StoreError::Closed)));
        assert!(matches!(log.publish(vec![(None, Vec::new())]).await, Err(StoreError::Closed)));
        assert!(matches!(log.read(0, 0, 1).await, Err(StoreError::Closed)));
        assert!(matches!(decisions.next().await, Err(StoreError::Closed)));
        assert!(reader.ready().await.is_err());
        while let Ok(_moved) = ownership.next().await {}
        assert!(log.ownership().is_err() || matches!(place, Place::Embedded(_)));
        log.close().await;
        let log = place.open().await;
        assert_eq!(end(&log).await, 1);
        log.close().await;
        place.clear().await;
    }
}

pub(crate) const SHALLOW: LogLimits = LogLimits { click_depth: 4, conversion_depth: 6 };

/// With the writer stalled: clicks are refused first, conversions later, the process's own events last, batches whole.
pub(crate) fn check_shedding(mut enqueue: impl FnMut(Class, usize) -> bool) -> Result<(), &'static str> {
    let own_depth = SHALLOW.depth(Class::Own);
    for (class, count, taken, wrong) in [
        (Class::Click, 5, false, "a batch of clicks past their depth was taken"),
        (Class::Click, 4, true, "clicks up to their depth were refused"),
        (Class::Click, 1, false, "a click past its depth was taken"),
        (Class::Conversion, 3, false, "conversions past their depth were taken"),
        (Class::Conversion, 2, true, "conversions up to their depth were refused"),
        (Class::Conversion, 1, false, "a conversion past its depth was taken"),
        (Class::Own, own_depth - 6, true, "own events up to their depth were refused"),
        (Class::Own, 1, false, "own events past their depth were taken"),
        (Class::Click, 1, false, "a click past its depth was taken"),
    ] {
        if enqueue(class, count) != taken {
            return Err(wrong);
        }
    }
    Ok(())
}

#[test]
fn control_a_queue_without_depths_is_caught() {
    let mut queue = Vec::new();
    let caught = check_shedding(|class, count| {
        queue.push((class, count));
        true
    });
    assert_eq!(caught, Err("a batch of clicks past their depth was taken"));
}
