use std::sync::Arc;

use governor::clock::FakeRelativeClock;
use governor::nanos::Nanos;
use governor::state::StateStore;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::*;

fn limiter(clicks_per_hour: u32) -> (ClickLimiter<FakeRelativeClock>, FakeRelativeClock) {
    let clock = FakeRelativeClock::default();
    (ClickLimiter::new(clicks_per_hour, clock.clone()).expect("in range"), clock)
}

/// Of a million addresses 0.03 pairs are alike in the 44 bits that the table goes by: this seed has none.
fn keyed(number: u64) -> u64 {
    xxh3_64_with_seed(&number.to_be_bytes(), 7)
}

#[test]
fn a_bucket_is_all_there_at_once_and_refilled_over_an_hour() {
    // clicks an hour, seconds until one more is let through
    for (limit, wait) in
        [(1, 3_600), (2, 1_800), (3, 1_200), (7, 515), (1_000, 4), (3_600, 1), (999_999, 1), (1_000_000, 1)]
    {
        let (clicks, clock) = limiter(limit);
        clock.advance(Duration::from_nanos(1_234_567_891));
        for n in 0..limit {
            assert_eq!(clicks.check(7), Ok(()), "click {n} of {limit}");
        }
        assert_eq!(clicks.check(7), Err(RetryAfter { seconds: wait }), "limit {limit}");
        assert_eq!(clicks.check(8), Ok(()), "another address at limit {limit}");
        clock.advance(Duration::from_secs(wait));
        assert_eq!(clicks.check(7), Ok(()), "after the wait at limit {limit}");
        clock.advance(Duration::from_secs(3_600));
        for n in 0..limit {
            assert_eq!(clicks.check(7), Ok(()), "click {n} of {limit} an hour later");
        }
        assert!(clicks.check(7).is_err(), "limit {limit} an hour later");
    }
}

#[test]
fn a_wait_counts_down() {
    let (clicks, clock) = limiter(1);
    assert_eq!(clicks.check(1), Ok(()));
    for (elapsed, wait) in [(0, 3_600), (1, 3_599), (3_598, 1)] {
        clock.advance(Duration::from_secs(elapsed));
        assert_eq!(clicks.check(1), Err(RetryAfter { seconds: wait }));
    }
    clock.advance(Duration::from_millis(999));
    assert_eq!(clicks.check(1), Err(RetryAfter { seconds: 1 }));
}

/// How many clicks of each batch get through, whole where all of it is taken at once, else one by one.
fn passed(batches: &[(u64, usize)], takes_all: fn(&ClickLimiter<FakeRelativeClock>, u64, usize) -> bool) -> Vec<usize> {
    let (clicks, clock) = limiter(100);
    let batches = batches.iter().map(|(seconds, count)| {
        clock.advance(Duration::from_secs(*seconds));
        if takes_all(&clicks, 7, *count) { *count } else { (0..*count).filter(|_| clicks.check(7).is_ok()).count() }
    });
    batches.collect()
}

#[test]
fn a_batch_counts_as_its_clicks_do() {
    let batches = [(0, 60), (0, 60), (36, 3), (72, 2), (3_600, 101), (0, 0), (3_600, 100), (0, 1), (35, 1), (1, 1)];
    let one_by_one = passed(&batches, |_, _, _| false);
    assert_eq!(one_by_one, [60, 40, 1, 2, 100, 0, 100, 0, 0, 1]);
    assert_eq!(passed(&batches, ClickLimiter::takes_all), one_by_one);
    let counts_what_it_refuses =
        |clicks: &ClickLimiter<_>, address, count| (0..count).all(|_| clicks.check(address).is_ok());
    assert_ne!(passed(&batches, counts_what_it_refuses), one_by_one, "what is refused as a whole was counted");
}

#[test]
fn nought_is_off_and_beyond_the_range_is_said() {
    let (clicks, _) = limiter(0);
    assert!((0..10_000).all(|_| clicks.check(1).is_ok()) && clicks.takes_all(1, 10_000));
    let refused =
        ClickLimiter::new(CLICKS_PER_HOUR_MAX + 1, FakeRelativeClock::default()).err().expect("over the range");
    assert_eq!(refused.to_string(), "clicks per address and hour takes 0 (off) to 1000000, not 1000001");
    assert!(KeyLimiter::new(REQUESTS_PER_SECOND_MAX + 1, FakeRelativeClock::default()).is_err());
}

#[test]
fn keys_have_a_second_each_and_idle_ones_are_dropped() {
    let clock = FakeRelativeClock::default();
    let keys = KeyLimiter::new(3, clock.clone()).expect("in range");
    assert!(!keys.takes_all(1, 4) && keys.takes_all(1, 2));
    assert_eq!((0..5).filter(|_| keys.check(1).is_ok()).count(), 1);
    assert_eq!(keys.check(1), Err(RetryAfter { seconds: 1 }));
    assert_eq!(keys.check(2), Ok(()));
    clock.advance(Duration::from_secs(1));
    assert_eq!(keys.check(1), Ok(()));
    for key in 0..3 * KEYS_KEPT as u64 {
        clock.advance(Duration::from_millis(10));
        assert_eq!(keys.check(key), Ok(()));
        assert!(keys.kept() <= KEYS_KEPT + REQUESTS_PER_TIDY as usize, "{} kept", keys.kept());
        if key % 4_096 == 0 {
            clock.advance(Duration::from_secs(1));
        }
    }
}

fn over<S: StateStore<Key = u64>>(store: fn(Unit) -> S, limit: u32) -> Limiter<S, FakeRelativeClock> {
    let (quota, unit) = click_quota(NonZeroU32::new(limit).expect("not 0"));
    RateLimiter::new(quota, store(unit), FakeRelativeClock::default())
}

/// How many of the clicks of 8 threads on one address get through.
fn passed_under_contention<S: StateStore<Key = u64> + Send + Sync>(store: fn(Unit) -> S, limit: u32) -> usize {
    let limiter = over(store, limit);
    let start = std::sync::Barrier::new(8);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    (0..limit).filter(|_| limiter.check_key(&42).is_ok()).count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    })
}

/// What `Table` would be without the compare-and-swap.
struct LoadThenStore(AtomicU64, Unit);

impl StateStore for LoadThenStore {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let seen = self.0.load(Ordering::Acquire);
        let (outcome, next) = decide((seen != 0).then(|| self.1.time(seen)))?;
        std::thread::yield_now();
        self.0.store(self.1.pack(key >> 40, next), Ordering::Release);
        Ok(outcome)
    }
}

#[test]
fn threads_share_one_bucket_exactly() {
    assert_eq!(passed_under_contention(Table::new, 20_000), 20_000);
    let broken = passed_under_contention(|unit| LoadThenStore(AtomicU64::new(0), unit), 20_000);
    assert!(broken > 20_000, "the control let {broken} through, which looks right");
}

/// Of 200 clicks of a heavy address, two at a time, how many get through while strangers of the
/// same line come by once each.
fn passed_among_strangers<S: StateStore<Key = u64>>(store: fn(Unit) -> S) -> usize {
    let limiter = over(store, 10);
    let stranger = |number: u64| (1_000 + number) << 40;
    let mut passed = 0;
    for click in 0..100 {
        passed += (0..2).filter(|_| limiter.check_key(&(1 << 40)).is_ok()).count();
        for number in 0..20 {
            let _ = limiter.check_key(&stranger(click * 20 + number));
        }
    }
    passed
}

/// `Table`'s first line, evicting the bucket that has the least left.
struct EvictsEmptiest([AtomicU64; 8], Unit);

impl StateStore for EvictsEmptiest {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let tag = key >> 40;
        let own = self.0.iter().find(|slot| slot.load(Ordering::Acquire) >> 40 == tag);
        let known = own.map(|slot| self.1.time(slot.load(Ordering::Acquire)));
        let empty = self.0.iter().find(|slot| slot.load(Ordering::Acquire) == 0);
        let emptiest = self.0.iter().max_by_key(|slot| slot.load(Ordering::Acquire) & ((1 << 40) - 1));
        let (outcome, next) = decide(known)?;
        let slot = own.or(empty).or(emptiest).expect("a line has slots");
        slot.store(self.1.pack(tag, next), Ordering::Release);
        Ok(outcome)
    }
}

#[test]
fn strangers_do_not_empty_a_heavy_bucket() {
    assert_eq!(passed_among_strangers(Table::new), 10);
    let broken = passed_among_strangers(|unit| EvictsEmptiest(Default::default(), unit));
    assert!(broken > 10, "the control let {broken} through, which looks right");
}

#[test]
fn a_million_addresses_under_the_limit_are_never_refused() {
    let (clicks, _) = limiter(3);
    let clicks = Arc::new(clicks);
    for round in 0..3 {
        let refused = (0..1_000_000).filter(|n| clicks.check(keyed(*n)).is_err()).count();
        assert_eq!(refused, 0, "round {round}");
    }
    let let_through = (0..1_000_000).filter(|n| clicks.check(keyed(*n)).is_ok()).count();
    println!("at 1,000,000 addresses {let_through} of 1,000,000 clicks over the limit slipped through");
    assert!(let_through < 100, "{let_through} slipped through");
}
