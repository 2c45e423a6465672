//! How often an address may click and a key may ask.

mod table;

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::{Clock, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{NotUntil, Quota, RateLimiter};

pub use table::TABLE_BYTES;
use table::{Table, Unit};

pub const CLICKS_PER_HOUR_MAX: u32 = 1_000_000;
pub const REQUESTS_PER_SECOND_MAX: u32 = 1_000_000;

/// Keys whose buckets are kept at once; past it the full buckets, which say nothing, are dropped.
pub const KEYS_KEPT: usize = 65_536;

/// Counting the keys locks their whole map, so it happens once in this many requests.
const REQUESTS_PER_TIDY: u64 = 16_384;

const HOUR: Duration = Duration::from_secs(3_600);

type Limiter<S, C> = RateLimiter<u64, S, C, NoOpMiddleware<<C as Clock>::Instant>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{name} takes 0 (off) to {max}, not {given}")]
pub struct LimitOutOfRange {
    pub name: &'static str,
    pub given: u32,
    pub max: u32,
}

/// Over the limit: the same will be let through after this many seconds, at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryAfter {
    pub seconds: u64,
}

/// Clicks an address: a bucket of that many, all there at once, refilled evenly over an hour.
pub struct ClickLimiter<C: Clock = MonotonicClock> {
    limiter: Option<Limiter<Table, C>>,
}

impl<C: Clock> ClickLimiter<C> {
    pub fn new(clicks_per_hour: u32, clock: C) -> Result<Self, LimitOutOfRange> {
        let limit = in_range("clicks per address and hour", clicks_per_hour, CLICKS_PER_HOUR_MAX)?;
        Ok(Self {
            limiter: limit.map(|limit| {
                let (quota, unit) = click_quota(limit);
                RateLimiter::new(quota, Table::new(unit), clock)
            }),
        })
    }

    /// One click of an address, named by a keyed hash of it: the table takes any 44 bits of a
    /// plain hash for the address, so whoever could choose them could empty a stranger's bucket.
    pub fn check(&self, address_hash: u64) -> Result<(), RetryAfter> {
        check(self.limiter.as_ref(), address_hash)
    }

    /// So many clicks of an address at once; where they are not all within the limit, none of them counts.
    pub fn takes_all(&self, address_hash: u64, clicks: usize) -> bool {
        takes_all(self.limiter.as_ref(), address_hash, clicks)
    }
}

/// Requests a second of an API key. Keys are the catalog's own and few (an address is anyone's), so
/// governor's growing map serves here, tidied when it holds more than `KEYS_KEPT`.
pub struct KeyLimiter<C: Clock = MonotonicClock> {
    limiter: Option<Limiter<DashMapStateStore<u64>, C>>,
    requests: AtomicU64,
}

impl<C: Clock> KeyLimiter<C> {
    pub fn new(requests_per_second: u32, clock: C) -> Result<Self, LimitOutOfRange> {
        let limit = in_range("requests per key and second", requests_per_second, REQUESTS_PER_SECOND_MAX)?;
        let quota = limit.map(Quota::per_second);
        Ok(Self {
            limiter: quota.map(|quota| RateLimiter::new(quota, DashMapStateStore::default(), clock)),
            requests: AtomicU64::new(0),
        })
    }

    pub fn check(&self, key_id: u64) -> Result<(), RetryAfter> {
        self.tidy(1);
        check(self.limiter.as_ref(), key_id)
    }

    /// So many requests of a key at once; where they are not all within the limit, none of them counts.
    pub fn takes_all(&self, key_id: u64, requests: usize) -> bool {
        self.tidy(requests as u64);
        takes_all(self.limiter.as_ref(), key_id, requests)
    }

    /// Keys whose buckets are in memory.
    pub fn kept(&self) -> usize {
        self.limiter.as_ref().map_or(0, RateLimiter::len)
    }

    fn tidy(&self, requests: u64) {
        let Some(limiter) = &self.limiter else { return };
        let before = self.requests.fetch_add(requests, Ordering::Relaxed);
        let is_due = before / REQUESTS_PER_TIDY != before.wrapping_add(requests) / REQUESTS_PER_TIDY;
        if is_due && limiter.len() > KEYS_KEPT {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

fn in_range(name: &'static str, given: u32, max: u32) -> Result<Option<NonZeroU32>, LimitOutOfRange> {
    if given > max {
        return Err(LimitOutOfRange { name, given, max });
    }
    Ok(NonZeroU32::new(given))
}

fn click_quota(clicks_per_hour: NonZeroU32) -> (Quota, Unit) {
    let (unit, interval) = Unit::dividing(HOUR / clicks_per_hour.get());
    let quota = Quota::with_period(interval).expect("an hour is longer than the limit's range of nanoseconds");
    (quota.allow_burst(clicks_per_hour), unit)
}

fn check<S, C>(limiter: Option<&Limiter<S, C>>, key: u64) -> Result<(), RetryAfter>
where
    S: governor::state::StateStore<Key = u64>,
    C: Clock,
{
    let Some(limiter) = limiter else { return Ok(()) };
    limiter.check_key(&key).map_err(|until| retry_after(&until, limiter.clock()))
}

fn takes_all<S, C>(limiter: Option<&Limiter<S, C>>, key: u64, cells: usize) -> bool
where
    S: governor::state::StateStore<Key = u64>,
    C: Clock,
{
    let (Some(limiter), false) = (limiter, cells == 0) else { return true };
    let cells = u32::try_from(cells).ok().and_then(NonZeroU32::new);
    cells.is_some_and(|cells| matches!(limiter.check_key_n(&key, cells), Ok(Ok(()))))
}

fn retry_after<C: Clock>(until: &NotUntil<C::Instant>, clock: &C) -> RetryAfter {
    let wait = until.wait_time_from(clock.now());
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    RetryAfter { seconds: seconds.max(1) }
}

#[cfg(test)]
mod tests;
