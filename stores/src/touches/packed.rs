//! Touches as bytes. All numbers are big-endian; a blob begins with its version.

use std::borrow::Borrow;

use rules::touches::{ClientId, LinkTouch, Seen, SeenId, Touch, Touches, Velocity, Visitor};
use schemas::{
    ids::{EventId, LinkId, Position},
    receipt::{RECEIPT_BYTES, Receipt},
    time::TimeMs,
};

const VERSION: u8 = 1;
/// Of event ids and velocity; the one before had links, clients' event ids and addresses apart.
const RECENT_VERSION: u8 = 2;
const RECENT_VERSION_PARTS: u8 = 1;
const SEEN_EVENT: u8 = 1;
const SEEN_CLIENT: u8 = 2;

/// How a blob has clients' event ids and visitors.
#[derive(Clone, Copy)]
enum IdsAs {
    Parts,
    Hashes,
}

const TOUCH_BYTES: usize = RECEIPT_BYTES + 16 + 12 + 8;

/// What of a link is known. A link with a single click holds it once.
const HAS_FIRST: u8 = 1;
const HAS_LAST: u8 = 2;
const LAST_IS_FIRST: u8 = 4;
const AWAITS: u8 = 8;

pub(crate) fn pack_touch(touch: &Touch) -> Vec<u8> {
    let mut packed = Vec::with_capacity(1 + TOUCH_BYTES);
    packed.push(VERSION);
    push_touch(&mut packed, touch);
    packed
}

pub(crate) fn unpack_touch(packed: &[u8]) -> Option<Touch> {
    let mut rest = Unread(packed);
    rest.version()?;
    let touch = rest.touch()?;
    rest.0.is_empty().then_some(touch)
}

pub(crate) fn pack_link(known: &LinkTouch) -> Vec<u8> {
    let same = known.first.is_some() && known.first == known.last;
    let last = known.last.filter(|_| !same);
    let flag = |is: bool, flag: u8| if is { flag } else { 0 };
    let mut packed = Vec::with_capacity(2 + 2 * TOUCH_BYTES + 8);
    packed.push(VERSION);
    packed.push(
        flag(known.first.is_some(), HAS_FIRST)
            | flag(last.is_some(), HAS_LAST)
            | flag(same, LAST_IS_FIRST)
            | flag(known.awaiting_until.is_some(), AWAITS),
    );
    for touch in known.first.iter().chain(&last) {
        push_touch(&mut packed, touch);
    }
    packed.extend(known.awaiting_until.map(|at| at.0.to_be_bytes()).into_iter().flatten());
    packed
}

pub(crate) fn unpack_link(packed: &[u8]) -> Option<LinkTouch> {
    let mut rest = Unread(packed);
    rest.version()?;
    let [flags] = rest.take()?;
    let has = |flag: u8| flags & flag != 0;
    let first = if has(HAS_FIRST) { Some(rest.touch()?) } else { None };
    let last = match (has(LAST_IS_FIRST), has(HAS_LAST)) {
        (true, _) => first,
        (false, true) => Some(rest.touch()?),
        (false, false) => None,
    };
    let awaiting_until = if has(AWAITS) { Some(rest.time()?) } else { None };
    rest.0.is_empty().then_some(LinkTouch { first, last, awaiting_until })
}

/// The newest time among event ids and velocity; None where there are none.
pub(crate) fn newest(
    seen: impl Iterator<Item = impl Borrow<Seen>>,
    velocity: impl Iterator<Item = impl Borrow<Velocity>>,
) -> Option<TimeMs> {
    let clicks = velocity.map(|velocity| velocity.borrow().newest_at());
    seen.map(|seen| seen.borrow().at).chain(clicks).max()
}

pub(crate) fn pack_recent(seen: &[(SeenId, Seen)], velocity: &[(Visitor, Velocity)]) -> Vec<u8> {
    let mut packed = vec![RECENT_VERSION];
    packed.extend((seen.len() as u64).to_be_bytes());
    for (id, seen) in seen {
        pack_seen(&mut packed, id, seen);
    }
    for (visitor, velocity) in velocity {
        packed.extend(visitor.0.to_be_bytes());
        packed.extend(i64::from(velocity.newest).to_be_bytes());
        packed.extend(velocity.counts);
        packed.extend(velocity.peak.to_be_bytes());
    }
    packed
}

/// Puts what one save brought over what earlier ones did.
pub(crate) fn unpack_recent(packed: &[u8], seen_from: TimeMs, touches: &mut Touches) -> Option<()> {
    let mut rest = Unread(packed);
    let [version] = rest.take()?;
    let ids = match version {
        RECENT_VERSION_PARTS => IdsAs::Parts,
        RECENT_VERSION => IdsAs::Hashes,
        _ => return None,
    };
    let seen_count = rest.u64()?;
    for _ in 0..seen_count {
        let (id, seen) = rest.seen(ids)?;
        if seen.at >= seen_from {
            touches.seen.insert(id, seen);
        }
    }
    while !rest.0.is_empty() {
        let visitor = match ids {
            IdsAs::Parts => Visitor::of(LinkId(rest.u64()?), rest.u64()?),
            IdsAs::Hashes => Visitor(rest.u64()?),
        };
        let newest = u32::try_from(rest.i64()?).ok()?;
        let velocity = Velocity { newest, counts: rest.take()?, peak: u16::from_be_bytes(rest.take()?) };
        touches.velocity.insert(visitor, velocity);
    }
    Some(())
}

fn push_touch(packed: &mut Vec<u8>, touch: &Touch) {
    packed.extend(touch.receipt.as_bytes());
    packed.extend(touch.event.0.to_be_bytes());
    pack_position(packed, touch.position);
    packed.extend(touch.at.0.to_be_bytes());
}

fn pack_seen(packed: &mut Vec<u8>, id: &SeenId, seen: &Seen) {
    match id {
        SeenId::Event(event) => {
            packed.push(SEEN_EVENT);
            packed.extend(event.0.to_be_bytes());
        }
        SeenId::Client(id) => {
            packed.push(SEEN_CLIENT);
            packed.extend(id.0.to_be_bytes());
        }
    }
    pack_position(packed, seen.position);
    packed.extend(seen.at.0.to_be_bytes());
}

fn pack_position(packed: &mut Vec<u8>, position: Position) {
    packed.extend(position.partition.to_be_bytes());
    packed.extend(position.offset.to_be_bytes());
}

/// What of a blob is still to be read. Every read is None past its end.
struct Unread<'a>(&'a [u8]);

impl Unread<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn version(&mut self) -> Option<()> {
        (self.take()? == [VERSION]).then_some(())
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.take().map(i64::from_be_bytes)
    }

    fn time(&mut self) -> Option<TimeMs> {
        self.i64().map(TimeMs)
    }

    fn position(&mut self) -> Option<Position> {
        Some(Position { partition: u32::from_be_bytes(self.take()?), offset: self.u64()? })
    }

    fn touch(&mut self) -> Option<Touch> {
        Some(Touch {
            receipt: Receipt::from_bytes(self.take()?).ok()?,
            event: EventId(u128::from_be_bytes(self.take()?)),
            position: self.position()?,
            at: self.time()?,
        })
    }

    fn seen(&mut self, ids: IdsAs) -> Option<(SeenId, Seen)> {
        let [kind] = self.take()?;
        let id = match (kind, ids) {
            (SEEN_EVENT, _) => SeenId::Event(EventId(u128::from_be_bytes(self.take()?))),
            (SEEN_CLIENT, IdsAs::Parts) => SeenId::of_client(LinkId(self.u64()?), self.u64()?),
            (SEEN_CLIENT, IdsAs::Hashes) => SeenId::Client(ClientId(self.u64()?)),
            _ => return None,
        };
        Some((id, Seen { position: self.position()?, at: self.time()? }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands in a store from before ids and visitors were hashes is known under these.
    #[test]
    fn what_was_saved_as_parts_is_read_as_hashes() {
        let seen = Seen { position: Position { partition: 3, offset: 4 }, at: TimeMs(5) };
        let mut parts = vec![RECENT_VERSION_PARTS];
        parts.extend(2_u64.to_be_bytes());
        for id in [vec![SEEN_EVENT, 0, 0, 0, 0, 0, 0, 0, 0], vec![SEEN_CLIENT, 0, 0, 0, 0, 0, 0, 0, 7]] {
            parts.extend(id);
            parts.extend(8_u64.to_be_bytes());
            pack_position(&mut parts, seen.position);
            parts.extend(seen.at.0.to_be_bytes());
        }
        let velocity = Velocity { newest: 9, counts: [1; 12], peak: 12 };
        for number in [10_u64, 11, u64::from(velocity.newest)] {
            parts.extend(number.to_be_bytes());
        }
        parts.extend(velocity.counts);
        parts.extend(velocity.peak.to_be_bytes());

        let mut read = Touches::default();
        unpack_recent(&parts, TimeMs(0), &mut read).expect("it is read");
        let mut expected = Touches::default();
        expected.seen.extend([(SeenId::Event(EventId(8)), seen), (SeenId::of_client(LinkId(7), 8), seen)]);
        expected.velocity.insert(Visitor::of(LinkId(10), 11), velocity);
        assert_eq!(read, expected);

        parts[0] = RECENT_VERSION + 1;
        assert_eq!(unpack_recent(&parts, TimeMs(0), &mut read), None);
    }
}
