//! What of an id is kept beside its key: how far its place and its time are from where they are counted from.

use schemas::{ids::Position, time::TimeMs};

use crate::touches::{Seen, tables::THERE};

/// 24 days in milliseconds, and four thousand million places: half of each on either side of the first id's.
const TIMES: i64 = THERE as i64;
const PLACES: i64 = 1 << 32;

/// The last two words of a row.
pub(super) type Kept = [u32; 2];

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
    pub(super) fn kept(&self, seen: &Seen) -> Option<Kept> {
        let within = |distance: i64, all: i64| (0..all).contains(&distance).then_some(distance as u32);
        let offset = within(seen.position.offset.cast_signed().wrapping_sub(self.offset), PLACES)?;
        let at = within(seen.at.0.wrapping_sub(self.at), TIMES)?;
        (seen.position.partition == self.partition).then_some([offset, THERE | at])
    }

    pub(super) fn seen(&self, [offset, at]: Kept) -> Seen {
        let offset = self.offset.wrapping_add(i64::from(offset)).cast_unsigned();
        let at = self.at.wrapping_add(i64::from(at & !THERE));
        Seen { position: Position { partition: self.partition, offset }, at: TimeMs(at) }
    }
}
