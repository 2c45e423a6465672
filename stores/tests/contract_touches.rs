//! What every store of touches must do. Another variant only names itself in [`variants`].

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::{collection::vec, option, prelude::*};
use rules::touches::{LinkTouch, Seen, SeenId, Touch, VELOCITY_BUCKET_MS, Velocity, Visitor};
use rusqlite::Connection;
use schemas::{
    ids::{EventId, LinkId, Position},
    receipt::{RECEIPT_BYTES, Receipt},
    time::{HOUR_MS, TimeMs},
};
use stores::{
    DeploymentId, OpenError,
    touches::{Loaded, RECENT_FOR_MS, SaveError, TouchDelta, Touches},
};
use tempfile::TempDir;

const DEPLOYMENT: DeploymentId = DeploymentId(7);
const NOON: i64 = 1_790_000_000_000;

#[derive(Debug, Clone, Copy)]
enum Variant {
    Embedded,
}

fn variants() -> [Variant; 1] {
    [Variant::Embedded]
}

impl Variant {
    fn open(self, folder: &TempDir) -> Touches {
        match self {
            Variant::Embedded => Touches::open(folder.path(), DEPLOYMENT).unwrap(),
        }
    }
}

fn touch(n: u64) -> Touch {
    let mut receipt = [n as u8; RECEIPT_BYTES];
    receipt[..2].copy_from_slice(&[0b0100_0001, 0]);
    Touch {
        receipt: Receipt::from_bytes(receipt).unwrap(),
        event: EventId(u128::from(n) << 70),
        position: Position { partition: 0, offset: n },
        at: TimeMs(NOON + n as i64),
    }
}

fn seen_at(at: i64) -> TouchDelta {
    let seen = Seen { position: Position { partition: 0, offset: 1 }, at: TimeMs(at) };
    TouchDelta { seen: vec![(SeenId::Event(EventId(at as u128)), seen)], ..TouchDelta::default() }
}

fn link(link: u64, known: LinkTouch) -> TouchDelta {
    TouchDelta { links: vec![(LinkId(link), known)], ..TouchDelta::default() }
}

fn deltas() -> impl Strategy<Value = TouchDelta> {
    let known = (option::of(any::<u64>()), option::of(any::<u64>()), option::of(any::<i64>())).prop_map(
        |(first, last, until)| LinkTouch {
            first: first.map(touch),
            last: last.map(touch),
            awaiting_until: until.map(TimeMs),
        },
    );
    let id = prop_oneof![
        any::<u128>().prop_map(|id| SeenId::Event(EventId(id))),
        (0_u64..4, any::<u64>()).prop_map(|(link, event_id_hash)| SeenId::Client { link: LinkId(link), event_id_hash }),
    ];
    let seen = (any::<u64>(), 0..HOUR_MS)
        .prop_map(|(offset, at)| Seen { position: Position { partition: 0, offset }, at: TimeMs(NOON + at) });
    let velocity = (0_i64..12, any::<[u8; 12]>(), any::<u16>()).prop_map(|(ahead, counts, peak)| Velocity {
        newest: NOON / VELOCITY_BUCKET_MS + ahead,
        counts,
        peak,
    });
    let visitor = (0_u64..4, 0_u64..4).prop_map(|(link, address_cut)| Visitor { link: LinkId(link), address_cut });
    let links = vec(((0_u64..6).prop_map(LinkId), known), 0..5);
    (links, vec((id, seen), 0..5), vec((visitor, velocity), 0..5)).prop_map(|(links, seen, velocity)| TouchDelta {
        links,
        seen,
        velocity,
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// What is loaded is what a memory that took every delta in holds, reopened between any two saves.
    #[test]
    fn deltas_add_up_over_reopenings(deltas in vec((deltas(), any::<bool>()), 1..8)) {
        for variant in variants() {
            runtime().block_on(async {
                let folder = TempDir::new().unwrap();
                let mut store = variant.open(&folder);
                let mut memory = Loaded::default();
                for (delta, reopen) in &deltas {
                    memory.touches.links.extend(delta.links.iter().copied());
                    memory.touches.seen.extend(delta.seen.iter().copied());
                    memory.touches.velocity.extend(delta.velocity.iter().copied());
                    store.save(0, 1, memory.next, memory.next + 10, delta.clone()).await.unwrap();
                    memory.next += 10;
                    if *reopen {
                        store.close().await;
                        store = variant.open(&folder);
                    }
                }
                assert_eq!(store.load(0).await.unwrap(), memory);
                assert_eq!(store.load(1).await.unwrap(), Loaded::default(), "another partition");
                store.close().await;
            });
        }
    }
}

/// A store as it is, or one with its guard left out.
struct Subject {
    store: Touches,
    unguarded: bool,
}

impl Subject {
    async fn save(&self, epoch: u64, from: u64, to: u64, delta: TouchDelta) -> Result<(), SaveError> {
        let from = if self.unguarded { self.store.load(0).await?.next } else { from };
        let epoch = if self.unguarded { u64::MAX >> 1 } else { epoch };
        self.store.save(0, epoch, from, to, delta).await
    }
}

/// Only who has the newest epoch saves, and only from where the store stands.
async fn check_compare_and_set(subject: &Subject) -> Result<(), &'static str> {
    let mine = LinkTouch { last: Some(touch(1)), ..LinkTouch::default() };
    let stale = LinkTouch { last: Some(touch(2)), ..LinkTouch::default() };
    subject.save(2, 0, 10, link(1, mine)).await.map_err(|_| "a first save was refused")?;
    for (epoch, from, to, wrong) in [
        (1, 10, 20, "an old epoch saved"),
        (2, 0, 10, "a stretch was saved twice"),
        (2, 11, 20, "a stretch was left out"),
        (3, 5, 20, "a newer epoch saved from elsewhere"),
    ] {
        if !matches!(subject.save(epoch, from, to, link(1, stale)).await, Err(SaveError::Moved { epoch: 2, next: 10 }))
        {
            return Err(wrong);
        }
    }
    subject.save(3, 10, 12, TouchDelta::default()).await.map_err(|_| "a newer epoch was refused")?;
    let loaded = subject.store.load(0).await.map_err(|_| "not loaded")?;
    if (loaded.next, loaded.touches.links[&LinkId(1)]) == (12, mine) {
        Ok(())
    } else {
        Err("a refused save changed something")
    }
}

#[tokio::test]
async fn saves_are_compare_and_set() {
    for variant in variants() {
        let folder = TempDir::new().unwrap();
        let subject = Subject { store: variant.open(&folder), unguarded: false };
        check_compare_and_set(&subject).await.unwrap();
        subject.store.close().await;
    }
}

#[tokio::test]
async fn control_a_save_without_its_guard_is_caught() {
    let folder = TempDir::new().unwrap();
    let subject = Subject { store: Variant::Embedded.open(&folder), unguarded: true };
    assert_eq!(check_compare_and_set(&subject).await, Err("an old epoch saved"));
    subject.store.close().await;
}

#[tokio::test]
async fn what_is_older_than_a_day_is_dropped() {
    for variant in variants() {
        let folder = TempDir::new().unwrap();
        let store = variant.open(&folder);
        let kept = LinkTouch { first: Some(touch(1)), ..LinkTouch::default() };
        let old = TouchDelta { links: link(1, kept).links, ..seen_at(NOON) };
        store.save(0, 1, 0, 1, old).await.unwrap();
        store.save(0, 1, 1, 2, seen_at(NOON + 1)).await.unwrap();
        store.save(0, 1, 2, 3, seen_at(NOON + 1 + RECENT_FOR_MS)).await.unwrap();
        let loaded = store.load(0).await.unwrap().touches;
        let mut times: Vec<_> = loaded.seen.values().map(|seen| seen.at.0 - NOON).collect();
        times.sort_unstable();
        assert_eq!(times, [1, 1 + RECENT_FOR_MS]);
        assert_eq!(loaded.links[&LinkId(1)], kept, "links are kept");
        store.close().await;
    }
}

#[tokio::test]
async fn a_forgotten_partition_is_made_again_from_its_start() {
    for variant in variants() {
        let folder = TempDir::new().unwrap();
        let store = variant.open(&folder);
        for partition in [0, 1] {
            let delta = TouchDelta { links: link(1, LinkTouch::default()).links, ..seen_at(NOON) };
            store.save(partition, 4, 0, 10, delta).await.unwrap();
        }
        store.forget(0).await.unwrap();
        assert_eq!(store.load(0).await.unwrap(), Loaded::default());
        assert_eq!(store.load(1).await.unwrap().next, 10);
        assert!(matches!(
            store.save(0, 3, 0, 5, TouchDelta::default()).await,
            Err(SaveError::Moved { epoch: 4, next: 0 })
        ));
        store.save(0, 4, 0, 5, TouchDelta::default()).await.unwrap();
        store.close().await;
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_an_error_and_not_forgotten() {
    let folder = TempDir::new().unwrap();
    let store = Variant::Embedded.open(&folder);
    store.save(0, 1, 0, 1, seen_at(NOON)).await.unwrap();
    let outside = Connection::open(folder.path().join("touches.db")).unwrap();
    outside.execute("UPDATE recent SET packed = substr(packed, 1, length(packed) - 1)", []).unwrap();
    assert!(store.load(0).await.is_err());
    store.close().await;
    assert!(matches!(Touches::open(folder.path(), DeploymentId(8)), Err(OpenError::Foreign { .. })));
}
