//! What every store of touches must do, against a real Redis as against a file.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "touches/expiry.rs"]
mod expiry;
#[path = "touches/home.rs"]
mod home;
#[path = "touches/interrupted.rs"]
mod interrupted;
#[path = "touches/samples.rs"]
mod samples;
#[path = "touches/server.rs"]
mod server;
#[path = "touches/size.rs"]
mod size;

use proptest::{collection::vec, option, prelude::*};
use rules::touches::{ClientId, LinkTouch, SEEN_FOR_MS, Seen, SeenId, VELOCITY_BUCKET_MS, Velocity, Visitor};
use rusqlite::Connection;
use schemas::{
    ids::{EventId, LinkId, Position},
    time::{HOUR_MS, TimeMs},
};
use stores::{
    DeploymentId, OpenError,
    touches::{Loaded, RECENT_FOR_MS, SaveError, TouchDelta, Touches},
};

use self::{
    home::{Home, Variant, variants},
    samples::{NOON, link, loaded, many, seen_at, take_in, touch},
};

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
        any::<u64>().prop_map(|id| SeenId::Client(ClientId(id))),
    ];
    let seen = (any::<u64>(), 0..HOUR_MS)
        .prop_map(|(offset, at)| Seen { position: Position { partition: 0, offset }, at: TimeMs(NOON + at) });
    let velocity = (0_u32..12, any::<[u8; 12]>(), any::<u16>()).prop_map(|(ahead, counts, peak)| Velocity {
        newest: (NOON / VELOCITY_BUCKET_MS) as u32 + ahead,
        counts,
        peak,
    });
    let visitor = (0_u64..16).prop_map(Visitor);
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

/// What an owner, or one that was replaced, may do.
#[derive(Debug, Clone)]
enum Step {
    Save(TouchDelta),
    /// From elsewhere than where the store stands.
    Stray(TouchDelta, u64),
    /// With an older epoch.
    Stale(TouchDelta),
    /// All of it again, as a memory with only this in it.
    SaveAll(TouchDelta),
    Forget,
    Taken,
    Reopen,
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => deltas().prop_map(Step::Save),
        1 => (deltas(), 1_u64..9).prop_map(|(delta, off)| Step::Stray(delta, off)),
        1 => deltas().prop_map(Step::Stale),
        1 => deltas().prop_map(Step::SaveAll),
        1 => Just(Step::Forget),
        1 => Just(Step::Taken),
        1 => Just(Step::Reopen),
    ]
}

/// Plays the steps against the store and against a memory; what is loaded is what the memory holds.
async fn check_steps(variant: Variant, steps: &[Step]) {
    let home = Home::new(variant);
    let mut store = home.open().await;
    let (mut memory, mut epoch, mut kept_epoch) = (Loaded::default(), 1, 0);
    for step in steps {
        let (at, to) = (memory.next, memory.next + 10);
        let moved = |told: Result<(), SaveError>| {
            let right = matches!(&told, Err(SaveError::Moved { epoch, next }) if (*epoch, *next) == (kept_epoch, at));
            assert!(right, "{step:?} at {at} of {kept_epoch} was told {told:?}");
        };
        match step {
            Step::Save(delta) => {
                store.save(0, epoch, at, to, delta.clone()).await.unwrap();
                take_in(&mut memory.touches, delta);
                (memory.next, kept_epoch) = (to, epoch);
            }
            Step::Stray(delta, off) => moved(store.save(0, epoch, at + off, to, delta.clone()).await),
            Step::Stale(delta) if kept_epoch > 0 => {
                moved(store.save(0, kept_epoch - 1, at, to, delta.clone()).await);
                moved(store.save_all(0, kept_epoch - 1, to, &loaded(to, &[delta]).touches).await);
            }
            Step::SaveAll(delta) => {
                memory = loaded(at / 2, &[delta]);
                store.save_all(0, epoch, memory.next, &memory.touches).await.unwrap();
                kept_epoch = epoch;
            }
            Step::Forget => {
                store.forget(0).await.unwrap();
                memory = Loaded::default();
            }
            Step::Taken => epoch += 1,
            Step::Reopen => {
                store.close().await;
                store = home.open().await;
            }
            Step::Stale(_) => {}
        }
    }
    assert_eq!(store.load(0).await.unwrap(), memory);
    assert_eq!(store.load(1).await.unwrap(), Loaded::default(), "another partition");
    store.close().await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn whatever_is_done_the_store_holds_what_a_memory_does(steps in vec(steps(), 1..16)) {
        for variant in variants() {
            runtime().block_on(check_steps(variant, &steps));
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
        let home = Home::new(variant);
        let subject = Subject { store: home.open().await, unguarded: false };
        check_compare_and_set(&subject).await.unwrap();
        subject.store.close().await;
    }
}

#[tokio::test]
async fn control_a_save_without_its_guard_is_caught() {
    for variant in variants() {
        let home = Home::new(variant);
        let subject = Subject { store: home.open().await, unguarded: true };
        assert_eq!(check_compare_and_set(&subject).await, Err("an old epoch saved"));
        subject.store.close().await;
    }
}

#[tokio::test]
async fn what_no_decision_looks_at_any_more_is_dropped() {
    for variant in variants() {
        let home = Home::new(variant);
        let store = home.open().await;
        let kept = LinkTouch { first: Some(touch(1)), ..LinkTouch::default() };
        let old = TouchDelta { links: link(1, kept).links, ..seen_at(NOON) };
        store.save(0, 1, 0, 1, old).await.unwrap();
        store.save(0, 1, 1, 2, seen_at(NOON + 1)).await.unwrap();
        store.save(0, 1, 2, 3, seen_at(NOON + 1 + SEEN_FOR_MS)).await.unwrap();
        let loaded = store.load(0).await.unwrap().touches;
        let mut times: Vec<_> = loaded.seen.values().map(|seen| seen.at.0 - NOON).collect();
        times.sort_unstable();
        assert_eq!(times, [1, 1 + SEEN_FOR_MS]);
        store.save(0, 1, 3, 4, seen_at(NOON + 2 + RECENT_FOR_MS)).await.unwrap();
        let loaded = store.load(0).await.unwrap().touches;
        assert_eq!(loaded.seen.values().map(|seen| seen.at.0 - NOON).collect::<Vec<_>>(), [2 + RECENT_FOR_MS]);
        assert_eq!(loaded.links[&LinkId(1)], kept, "links are kept");
        store.close().await;
    }
}

#[tokio::test]
async fn a_forgotten_partition_is_made_again_from_its_start() {
    for variant in variants() {
        let home = Home::new(variant);
        let store = home.open().await;
        for partition in [0, 1] {
            let delta = TouchDelta { links: link(1, LinkTouch::default()).links, ..seen_at(NOON) };
            store.save(partition, 4, 0, 10, delta).await.unwrap();
        }
        store.forget(0).await.unwrap();
        assert_eq!(store.load(0).await.unwrap(), Loaded::default());
        let epochs = (store.epoch(0).await.unwrap(), store.epoch(1).await.unwrap(), store.epoch(2).await.unwrap());
        assert_eq!(epochs, (4, 4, 0));
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
async fn a_whole_memory_takes_the_place_of_what_is_kept() {
    for variant in variants() {
        let home = Home::new(variant);
        let store = home.open().await;
        let (old, new) = (many(3_000, 20_000, 1), many(2_100, 11_000, 2));
        let all = loaded(20, &[&new]);
        store.save_all(0, 2, 20, &all.touches).await.unwrap();
        assert_eq!(store.load(0).await.unwrap(), all, "where nothing was");
        store.save(0, 2, 20, 90, old).await.unwrap();
        store.save_all(0, 2, 20, &all.touches).await.unwrap();
        assert_eq!(store.load(0).await.unwrap(), all, "where it was ahead");
        let told = store.save_all(0, 1, 50, &Default::default()).await;
        assert!(matches!(told, Err(SaveError::Moved { epoch: 2, next: 20 })), "{told:?}");
        let small = loaded(30, &[&seen_at(NOON)]);
        store.save_all(0, 3, 30, &small.touches).await.unwrap();
        assert_eq!(store.load(0).await.unwrap(), small, "where there was more");
        store.close().await;
    }
}

/// A link and all others say the same offset, whenever they are loaded.
async fn check_consistent(mut load: impl AsyncFnMut() -> Option<Loaded>, rounds: usize) -> Result<usize, String> {
    let mut seen = 0;
    for _ in 0..rounds {
        let Some(loaded) = load().await else { continue };
        let wrong =
            loaded.touches.links.values().filter(|known| known.awaiting_until != Some(TimeMs(loaded.next as i64)));
        match wrong.count() {
            0 => seen += 1,
            wrong => return Err(format!("{wrong} links are not of {}", loaded.next)),
        }
    }
    Ok(seen)
}

fn all_say(links: u64, offset: u64) -> TouchDelta {
    let known = LinkTouch { awaiting_until: Some(TimeMs(offset as i64)), ..LinkTouch::default() };
    TouchDelta { links: (0..links).map(|n| (LinkId(samples::spread(n)), known)).collect(), ..TouchDelta::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_loaded_is_of_one_offset() {
    for variant in variants() {
        let home = Home::new(variant);
        let store = home.open().await;
        store.save(0, 1, 0, 1, all_say(5_000, 1)).await.unwrap();
        let saver = store.clone();
        let saving = tokio::spawn(async move {
            for at in 1..20 {
                saver.save(0, 1, at, at + 1, all_say(5_000, at + 1)).await.unwrap();
                // A loader gives up where it is never left in peace.
                tokio::time::sleep(std::time::Duration::from_millis(40)).await;
            }
        });
        let seen = check_consistent(async || store.load(0).await.ok(), 40).await.unwrap();
        saving.await.unwrap();
        println!("{variant:?}: {seen} of 40 loads during saves");
        assert!(seen > 5);
        store.close().await;
    }
}

#[tokio::test]
async fn control_a_load_over_a_save_is_caught() {
    for variant in variants() {
        let home = Home::new(variant);
        let store = home.open().await;
        store.save(0, 1, 0, 1, all_say(50, 1)).await.unwrap();
        let torn = async || {
            let touches = store.load(0).await.ok()?.touches;
            let from = store.load(0).await.ok()?.next;
            store.save(0, 1, from, from + 1, all_say(50, from + 1)).await.ok()?;
            Some(Loaded { touches, next: store.load(0).await.ok()?.next })
        };
        check_consistent(torn, 3).await.unwrap_err();
        store.close().await;
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_an_error_and_not_forgotten() {
    let home = Home::new(Variant::Embedded);
    let store = home.open().await;
    store.save(0, 1, 0, 1, seen_at(NOON)).await.unwrap();
    let outside = Connection::open(home.folder.path().join("touches.db")).unwrap();
    outside.execute("UPDATE recent SET packed = substr(packed, 1, length(packed) - 1)", []).unwrap();
    assert!(store.load(0).await.is_err());
    store.close().await;
    assert!(matches!(Touches::open(home.folder.path(), DeploymentId(8)), Err(OpenError::Foreign { .. })));
}

#[tokio::test]
async fn what_cannot_be_read_in_redis_is_an_error_and_not_forgotten() {
    let home = Home::new(Variant::Distributed);
    let store = home.open().await;
    store.save(0, 1, 0, 1, link(1, LinkTouch { first: Some(touch(1)), ..LinkTouch::default() })).await.unwrap();
    let (links, _) = home.keys().into_iter().find(|(name, _)| name.contains(":links:")).unwrap();
    redis::cmd("HSET").arg(links).arg(&1_u64.to_be_bytes()).arg("short").exec(&mut home.outside()).unwrap();
    assert!(store.load(0).await.is_err() && store.load(0).await.is_err());
    store.close().await;
    let other = Touches::connect(&home.servers, DeploymentId(8)).await.unwrap();
    assert_eq!(other.load(0).await.unwrap(), Loaded::default(), "another deployment's are its own");
}
