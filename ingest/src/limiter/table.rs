//! Where the buckets of addresses are kept: a fixed table that forgets rather than grows.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::nanos::Nanos;
use governor::state::StateStore;

/// All the memory the buckets of addresses ever take.
pub const TABLE_BYTES: usize = 64 << 20;

/// Slots that share a cache line; a key lives in one of them.
const SLOTS_PER_LINE: usize = 8;
const LINES: usize = TABLE_BYTES / (SLOTS_PER_LINE * size_of::<AtomicU64>());

const TIME_BITS: u32 = 40;
const TIME_MASK: u64 = (1 << TIME_BITS) - 1;

/// About an eighth of a millisecond: fine enough for a million clicks an hour, and 40 bits of it
/// last four years of one process. Past that all buckets read as full: it fails open.
const UNIT_NANOS: u64 = 125_000;

const EMPTY: u64 = 0;

/// What a slot counts time in: the interval at which one click comes back is a whole number of it,
/// so that a bucket holds exactly its clicks however often its time is packed and unpacked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    nanos: u64,
}

impl Unit {
    /// The unit, and the interval to the few nanoseconds that it can say.
    pub(super) fn dividing(interval: Duration) -> (Self, Duration) {
        let interval_nanos = interval.as_nanos() as u64;
        let units = (interval_nanos / UNIT_NANOS).max(1);
        let unit = Self { nanos: (interval_nanos / units).max(1) };
        (unit, Duration::from_nanos(units * unit.nanos))
    }

    /// Rounded down: rounded up, a bucket's last click would be due a moment after now and be refused.
    pub(super) fn pack(self, tag: u64, at: Nanos) -> u64 {
        tag << TIME_BITS | (at.as_u64() / self.nanos).min(TIME_MASK)
    }

    pub(super) fn time(self, slot: u64) -> Nanos {
        Nanos::new((slot & TIME_MASK) * self.nanos)
    }
}

/// A slot holds 24 bits of its key and the time at which its bucket will be full again (GCRA's
/// theoretical arrival time) since the limiter's start. A line that is full loses the slot that is
/// full soonest, the one whose loss forgives the fewest clicks.
pub(super) struct Table {
    slots: Box<[AtomicU64]>,
    first: usize,
    unit: Unit,
}

impl Table {
    /// Zeroed by the system page by page when first touched: an idle table takes no memory.
    pub(super) fn new(unit: Unit) -> Self {
        let slots: Box<[AtomicU64]> = bytemuck::allocation::zeroed_slice_box(LINES * SLOTS_PER_LINE + SLOTS_PER_LINE);
        let first = slots.as_ptr().align_offset(SLOTS_PER_LINE * size_of::<AtomicU64>()) % SLOTS_PER_LINE;
        Self { slots, first, unit }
    }

    fn line(&self, key: u64) -> &[AtomicU64] {
        let start = self.first + (key as usize % LINES) * SLOTS_PER_LINE;
        &self.slots[start..start + SLOTS_PER_LINE]
    }
}

impl StateStore for Table {
    type Key = u64;

    /// Two threads that bring one new key both pick the same slot, so one of them sees the other's.
    /// Only if a third evicts in between can a key stand twice; the second is then never read again.
    fn measure_and_replace<T, F, E>(&self, key: &u64, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let line = self.line(*key);
        let tag = key >> TIME_BITS;
        loop {
            let (slot, seen) = find(line, tag);
            let known = (seen != EMPTY && seen >> TIME_BITS == tag).then(|| self.unit.time(seen));
            let (outcome, next) = decide(known)?;
            if slot.compare_exchange_weak(seen, self.unit.pack(tag, next), Ordering::AcqRel, Ordering::Relaxed).is_ok()
            {
                return Ok(outcome);
            }
        }
    }
}

/// The key's own slot, else an empty one, else the one that is full soonest.
fn find(line: &[AtomicU64], tag: u64) -> (&AtomicU64, u64) {
    let mut best = (&line[0], u64::MAX, u64::MAX);
    for slot in line {
        let seen = slot.load(Ordering::Acquire);
        if seen != EMPTY && seen >> TIME_BITS == tag {
            return (slot, seen);
        }
        if seen & TIME_MASK < best.2 {
            best = (slot, seen, seen & TIME_MASK);
        }
    }
    (best.0, best.1)
}
