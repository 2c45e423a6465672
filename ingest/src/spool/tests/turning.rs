//! Which way events go, and in which order.

use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use stores::{
    StoreError,
    log::{Class, Health, LogLimits, QueueFull},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::scene::{Running, config, crashed, folder, marked, put, record, segments, sent_after, until};
use crate::{
    append::{Taken, to_either},
    refusal::EdgeRefusal,
    spool::{Spool, SpoolConfig, SpoolError, State, record::Spooled},
};

#[tokio::test]
async fn events_go_to_the_spool_while_the_log_is_away_and_all_come_to_it_in_order() {
    let folder = folder();
    let running = Running::start(config(folder.path()), Health::Well);
    let direct = || Ok(ready(Ok(())));
    assert_eq!(to_either(&running.spool, Class::Click, &[(0, record(0))], direct).await, Ok(Taken::Log));
    for (round, numbers) in [0..300, 300..301, 301..400].into_iter().enumerate() {
        running.away().await;
        running.put(numbers.clone()).await;
        assert_eq!(running.arrived.all().len(), numbers.start, "nothing is sent to a log that is away");
        running.back().await;
        let wanted: Vec<_> = (0..numbers.end).map(marked).collect();
        assert_eq!(running.arrived.all(), wanted, "round {round}");
        until("nothing is left on the disk", || segments(folder.path()).is_empty()).await;
    }
    assert_eq!(to_either(&running.spool, Class::Click, &[(0, record(0))], direct).await, Ok(Taken::Log));
    running.stop().await;
}

/// The log gives records back slowly: what comes meanwhile waits behind them.
#[tokio::test]
async fn while_anything_is_in_the_spool_all_that_is_new_queues_behind_it() {
    let folder = folder();
    let (spool, drain) = Spool::open(config(folder.path()), super::scene::now).unwrap();
    let (arrived, open) = (super::scene::Arrived::default(), Arc::new(tokio::sync::Semaphore::new(0)));
    let (taking, gate) = (arrived.clone(), Arc::clone(&open));
    let append = move |record: &Spooled| {
        taking.add(record);
        let gate = Arc::clone(&gate);
        Ok(async move {
            gate.acquire().await.expect("open").forget();
            Ok(())
        })
    };
    let running = Running::with(spool, drain, Health::Well, arrived, append);
    running.away().await;
    running.put(0..10).await;
    running.health.send_replace(Health::Well);
    until("the first are under way", || running.arrived.all().len() == 10).await;
    open.add_permits(9);
    running.put(10..20).await;
    assert_eq!(running.spool.state(), State::Spooling, "the log is back, and the spool is not empty");
    assert_eq!(running.arrived.all().len(), 10);
    open.add_permits(100);
    until("it turns back", || running.spool.state() == State::Direct).await;
    assert_eq!(running.arrived.all(), (0..20).map(marked).collect::<Vec<_>>());
    running.stop().await;
}

/// As many at once as a busy edge has, each with the next event as soon as it has its answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_turns_back_however_much_comes_meanwhile() {
    const SENDERS: usize = 64;
    let folder = folder();
    let running = Running::start(config(folder.path()), Health::Well);
    running.away().await;
    let (sent, stop) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
    let mut senders = JoinSet::new();
    for _ in 0..SENDERS {
        let (spool, sent, stop) = (running.spool.clone(), Arc::clone(&sent), stop.clone());
        senders.spawn(async move {
            let mut spooled = Vec::new();
            while !stop.is_cancelled() {
                let number = sent.fetch_add(1, Ordering::Relaxed);
                match to_either(&spool, Class::Click, &[(0, record(number))], || Ok(ready(Ok(())))).await {
                    Ok(Taken::Spool) => spooled.push(marked(number)),
                    Ok(Taken::Log) => {}
                    Err(refusal) => panic!("{refusal:?}"),
                }
                tokio::task::yield_now().await;
            }
            spooled
        });
    }
    until("they are at work", || sent.load(Ordering::Relaxed) > 10 * SENDERS).await;
    running.back().await;
    stop.cancel();
    let mut spooled = senders.join_all().await.concat();
    let mut arrived = running.arrived.all();
    spooled.sort();
    arrived.sort();
    assert_eq!(arrived, spooled, "each that the spool took, once");
    running.stop().await;
}

#[tokio::test]
async fn what_the_log_gives_back_goes_to_the_spool_marked() {
    let folder = folder();
    let running = Running::start(config(folder.path()), Health::Well);
    let turn = || {
        running.health.send_replace(Health::Away);
        async {
            until("it turns", || running.spool.state() == State::Spooling).await;
            Err(StoreError::NotSent)
        }
    };
    let given_back = to_either(&running.spool, Class::Conversion, &[(1, record(1))], || Ok(turn())).await;
    assert_eq!(given_back, Ok(Taken::Spool));
    running.back().await;
    assert_eq!(running.arrived.all(), [marked(1)]);

    let batch: Vec<_> = (2..5).map(|number| (1, record(number))).collect();
    assert_eq!(to_either(&running.spool, Class::Conversion, &batch, || Ok(turn())).await, Ok(Taken::Spool));
    running.back().await;
    assert_eq!(running.arrived.all(), (1..5).map(marked).collect::<Vec<_>>());
    running.stop().await;
}

#[tokio::test]
async fn nothing_is_acknowledged_that_is_nowhere_and_no_request_hangs() {
    let folder = folder();
    let (spool, _drain) = Spool::open(config(folder.path()), super::scene::now).unwrap();
    type Never = std::future::Pending<Result<(), StoreError>>;
    let stuck = || -> Result<Never, QueueFull> { Ok(std::future::pending()) };
    let transmitted = to_either(&spool, Class::Click, &[(0, record(0))], stuck).await;
    assert_eq!(transmitted, Err(EdgeRefusal::LogUnavailable), "sent and not answered");
    let asked = AtomicUsize::new(0);
    let back = || {
        asked.fetch_add(1, Ordering::Relaxed);
        Ok(ready(Err(StoreError::NotSent)))
    };
    let again = to_either(&spool, Class::Click, &[(0, record(0))], back).await;
    assert_eq!((again, asked.into_inner()), (Err(EdgeRefusal::LogUnavailable), 4));
    let closed = || Ok(ready(Err(StoreError::Closed)));
    assert_eq!(to_either(&spool, Class::Click, &[(0, record(0))], closed).await, Err(EdgeRefusal::LogUnavailable));
    let full = || -> Result<Never, QueueFull> { Err(QueueFull { class: Class::Click, waiting: 1 }) };
    assert_eq!(to_either(&spool, Class::Click, &[(0, record(0))], full).await, Err(EdgeRefusal::QueueFull));
    spool.close().await;
}

#[tokio::test]
async fn what_is_in_the_spool_stays_for_the_next_start_and_goes_first() {
    let folder = folder();
    let running = Running::start(config(folder.path()), Health::Well);
    running.away().await;
    running.put(0..50).await;
    running.stop().await;
    let running = Running::start(config(folder.path()), Health::Away);
    assert_eq!(running.spool.state(), State::Spooling);
    running.put(50..60).await;
    running.back().await;
    assert_eq!(running.arrived.all(), (0..60).map(marked).collect::<Vec<_>>());
    running.stop().await;
    assert!(sent_after(folder.path()).await.is_empty(), "nothing is sent twice after an orderly end");
}

/// Segments of the smallest size, so that there are many.
#[tokio::test]
async fn many_segments_are_sent_in_order_and_removed() {
    let folder = folder();
    let small = SpoolConfig { bytes_max: 1 << 20, ..config(folder.path()) };
    let running = Running::start(small, Health::Away);
    running.away().await;
    for number in 0..40 {
        let batch: Vec<_> = (0..100).map(|n| (0, record(number * 100 + n))).collect();
        let none = || -> Result<std::future::Ready<Result<(), StoreError>>, QueueFull> { panic!("the log was asked") };
        assert_eq!(to_either(&running.spool, Class::Click, &batch, none).await, Ok(Taken::Spool));
    }
    assert!(segments(folder.path()).len() >= 3, "{:?}", segments(folder.path()));
    let left = crashed(folder.path());
    let wanted: Vec<_> = (0..4_000).map(marked).collect();
    running.back().await;
    assert_eq!(running.arrived.all(), wanted);
    until("nothing is left", || segments(folder.path()).is_empty()).await;
    running.stop().await;
    assert_eq!(sent_after(crashed(left.path()).path()).await, wanted);

    // The end of a segment that is not the last is no torn write; and a segment that has gone takes no other with it.
    let [first, second, ..] = &segments(left.path())[..] else { panic!("segments") };
    let mut bytes = std::fs::read(first).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(first, bytes).unwrap();
    let sent = sent_after(crashed(left.path()).path()).await;
    assert_eq!(sent.len(), wanted.len() - 1);
    let gone = crashed(left.path());
    std::fs::remove_file(gone.path().join(second.file_name().unwrap())).unwrap();
    let fewer = sent_after(gone.path()).await;
    assert!(
        fewer.len() < sent.len() && fewer.iter().is_sorted_by_key(|record| wanted.iter().position(|one| one == record))
    );
    assert_eq!(fewer.last(), wanted.last());
}

#[tokio::test]
async fn a_folder_is_one_process_s_and_its_files_are_its_user_s() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let running = Running::start(config(folder.path()), Health::Away);
    running.away().await;
    running.put(0..1).await;
    let second = Spool::open(config(folder.path()), super::scene::now).map(drop);
    assert!(matches!(second, Err(SpoolError::InUse { .. })), "{second:?}");
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
    }
    running.stop().await;
    let newer = segments(folder.path()).remove(0);
    let mut bytes = std::fs::read(&newer).unwrap();
    bytes[7] = 9;
    std::fs::write(&newer, bytes).unwrap();
    let refused = Spool::open(config(folder.path()), super::scene::now).map(drop);
    assert!(matches!(refused, Err(SpoolError::OtherVersion { .. })), "{refused:?}");
}

#[tokio::test]
async fn more_than_may_wait_is_refused_clicks_first() {
    let folder = folder();
    let limits = LogLimits { click_depth: 2, conversion_depth: 4 };
    let running = Running::start(SpoolConfig { limits, ..config(folder.path()) }, Health::Away);
    running.away().await;
    let none = || -> Result<std::future::Ready<Result<(), StoreError>>, QueueFull> { panic!("the log was asked") };
    let three: Vec<_> = (0..3).map(|number| (0, record(number))).collect();
    assert_eq!(to_either(&running.spool, Class::Click, &three, none).await, Err(EdgeRefusal::QueueFull));
    assert_eq!(to_either(&running.spool, Class::Conversion, &three, none).await, Ok(Taken::Spool));
    assert_eq!(put(&running.spool, Class::Click, record(9)).await, Ok(Taken::Spool));
    running.stop().await;
}
