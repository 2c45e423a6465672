//! What comes to the log, however badly it goes; and what counts of it.

use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rules::{Effect, Known, decide};
use schemas::{
    decision::Outcome,
    event::{Body, Click, Event, Logged},
    hashes::AddressHash,
    ids::{CompanyId, EventId, LinkId, PartnerId, Position, ProgramId},
    receipt::{Receipt, ReceiptFields, ReceiptKey, ReceiptKeyId, Visit},
    web::{Device, Page, Utm},
    wire::{decode_event, encode_event, mark_resent},
};
use stores::{
    StoreError,
    log::{Class, Health, QueueFull},
};

use super::scene::{Arrived, Running, config, crashed, folder, marked, now, segments, sent_after, until};
use crate::spool::{Spool, State, record::Spooled};

const RECORDS: usize = 500;

/// A log that fails now and then, before or after it took the record, or has no room.
#[tokio::test]
async fn all_comes_in_order_through_a_log_that_fails() {
    let folder = folder();
    let (spool, drain) = Spool::open(config(folder.path()), now).unwrap();
    let (arrived, asked) = (Arrived::default(), AtomicUsize::new(0));
    let taking = arrived.clone();
    let append = move |record: &Spooled| {
        assert_eq!((record.partition, record.class), (super::scene::PARTITION, Class::Click));
        let n = asked.fetch_add(1, Ordering::Relaxed);
        if n % 97 == 96 {
            return Err(QueueFull { class: record.class, waiting: 1 });
        }
        let fails = n == 3 || n == 400;
        if n != 3 {
            taking.add(record);
        }
        Ok(ready(if fails { Err(StoreError::NotSent) } else { Ok(()) }))
    };
    let running = Running::with(spool, drain, Health::Away, arrived, append);
    running.away().await;
    running.put(0..RECORDS).await;
    running.back().await;
    let wanted: Vec<_> = (0..RECORDS).map(marked).collect();
    let (mut once, all) = (running.arrived.once(), running.arrived.all());
    assert!(all.len() > RECORDS, "some came twice");
    assert_eq!(all.last(), wanted.last());
    once.sort();
    let mut sorted = wanted.clone();
    sorted.sort();
    assert_eq!(once, sorted, "all came");
    running.stop().await;
}

/// Where the process dies: the log has taken so many, and answered so many of them.
struct Dies {
    takes: usize,
    answers: usize,
}

/// Crashes a drain and says what the log has after the next process has sent the rest.
async fn across_a_crash(dies: Dies, answers_early: bool) -> Vec<Vec<u8>> {
    let folder = folder();
    let (spool, drain) = Spool::open(config(folder.path()), now).unwrap();
    let (arrived, taken) = (Arrived::default(), Arc::new(AtomicUsize::new(0)));
    let (taking, count) = (arrived.clone(), Arc::clone(&taken));
    let append = move |record: &Spooled| {
        let n = count.fetch_add(1, Ordering::SeqCst);
        if n < dies.takes {
            taking.add(record);
        }
        let answered = n < dies.answers || answers_early;
        Ok(async move {
            if !answered {
                std::future::pending::<()>().await;
            }
            Ok(())
        })
    };
    let running = Running::with(spool, drain, Health::Away, arrived, append);
    running.away().await;
    running.put(0..RECORDS).await;
    running.health.send_replace(Health::Well);
    until("all are under way", || taken.load(Ordering::SeqCst) >= RECORDS).await;
    if answers_early {
        // What is copied below must not go meanwhile.
        let is_drained = || running.spool.state() == State::Direct && segments(folder.path()).is_empty();
        until("the drain believes it", is_drained).await;
    }
    // What the next process finds.
    running.draining.abort();
    let left = crashed(folder.path());
    let mut log = running.arrived.all();
    log.extend(sent_after(left.path()).await);
    running.spool.close().await;
    log
}

fn check_all_came(log: &[Vec<u8>]) -> Result<(), String> {
    for number in 0..RECORDS {
        if !log.contains(&marked(number)) {
            return Err(format!("record {number} was acknowledged and is lost"));
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_crash_between_append_and_cursor_sends_copies_and_loses_nothing() {
    for (takes, answers) in [(0, 0), (1, 0), (RECORDS, 0), (RECORDS, 200), (RECORDS, RECORDS - 1), (300, 20)] {
        let log = across_a_crash(Dies { takes, answers }, false).await;
        check_all_came(&log).unwrap_or_else(|lost| panic!("{takes} taken, {answers} answered: {lost}"));
    }
}

#[tokio::test]
async fn a_cursor_that_goes_before_the_append_is_caught() {
    let log = across_a_crash(Dies { takes: 300, answers: 0 }, true).await;
    assert!(check_all_came(&log).is_err());
}

fn click() -> Event {
    let fields = ReceiptFields {
        visit: Visit::Person,
        client_event_id: false,
        at: now(),
        link: LinkId(5),
        visitor: 0,
        address_cut: 7,
        event_id_hash: 8,
    };
    let click = Click {
        company: CompanyId(1),
        program: ProgramId(2),
        partner: PartnerId(3),
        code: "partner-1".into(),
        receipt: Receipt::sign(&ReceiptKey { id: ReceiptKeyId(1), secret: [1; 16] }, &fields),
        address: AddressHash(7 << 64),
        address_before: None,
        landing: Page::default(),
        referrer_host: None,
        utm: Utm::default(),
        device: Device::Desktop,
    };
    Event {
        id: EventId(77),
        stamped_at: now(),
        resent: false,
        reply_to: None,
        key: None,
        first_appended_at: None,
        body: Body::Click(Box::new(click)),
    }
}

/// How often the log's clicks count.
fn counted(log: &[Vec<u8>]) -> i64 {
    let mut known = Known::default();
    let offsets = log.iter().zip(0..);
    let logged = offsets.map(|(record, offset)| Logged {
        position: Position { partition: 0, offset },
        appended_at: now(),
        event: decode_event(record).expect("a record"),
    });
    let effects: Vec<Effect> = logged.flat_map(|logged| decide(&mut known, &logged)).collect();
    let counts = effects.iter().filter_map(|effect| match effect {
        Effect::Count { outcome: Outcome::Counted, by, .. } => Some(*by),
        _ => None,
    });
    counts.sum()
}

#[test]
fn a_click_sent_twice_counts_once_if_it_is_marked_from_the_first_send_on() {
    let plain = encode_event(click());
    let mut marked = plain.clone();
    mark_resent(&mut marked);
    assert_eq!(decode_event(&marked), Ok(Event { resent: true, ..click() }));
    assert_eq!(counted(&[marked.clone(), marked.clone()]), 1);
    // The controls: never marked, and marked only when it is sent again.
    assert_eq!(counted(&[plain.clone(), plain.clone()]), 2);
    assert_eq!(counted(&[plain, marked]), 2);
}
