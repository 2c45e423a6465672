//! Decisions come to those who wait for them.

use std::task::{Context, Waker};

use stores::{StoreError, log::DecisionReader};
use tokio::time::timeout;

use crate::place::{PATIENCE, Place, places};

pub(crate) async fn follow(reader: &mut DecisionReader, count: usize) -> Vec<Vec<u8>> {
    let mut seen = Vec::new();
    while seen.len() < count {
        seen.extend(timeout(PATIENCE, reader.next()).await.expect("a decision comes").unwrap());
    }
    seen
}

fn is_pending(wait: impl Future) -> bool {
    std::pin::pin!(wait).poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_followed_from_now_on() {
    for place in places() {
        let log = place.open().await;
        log.publish(vec![(Some(0), b"earlier".to_vec())]).await.unwrap();
        let (mut one, mut two) = (log.follow_decisions(0), log.follow_decisions(0));
        assert!(is_pending(one.next()), "waits, and a wait that is dropped loses nothing");
        log.publish(vec![(Some(0), b"a".to_vec()), (Some(0), b"b".to_vec())]).await.unwrap();
        log.publish(vec![(Some(0), b"c".to_vec())]).await.unwrap();
        log.publish(Vec::new()).await.unwrap();
        for reader in [&mut one, &mut two] {
            assert_eq!(follow(reader, 3).await, [b"a", b"b", b"c"]);
        }
        log.close().await;
        assert!(matches!(one.next().await, Err(StoreError::Closed)));

        let log = place.open().await;
        let mut reader = log.follow_decisions(0);
        log.publish(vec![(Some(0), b"d".to_vec())]).await.unwrap();
        assert_eq!(follow(&mut reader, 1).await, [b"d"]);
        log.close().await;
        place.clear().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn none_that_is_published_once_a_reader_is_there_is_missed() {
    for place in places() {
        let log = place.open().await;
        for n in 0..20_u8 {
            let publishing = log.clone();
            let busy = tokio::spawn(async move { publishing.publish(vec![(Some(0), b"others'".to_vec())]).await });
            let mut reader = log.follow_decisions(0);
            log.publish(vec![(Some(0), vec![n])]).await.unwrap();
            busy.await.unwrap().unwrap();
            while !follow(&mut reader, 1).await.contains(&vec![n]) {}
        }
        log.close().await;
        place.clear().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_reads_its_own_answers_alone() {
    let place = Place::distributed(1);
    let log = place.open().await;
    assert_eq!(log.reply_partitions(), 2);
    let mut readers = [log.follow_decisions(0), log.follow_decisions(1)];
    let mut missing = log.follow_decisions(2);
    assert!(matches!(missing.next().await, Err(StoreError::NoPartition(2))));
    let replies = [(Some(0), b"for 0"), (Some(1), b"for 1"), (Some(0), b"for 0"), (Some(1), b"for 1")];
    log.publish(replies.map(|(reply_to, record)| (reply_to, record.to_vec())).to_vec()).await.unwrap();
    // Nobody waits for these: they are shared out.
    log.publish(vec![(None, b"any".to_vec()), (None, b"any".to_vec())]).await.unwrap();
    for (reader, own) in readers.iter_mut().zip([b"for 0", b"for 1"]) {
        let mut seen = follow(reader, 3).await;
        seen.sort();
        assert_eq!(seen, [&b"any"[..], own, own]);
        assert!(is_pending(reader.next()), "nothing else");
    }
    log.close().await;
    place.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_decisions_than_the_queue_has_room_for_are_published_all() {
    let count = 40_000_u32;
    for place in places() {
        let log = place.open().await;
        let mut reader = log.follow_decisions(0);
        log.publish((0..count).map(|n| (Some(0), n.to_be_bytes().to_vec())).collect()).await.unwrap();
        let seen = follow(&mut reader, count as usize).await;
        assert!(seen.iter().zip(0_u32..).all(|(record, n)| *record == n.to_be_bytes()));
        log.close().await;
        place.clear().await;
    }
}
