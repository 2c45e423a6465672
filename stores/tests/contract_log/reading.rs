//! Events come out, in order, as they come in.

use std::{
    task::{Context, Waker},
    time::{Duration, Instant},
};

use schemas::time::TimeMs;
use stores::{
    StoreError,
    log::{Class, EventReader, Health, Log, Span},
};
use tokio::time::timeout;

use crate::place::{PATIENCE, Place, append, at, bytes, delete, end, make, places, take};

#[tokio::test(flavor = "multi_thread")]
async fn any_stretch_can_be_read() {
    for place in places() {
        let log = place.open().await;
        assert_eq!(log.span(0).await.unwrap(), Span { start: 0, end: 0 });
        assert!(log.read(0, 0, 10).await.unwrap().is_empty());
        let records: Vec<_> = (0..3_000_u32).map(|n| (0, n.to_be_bytes().to_vec())).collect();
        log.enqueue_many(Class::Click, records).unwrap().await.unwrap();
        let all = log.read(0, 0, usize::MAX).await.unwrap();
        assert_eq!(all.len(), 3_000);
        assert!(
            all.iter()
                .zip(0_u32..)
                .all(|(record, n)| record.position == at(n.into()) && record.bytes == n.to_be_bytes())
        );
        for (from, max, expected) in
            [(0, 1, 0..1), (1, 1_000, 1..1_001), (1_001, 10, 1_001..1_011), (5, 3, 5..8), (2_990, 100, 2_990..3_000)]
        {
            assert_eq!(log.read(0, from, max).await.unwrap(), all[expected], "{max} from {from}");
        }
        assert!(log.read(0, 3_000, 10).await.unwrap().is_empty());
        assert!(log.read(0, 0, 0).await.unwrap().is_empty());
        let past = log.read(0, 3_001, 10).await;
        assert!(
            matches!(past, Err(StoreError::LogLost { partition: 0, from: 3_001, start: 0, end: 3_000 })),
            "{past:?}"
        );
        append(&log, b"more").await.unwrap();
        assert_eq!(bytes(&log.read(0, 3_000, 10).await.unwrap()), [b"more"]);
        log.close().await;
        place.clear().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_gives_what_is_there_and_waits_for_what_comes() {
    for place in places() {
        let log = place.open().await;
        for record in [b"a", b"b", b"c", b"d"] {
            append(&log, record).await.unwrap();
        }
        let mut reader = log.events(0, 1, TimeMs(0));
        let first = take(&mut reader, 1).await;
        assert_eq!((bytes(&first), first[0].position), (vec![&b"b"[..]], at(1)));
        assert_eq!(bytes(&take(&mut reader, 2).await), [b"c", b"d"]);
        assert!(reader.take(10).await.unwrap().is_empty(), "none where the log ends");
        {
            let wait = std::pin::pin!(reader.ready());
            assert!(wait.poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        append(&log, b"e").await.unwrap();
        assert_eq!(bytes(&take(&mut reader, 1).await), [b"e"], "a wait that is dropped loses nothing");
        log.close().await;
        place.clear().await;
    }
}

/// What a reader takes to be woken, the middle of so many appends.
async fn woken_after(log: &Log, reader: &mut EventReader) -> Duration {
    const APPENDS: usize = 20;
    let mut took = Vec::new();
    for _ in 0..APPENDS {
        append(log, b"x").await.unwrap();
        let acknowledged = Instant::now();
        take(reader, 1).await;
        took.push(acknowledged.elapsed());
    }
    took.sort();
    took[APPENDS / 2]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_is_woken_soon_after_an_append() {
    /// On a machine that does much else; on a quiet one it is about 2 ms, and who looks again every 100 ms never gets there.
    const SOON: Duration = Duration::from_millis(50);
    /// The best of so many counts: whatever else runs may hold up the others.
    const ROUNDS: usize = 5;
    for place in places() {
        let log = place.open().await;
        append(&log, b"first").await.unwrap();
        let mut reader = log.events(0, 0, TimeMs(0));
        take(&mut reader, 1).await;
        let mut rounds = Vec::new();
        while rounds.len() < ROUNDS && rounds.last().is_none_or(|took| *took >= SOON) {
            rounds.push(woken_after(&log, &mut reader).await);
        }
        assert!(rounds.iter().any(|took| *took < SOON), "{rounds:?}");
        log.close().await;
        place.clear().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn append_times_do_not_fall_below_what_a_reader_was_told() {
    for place in places() {
        let log = place.open().await;
        let appended = append(&log, b"a").await.unwrap();
        append(&log, b"b").await.unwrap();
        let far = TimeMs(appended.appended_at.0 + 3_600_000);
        let times =
            |records: Vec<stores::log::Record>| records.iter().map(|record| record.appended_at).collect::<Vec<_>>();
        assert_eq!(times(take(&mut log.events(0, 0, far), 2).await), [far, far]);
        let plain = times(take(&mut log.events(0, 0, TimeMs(0)), 2).await);
        assert_eq!(plain[0], appended.appended_at);
        assert!(plain[0] <= plain[1] && plain[1] < far);
        log.close().await;
        place.clear().await;
    }
}

/// So many records of a size through a reader that takes nothing while another one takes them all: what it holds then is at
/// most this many records, and all of them come.
async fn check_what_a_slow_reader_holds(place: Place, count: usize, bytes: usize, held_max: usize) {
    let log = place.open().await;
    let mut slow = log.events(0, 0, TimeMs(0));
    let record = |n: usize| [n.to_be_bytes().as_slice(), &vec![0; bytes - 8]].concat();
    for first in (0..count).step_by(1_000) {
        let records: Vec<_> = (first..first + 1_000).map(|n| (0, record(n))).collect();
        log.enqueue_many(Class::Click, records).unwrap().await.unwrap();
    }
    take(&mut log.events(0, 0, TimeMs(0)), count).await;
    timeout(PATIENCE, slow.ready()).await.unwrap().unwrap();
    let mut records = slow.take(usize::MAX).await.unwrap();
    if let Place::Distributed(_) = place {
        assert!(records.len() <= held_max, "{} of {count} records of {bytes} bytes are held", records.len());
    }
    records.extend(take(&mut slow, count - records.len()).await);
    assert!(records.iter().zip(0..).all(|(found, n)| found.bytes == record(n)));
    log.close().await;
    place.clear().await;
}

/// The embedded log's reader holds nothing: it reads what is taken from the file.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_holds_a_bounded_part_and_gets_all() {
    /// As many as the buffer takes, and the last time it takes so many at once.
    const RECORDS_HELD: usize = 16_384 + 1_024;
    const BYTES_HELD: usize = 8 * 1_024 * 1_024;
    for place in places() {
        check_what_a_slow_reader_holds(place, 60_000, 8, RECORDS_HELD).await;
    }
    for place in places() {
        check_what_a_slow_reader_holds(place, 6_000, 8_192, BYTES_HELD / 8_192 + 1_024).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_past_the_end_is_told_what_there_is() {
    for place in places() {
        let log = place.open().await;
        append(&log, b"a").await.unwrap();
        let mut reader = log.events(0, 5, TimeMs(0));
        let told = timeout(PATIENCE, reader.ready()).await.unwrap();
        assert!(matches!(told, Err(StoreError::LogLost { partition: 0, from: 5, start: 0, end: 1 })), "{told:?}");
        log.close().await;
        place.clear().await;
    }
}

/// Whoever reads on from where it stood is told, and is not given what now stands there.
#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_anew_is_noticed() {
    let place = Place::distributed(1);
    let Place::Distributed(servers) = &place else { unreachable!("it is distributed") };
    let log = place.open().await;
    for record in [b"a", b"b", b"c"] {
        append(&log, record).await.unwrap();
    }
    let mut reader = log.events(0, 0, TimeMs(0));
    assert_eq!(take(&mut reader, 3).await.len(), 3);
    let topic = format!("{}.events", servers.prefix);
    delete(&[&topic]).await;
    crate::place::eventually("the topic is gone", async || log.span(0).await.is_err()).await;
    make(&topic, 1, &[("message.timestamp.type", "LogAppendTime")]).await;
    crate::place::eventually("the topic is back", async || log.span(0).await.is_ok_and(|span| span.end == 0)).await;
    let ended = timeout(PATIENCE, reader.ready()).await.unwrap();
    assert!(matches!(ended, Err(StoreError::LogLost { .. } | StoreError::Kafka(_))), "{ended:?}");
    let read = log.read(0, 3, 1).await;
    assert!(matches!(read, Err(StoreError::LogLost { partition: 0, from: 3, start: 0, end: 0 })), "{read:?}");
    let mut again = log.events(0, 3, TimeMs(0));
    let told = timeout(PATIENCE, again.ready()).await.unwrap();
    assert!(matches!(told, Err(StoreError::LogLost { from: 3, end: 0, .. })), "{told:?}");
    assert_eq!(timeout(PATIENCE, append(&log, b"anew")).await.unwrap().unwrap().position, at(0));
    log.close().await;
    place.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_works_is_well() {
    for place in places() {
        let log = place.open().await;
        let mut health = log.health();
        append(&log, b"a").await.unwrap();
        log.give_back_unsent();
        append(&log, b"b").await.unwrap();
        assert_eq!((*health.borrow_and_update(), end(&log).await), (Health::Well, 2));
        assert!(timeout(Duration::from_millis(100), health.changed()).await.is_err(), "and stays so");
        log.close().await;
        place.clear().await;
    }
}
