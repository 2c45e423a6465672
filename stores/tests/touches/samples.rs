use rules::touches::{LinkTouch, Seen, SeenId, Touch, Touches as Remembered, VELOCITY_BUCKET_MS, Velocity, Visitor};
use schemas::{
    ids::{EventId, LinkId, Position},
    receipt::{RECEIPT_BYTES, Receipt},
    time::TimeMs,
};
use stores::touches::{Loaded, TouchDelta};

pub(crate) const NOON: i64 = 1_790_000_000_000;

pub(crate) fn touch(n: u64) -> Touch {
    let mut receipt = [n as u8; RECEIPT_BYTES];
    receipt[..2].copy_from_slice(&[0b0100_0001, 0]);
    Touch {
        receipt: Receipt::from_bytes(receipt).unwrap(),
        event: EventId(u128::from(n) << 70),
        position: Position { partition: 0, offset: n },
        at: TimeMs(NOON + n as i64),
    }
}

pub(crate) fn seen_at(at: i64) -> TouchDelta {
    let seen = Seen { position: Position { partition: 0, offset: 1 }, at: TimeMs(at) };
    TouchDelta { seen: vec![(SeenId::Event(EventId(at as u128)), seen)], ..TouchDelta::default() }
}

pub(crate) fn link(link: u64, known: LinkTouch) -> TouchDelta {
    TouchDelta { links: vec![(LinkId(link), known)], ..TouchDelta::default() }
}

/// Ids as hashes give them.
pub(crate) fn spread(n: u64) -> u64 {
    n.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// A delta of this many links and event ids, all of which say `mark`.
pub(crate) fn many(links: u64, ids: u64, mark: u64) -> TouchDelta {
    let known = |n: u64| LinkTouch { first: Some(touch(n)), last: Some(touch(n + mark)), awaiting_until: None };
    let seen = |n: u64| Seen { position: Position { partition: 0, offset: mark }, at: TimeMs(NOON + n as i64) };
    let velocity = |n: u64| Velocity {
        newest: (NOON / VELOCITY_BUCKET_MS) as u32,
        counts: [mark as u8; 12],
        peak: (n % 100) as u16,
    };
    TouchDelta {
        links: (0..links).map(|n| (LinkId(spread(n)), known(n))).collect(),
        seen: (0..ids).map(|n| (SeenId::Event(EventId(u128::from(n))), seen(n))).collect(),
        velocity: (0..ids / 10).map(|n| (Visitor::of(LinkId(spread(n)), n), velocity(n))).collect(),
    }
}

/// What a memory that took the delta in holds.
pub(crate) fn take_in(memory: &mut Remembered, delta: &TouchDelta) {
    memory.links.extend(delta.links.iter().copied());
    memory.seen.extend(delta.seen.iter().copied());
    memory.velocity.extend(delta.velocity.iter().copied());
}

pub(crate) fn loaded(next: u64, deltas: &[&TouchDelta]) -> Loaded {
    let mut loaded = Loaded { next, ..Loaded::default() };
    deltas.iter().for_each(|delta| take_in(&mut loaded.touches, delta));
    loaded
}
