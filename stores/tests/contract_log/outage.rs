//! Kafka is away: what waits, what comes back, and that nothing is there twice or missing afterwards.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use schemas::time::TimeMs;
use stores::{
    OpenError, Servers, StoreError,
    log::{Appending, Class, Health, Log, LogLimits, Moved},
};
use tokio::{sync::watch, task::JoinSet, time::timeout};

use crate::{
    appending::{SHALLOW, check_shedding},
    broker::{Broker, broker, three_brokers},
    decisions::follow,
    place::{PATIENCE, append, bytes, eventually, take},
};

/// A broker that was frozen a moment ago takes its time to be one of the cluster again.
async fn connect(broker: &Broker, limits: LogLimits) -> (Log, Servers) {
    let servers = broker.servers(1);
    let mut opened = None;
    eventually("the broker is well", async || {
        opened = Log::connect(&servers, limits, true).await.ok();
        opened.is_some()
    })
    .await;
    (opened.unwrap(), servers)
}

async fn await_health(health: &mut watch::Receiver<Health>, wanted: Health) {
    let known = timeout(PATIENCE, health.wait_for(|health| *health == wanted)).await;
    known.unwrap_or_else(|_| panic!("never {wanted:?}")).unwrap();
}

fn enqueue(log: &Log, range: std::ops::Range<u32>) -> Vec<Appending> {
    range.map(|n| log.enqueue(0, Class::Click, n.to_be_bytes().to_vec()).unwrap()).collect()
}

async fn resolve(appending: Vec<Appending>) -> Vec<Result<(), StoreError>> {
    let mut resolved = Vec::new();
    for appending in appending {
        let outcome = timeout(PATIENCE, appending).await.expect("it is resolved");
        resolved.push(outcome.map(drop));
    }
    resolved
}

/// How often each number stands in the log.
async fn counts(log: &Log) -> HashMap<u32, u32> {
    let mut counts = HashMap::new();
    for record in log.read(0, 0, usize::MAX).await.unwrap() {
        *counts.entry(u32::from_be_bytes(record.bytes.try_into().unwrap())).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_sent_comes_back_and_the_rest_arrives_once() {
    let broker = broker().await;
    let broker = broker.as_ref().unwrap();
    let (log, _) = connect(broker, LogLimits::default()).await;
    let mut health = log.health();
    resolve(enqueue(&log, 0..10)).await;
    let frozen = broker.freeze();
    let sent = enqueue(&log, 10..20);
    let waited = Instant::now();
    await_health(&mut health, Health::Away).await;
    assert!(waited.elapsed() < Duration::from_secs(3), "{:?}", waited.elapsed());
    let held_back = enqueue(&log, 20..30);
    let of_many = log.enqueue_many(Class::Own, vec![(0, 30_u32.to_be_bytes().to_vec())]).unwrap();
    log.give_back_unsent();
    assert!(resolve(held_back).await.into_iter().all(|outcome| matches!(outcome, Err(StoreError::NotSent))));
    assert!(matches!(of_many.await, Err(StoreError::NotSent)));
    let held_on = enqueue(&log, 40..50);
    assert!(log.span(0).await.is_err(), "it is said that nothing answers");
    drop(frozen);
    await_health(&mut health, Health::Well).await;
    assert!(resolve(sent).await.into_iter().chain(resolve(held_on).await).all(|outcome| outcome.is_ok()));
    assert!(resolve(enqueue(&log, 50..60)).await.into_iter().all(|outcome| outcome.is_ok()));
    assert_eq!(counts(&log).await, (0..20).chain(40..60).map(|n| (n, 1)).collect());
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clicks_are_refused_first_while_nothing_is_taken() {
    let broker = broker().await;
    let broker = broker.as_ref().unwrap();
    let (log, _) = connect(broker, SHALLOW).await;
    append(&log, &[0; 4]).await.unwrap();
    let frozen = broker.freeze();
    let mut waiting = Vec::new();
    check_shedding(|class, count| {
        let queued = log.enqueue_many(class, vec![(0, vec![0; 4]); count]);
        queued.map(|queued| waiting.push((count, queued))).is_ok()
    })
    .unwrap();
    drop(frozen);
    let mut taken = 1;
    for (count, queued) in waiting {
        timeout(PATIENCE, queued).await.unwrap().unwrap();
        taken += count as u64;
    }
    assert_eq!(log.span(0).await.unwrap().end, taken, "nothing refused was written");
    assert!(log.enqueue_many(Class::Click, vec![(0, b"x".to_vec()); 4]).unwrap().await.is_ok(), "room again");
    log.close().await;
}

/// Two of three go on taking what is theirs.
#[tokio::test(flavor = "multi_thread")]
async fn a_partition_whose_leader_is_gone_is_seen_while_others_are_well() {
    const PARTITIONS: u32 = 6;
    let brokers = three_brokers();
    let servers = brokers.servers(PARTITIONS);
    let log = Log::connect(&servers, LogLimits::default(), true).await.unwrap();
    let mut health = log.health();
    let mut sent = Vec::new();
    let mut send = |log: &Log| {
        for partition in 0..PARTITIONS {
            let record = (sent.len() as u32).to_be_bytes().to_vec();
            sent.push(log.enqueue(partition, Class::Own, record).unwrap());
        }
    };
    send(&log);
    brokers.kill_one("kafka-2");
    let gone = async {
        while *health.borrow_and_update() == Health::Well {
            send(&log);
            // All the while the others deliver.
            let _ = timeout(Duration::from_millis(20), health.changed()).await;
        }
    };
    timeout(PATIENCE, gone).await.expect("it is seen");
    brokers.start();
    await_health(&mut health, Health::Well).await;
    send(&log);
    let records = sent.len();
    assert!(resolve(sent).await.into_iter().all(|outcome| outcome.is_ok()));
    let mut found = 0;
    for partition in 0..PARTITIONS {
        found += log.span(partition).await.unwrap().end;
    }
    assert_eq!(found, records as u64);
    log.close().await;
    brokers.end();
}

/// Each sender waits for one answer before its next record, so many answers after one another take their time.
const SENT_WITHIN: Duration = PATIENCE.saturating_mul(4);

/// Senders go on all the while; so do a reader, a publisher and a follower.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_broker_comes_back_with_each_acknowledged_event_once() {
    const SENDERS: u32 = 8;
    const EACH: u32 = 2_000;
    let broker = broker().await;
    let broker = broker.as_ref().unwrap();
    let (log, _) = connect(broker, LogLimits::default()).await;
    let mut health = log.health();
    let mut reader = log.events(0, 0, TimeMs(0));
    let mut decisions = log.follow_decisions(0);
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        let log = log.clone();
        senders.spawn(async move {
            for n in 0..EACH {
                let record = (sender * EACH + n).to_be_bytes().to_vec();
                log.enqueue(0, Class::Own, record).unwrap().await.unwrap();
            }
        });
    }
    eventually("some are there", async || log.span(0).await.is_ok_and(|span| span.end > 2_000)).await;
    broker.kill();
    await_health(&mut health, Health::Away).await;
    let publishing = log.clone();
    let publishing = tokio::spawn(async move { publishing.publish(vec![(Some(0), b"decided".to_vec())]).await });
    broker.start();
    await_health(&mut health, Health::Well).await;
    let sent = timeout(SENT_WITHIN, async { while senders.join_next().await.transpose().unwrap().is_some() {} });
    sent.await.expect("all senders are done");
    timeout(PATIENCE, publishing).await.unwrap().unwrap().unwrap();
    assert_eq!(follow(&mut decisions, 1).await, [b"decided"]);
    let expected: HashMap<u32, u32> = (0..SENDERS * EACH).map(|n| (n, 1)).collect();
    let read = take(&mut reader, expected.len()).await;
    assert!(read.iter().zip(0..).all(|(record, offset)| record.position.offset == offset));
    assert_eq!(counts(&log).await, expected);
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_known_though_nothing_waits() {
    let broker = broker().await;
    let broker = broker.as_ref().unwrap();
    let (log, _) = connect(broker, LogLimits::default()).await;
    let mut health = log.health();
    append(&log, &[0; 4]).await.unwrap();
    broker.kill();
    await_health(&mut health, Health::Away).await;
    let held_back = enqueue(&log, 1..3);
    broker.start();
    await_health(&mut health, Health::Well).await;
    assert!(resolve(held_back).await.into_iter().all(|outcome| outcome.is_ok()));
    assert_eq!(counts(&log).await, (0..3).map(|n| (n, 1)).collect());
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_away_ends_all_the_same() {
    const SOON: Duration = Duration::from_secs(20);
    let broker = broker().await;
    let broker = broker.as_ref().unwrap();
    let (log, servers) = connect(broker, LogLimits::default()).await;
    append(&log, b"there").await.unwrap();
    let mut reader = log.events(0, 0, TimeMs(0));
    assert_eq!(bytes(&take(&mut reader, 1).await), [b"there"]);
    let mut decisions = log.follow_decisions(0);
    let mut ownership = log.ownership().unwrap();
    assert!(matches!(timeout(PATIENCE, ownership.next()).await.unwrap().unwrap(), Moved::Take(0)));
    let frozen = broker.freeze();
    let mut health = log.health();
    let sent = enqueue(&log, 0..2);
    await_health(&mut health, Health::Away).await;
    let held_back = enqueue(&log, 2..4);
    let refused = Log::connect(&servers, LogLimits::default(), true).await.map(drop);
    assert!(matches!(refused, Err(OpenError::Unreachable { .. })), "{refused:?}");
    timeout(SOON, async {
        ownership.leave().await;
        log.close().await;
    })
    .await
    .expect("it ends");
    assert!(resolve(sent).await.into_iter().all(|outcome| matches!(outcome, Err(StoreError::PerhapsSent))));
    assert!(resolve(held_back).await.into_iter().all(|outcome| matches!(outcome, Err(StoreError::NotSent))));
    assert!(matches!(reader.ready().await, Err(StoreError::Closed)));
    assert!(matches!(decisions.next().await, Err(StoreError::Closed)));
    drop(frozen);
}
