//! Ids side by side, nearly without gaps, each where its hash says or as soon after that as there was room.

use schemas::{
    ids::{EventId, LinkId, Position},
    time::TimeMs,
};

use crate::touches::{Seen, SeenId};

/// An id, then how far its place and its time are from where the table counts from. Nothing is there where the kind is [`NONE`].
pub(super) type Slot = [u32; 6];

const EMPTY: Slot = [NONE; 6];

/// The kind is in the two bits above the time.
const KIND_SHIFT: u32 = 30;
pub(super) const NONE: u32 = 0;
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

#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) slots: Vec<Slot>,
    pub(super) used: usize,
}

/// At least one in so many slots is empty.
const SPARE: usize = 8;

impl Table {
    /// For so many, in place of one with so many slots.
    pub(super) fn with_room(ids: usize, slots: usize) -> Table {
        let fitting = ids + ids / 4 + 1;
        Table { slots: vec![EMPTY; if slots > ids + ids / 2 { fitting } else { slots.max(1) }], used: 0 }
    }

    /// Where it is, or where it would be.
    pub(super) fn find(&self, key: &[u32; 5], hash: u64) -> Result<usize, usize> {
        if self.slots.is_empty() {
            return Err(0);
        }
        let mut place = self.first_place(hash);
        loop {
            let slot = &self.slots[place];
            if kind(slot) == NONE {
                return Err(place);
            }
            if slot[..4] == key[..4] && kind(slot) == key[4] {
                return Ok(place);
            }
            place = self.after(place);
        }
    }

    /// One that is not there, where there is room.
    pub(super) fn put(&mut self, slot: Slot, hash: u64) {
        let mut place = self.first_place(hash);
        while kind(&self.slots[place]) != NONE {
            place = self.after(place);
        }
        self.slots[place] = slot;
        self.used += 1;
    }

    /// What follows it without a gap may have been put there for want of its place.
    pub(super) fn take_out(&mut self, place: usize, hash: impl Fn(&Slot) -> u64) {
        self.slots[place] = EMPTY;
        self.used -= 1;
        let mut next = self.after(place);
        while kind(&self.slots[next]) != NONE {
            let slot = std::mem::replace(&mut self.slots[next], EMPTY);
            self.used -= 1;
            self.put(slot, hash(&slot));
            next = self.after(next);
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.used + self.slots.len() / SPARE < self.slots.len() && self.used + 1 < self.slots.len()
    }

    /// By a quarter, as most of the time it is full.
    pub(super) fn grow(&mut self, hash: impl Fn(&Slot) -> u64) {
        let slots = vec![EMPTY; SPARE.max(self.slots.len() + self.slots.len() / 4)];
        let before = std::mem::replace(self, Table { slots, used: 0 });
        before.slots.iter().filter(|slot| kind(slot) != NONE).for_each(|slot| self.put(*slot, hash(slot)));
    }

    /// Of the hash what does not choose the table.
    pub(super) fn first_place(&self, hash: u64) -> usize {
        ((u64::from(hash as u32) * self.slots.len() as u64) >> 32) as usize
    }

    pub(super) fn after(&self, place: usize) -> usize {
        if place + 1 < self.slots.len() { place + 1 } else { 0 }
    }
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
    pub(super) fn slot(&self, key: &[u32; 5], seen: &Seen) -> Option<Slot> {
        let within = |distance: i64, all: i64| (0..all).contains(&distance).then_some(distance as u32);
        let offset = within(seen.position.offset.cast_signed().wrapping_sub(self.offset), PLACES)?;
        let at = within(seen.at.0.wrapping_sub(self.at), TIMES)?;
        let [a, b, c, d, kind] = *key;
        (seen.position.partition == self.partition).then_some([a, b, c, d, offset, kind << KIND_SHIFT | at])
    }

    pub(super) fn seen(&self, slot: &Slot) -> Seen {
        let offset = self.offset.wrapping_add(i64::from(slot[4])).cast_unsigned();
        let at = self.at.wrapping_add(i64::from(slot[5]) & (TIMES - 1));
        Seen { position: Position { partition: self.partition, offset }, at: TimeMs(at) }
    }
}

pub(super) fn kind(slot: &Slot) -> u32 {
    slot[5] >> KIND_SHIFT
}

pub(super) fn key(id: &SeenId) -> [u32; 5] {
    let halves =
        |high: u64, low: u64, kind: u32| [(high >> 32) as u32, high as u32, (low >> 32) as u32, low as u32, kind];
    match id {
        SeenId::Event(event) => halves((event.0 >> 64) as u64, event.0 as u64, EVENT),
        SeenId::Client { link, event_id_hash } => halves(link.0, *event_id_hash, CLIENT),
    }
}

pub(super) fn key_of(slot: &Slot) -> [u32; 5] {
    let [a, b, c, d, ..] = *slot;
    [a, b, c, d, kind(slot)]
}

pub(super) fn id_of(slot: &Slot) -> SeenId {
    let half = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
    let (high, low) = (half(slot[0], slot[1]), half(slot[2], slot[3]));
    if kind(slot) == EVENT {
        SeenId::Event(EventId(u128::from(high) << 64 | u128::from(low)))
    } else {
        SeenId::Client { link: LinkId(high), event_id_hash: low }
    }
}
