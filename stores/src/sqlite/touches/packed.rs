//! Touches as bytes. All numbers are big-endian; a blob begins with its version.

use rules::touches::{Seen, SeenId, Touch, Touches, VELOCITY_BUCKET_MS, Velocity, Visitor};
use schemas::{
    ids::{EventId, LinkId, Position},
    receipt::{RECEIPT_BYTES, Receipt},
    time::TimeMs,
};

use crate::touches::TouchDelta;

const VERSION: u8 = 1;
const SEEN_EVENT: u8 = 1;
const SEEN_CLIENT: u8 = 2;

pub(super) fn pack_touch(touch: &Touch) -> Vec<u8> {
    let mut packed = Vec::with_capacity(1 + RECEIPT_BYTES + 16 + 12 + 8);
    packed.push(VERSION);
    packed.extend(touch.receipt.as_bytes());
    packed.extend(touch.event.0.to_be_bytes());
    pack_position(&mut packed, touch.position);
    packed.extend(touch.at.0.to_be_bytes());
    packed
}

pub(super) fn unpack_touch(packed: &[u8]) -> Option<Touch> {
    let mut rest = Unread(packed);
    rest.version()?;
    let touch = Touch {
        receipt: Receipt::from_bytes(rest.take()?).ok()?,
        event: EventId(u128::from_be_bytes(rest.take()?)),
        position: rest.position()?,
        at: rest.time()?,
    };
    rest.0.is_empty().then_some(touch)
}

/// Event ids and velocity with the newest time in them; None where there are none.
pub(super) fn pack_recent(delta: &TouchDelta) -> Option<(TimeMs, Vec<u8>)> {
    let seen = delta.seen.iter().map(|(_, seen)| seen.at);
    let clicks = delta.velocity.iter().map(|(_, velocity)| TimeMs(velocity.newest.saturating_mul(VELOCITY_BUCKET_MS)));
    let newest = seen.chain(clicks).max()?;
    let mut packed = vec![VERSION];
    packed.extend((delta.seen.len() as u64).to_be_bytes());
    for (id, seen) in &delta.seen {
        pack_seen(&mut packed, id, seen);
    }
    for (visitor, velocity) in &delta.velocity {
        packed.extend(visitor.link.0.to_be_bytes());
        packed.extend(visitor.address_cut.to_be_bytes());
        packed.extend(velocity.newest.to_be_bytes());
        packed.extend(velocity.counts);
        packed.extend(velocity.peak.to_be_bytes());
    }
    Some((newest, packed))
}

/// Puts what one save brought over what earlier ones did.
pub(super) fn unpack_recent(packed: &[u8], touches: &mut Touches) -> Option<()> {
    let mut rest = Unread(packed);
    rest.version()?;
    let seen_count = rest.u64()?;
    for _ in 0..seen_count {
        let (id, seen) = rest.seen()?;
        touches.seen.insert(id, seen);
    }
    while !rest.0.is_empty() {
        let visitor = Visitor { link: LinkId(rest.u64()?), address_cut: rest.u64()? };
        let velocity = Velocity { newest: rest.i64()?, counts: rest.take()?, peak: u16::from_be_bytes(rest.take()?) };
        touches.velocity.insert(visitor, velocity);
    }
    Some(())
}

fn pack_seen(packed: &mut Vec<u8>, id: &SeenId, seen: &Seen) {
    match id {
        SeenId::Event(event) => {
            packed.push(SEEN_EVENT);
            packed.extend(event.0.to_be_bytes());
        }
        SeenId::Client { link, event_id_hash } => {
            packed.push(SEEN_CLIENT);
            packed.extend(link.0.to_be_bytes());
            packed.extend(event_id_hash.to_be_bytes());
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

    fn seen(&mut self) -> Option<(SeenId, Seen)> {
        let id = match self.take()? {
            [SEEN_EVENT] => SeenId::Event(EventId(u128::from_be_bytes(self.take()?))),
            [SEEN_CLIENT] => SeenId::Client { link: LinkId(self.u64()?), event_id_hash: self.u64()? },
            _ => return None,
        };
        Some((id, Seen { position: self.position()?, at: self.time()? }))
    }
}
