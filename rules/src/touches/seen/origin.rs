//! An id's row: after the key how far its place and its time are from where they are counted from.

use schemas::{
    ids::{EventId, LinkId, Position},
    time::TimeMs,
};

use crate::touches::{
    Seen, SeenId,
    tables::{KIND_SHIFT, Key, Row},
};

const EVENT: u32 = 1;
const CLIENT: u32 = 2;

/// Twelve days in milliseconds, and half of what places there are: as far on either side of the first id's.
const TIMES: i64 = 1 << KIND_SHIFT;
const PLACES: i64 = 1 << 32;

/// Where places and times are counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Origin {
    partition: u32,
    offset: i64,
    at: i64,
}

impl Origin {
    pub(super) fn about(seen: &Seen) -> Origin {
        let Position { partition, offset } = seen.position;
        Origin { partition, offset: offset.cast_signed() - PLACES / 2, at: seen.at.0 - TIMES / 2 }
    }

    /// Where it is better counted from once it has come to this; None while that is far from the end.
    pub(super) fn moved_to(&self, last: &Seen) -> Option<Origin> {
        let offsets = last.position.offset.cast_signed().wrapping_sub(self.offset);
        let is_late = offsets > PLACES / 4 * 3 || last.at.0.wrapping_sub(self.at) > TIMES / 4 * 3;
        (is_late && last.position.partition == self.partition).then(|| Origin::about(last))
    }

    /// None of what is too far away.
    pub(super) fn row(&self, key: &Key, seen: &Seen) -> Option<Row<6>> {
        let within = |distance: i64, all: i64| (0..all).contains(&distance).then_some(distance as u32);
        let offset = within(seen.position.offset.cast_signed().wrapping_sub(self.offset), PLACES)?;
        let at = within(seen.at.0.wrapping_sub(self.at), TIMES)?;
        let [a, b, c, d] = key.words();
        (seen.position.partition == self.partition).then_some([a, b, c, d, offset, key.kind << KIND_SHIFT | at])
    }

    pub(super) fn seen(&self, row: &Row<6>) -> Seen {
        let offset = self.offset.wrapping_add(i64::from(row[4])).cast_unsigned();
        let at = self.at.wrapping_add(i64::from(row[5]) & (TIMES - 1));
        Seen { position: Position { partition: self.partition, offset }, at: TimeMs(at) }
    }
}

pub(super) fn key(id: &SeenId) -> Key {
    match id {
        SeenId::Event(event) => Key { high: (event.0 >> 64) as u64, low: event.0 as u64, kind: EVENT },
        SeenId::Client { link, event_id_hash } => Key { high: link.0, low: *event_id_hash, kind: CLIENT },
    }
}

pub(super) fn id_of(row: &Row<6>) -> SeenId {
    let Key { high, low, kind } = Key::of(row);
    if kind == EVENT {
        SeenId::Event(EventId(u128::from(high) << 64 | u128::from(low)))
    } else {
        SeenId::Client { link: LinkId(high), event_id_hash: low }
    }
}
