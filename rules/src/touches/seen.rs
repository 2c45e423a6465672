//! Event ids and where each was seen first. An hour of them is most of what an owner remembers: 24 bytes an id, in tables that are nearly full.

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashMap};

mod table;

use self::table::{NONE, Origin, Slot, Table, id_of, key, key_of, kind};
use super::{Seen, SeenId};

/// Each of these tables grows by itself, so that no growth takes long or needs room for all.
const TABLES: usize = 256;

const TABLE_BITS: u32 = TABLES.trailing_zeros();

/// What is remembered of event ids.
#[derive(Debug, Clone, Default)]
pub struct SeenIds {
    tables: Vec<Table>,
    hasher: DefaultHashBuilder,
    counted_from: Origin,
    /// What was taken in last.
    last: Option<Seen>,
    /// What is too far from all others: another partition's, or of another month.
    far: HashMap<SeenId, Seen>,
}

impl SeenIds {
    pub fn len(&self) -> usize {
        self.far.len() + self.tables.iter().map(|table| table.used).sum::<usize>()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn get(&self, id: &SeenId) -> Option<Seen> {
        if let Some(seen) = self.far.get(id) {
            return Some(*seen);
        }
        let (key, hash) = (key(id), self.hash(id));
        let table = self.tables.get(number(hash))?;
        let place = table.find(&key, hash).ok()?;
        Some(self.counted_from.seen(&table.slots[place]))
    }

    pub fn contains_key(&self, id: &SeenId) -> bool {
        self.get(id).is_some()
    }

    /// What was there before.
    pub fn insert(&mut self, id: SeenId, seen: Seen) -> Option<Seen> {
        self.insert_if(id, seen, |_| true)
    }

    /// Replaces what is there only where that is to be; None where it is not. What was there before.
    pub(super) fn replace_if(
        &mut self,
        id: SeenId,
        seen: Seen,
        is_to_be: impl Fn(&Seen) -> bool,
    ) -> Option<Option<Seen>> {
        let mut stands = false;
        let before = self.insert_if(id, seen, |known| {
            let replaced = is_to_be(known);
            stands = !replaced;
            replaced
        });
        (!stands).then_some(before)
    }

    pub fn remove(&mut self, id: &SeenId) -> Option<Seen> {
        if let Some(seen) = self.far.remove(id) {
            return Some(seen);
        }
        let (key, hash) = (key(id), self.hash(id));
        let table = self.tables.get_mut(number(hash))?;
        let place = table.find(&key, hash).ok()?;
        let seen = self.counted_from.seen(&table.slots[place]);
        let hasher = &self.hasher;
        table.take_out(place, |slot| hasher.hash_one(id_of(slot)));
        Some(seen)
    }

    pub fn clear(&mut self) {
        *self = SeenIds::default();
    }

    /// In no order.
    pub fn iter(&self) -> impl Iterator<Item = (SeenId, Seen)> {
        let slots = self.tables.iter().flat_map(|table| table.slots.iter().filter(|slot| kind(slot) != NONE));
        let near = slots.map(|slot| (id_of(slot), self.counted_from.seen(slot)));
        near.chain(self.far.iter().map(|(id, seen)| (*id, *seen)))
    }

    pub fn values(&self) -> impl Iterator<Item = Seen> {
        self.iter().map(|(_, seen)| seen)
    }

    /// Forgets the others, and gives back the room that they took.
    pub fn retain(&mut self, keep: impl Fn(&Seen) -> bool) {
        let (from, hasher) = (self.counted_from, &self.hasher);
        let next = self.last.and_then(|last| from.moved_to(&last)).unwrap_or(from);
        for table in &mut self.tables {
            let slots = std::mem::take(&mut table.slots);
            let kept = |slot: &&Slot| kind(slot) != NONE && keep(&from.seen(slot));
            let left = slots.iter().filter(kept).count();
            if left == table.used && next == from {
                table.slots = slots;
                continue;
            }
            *table = Table::with_room(left, slots.len());
            for slot in slots.iter().filter(kept) {
                match next.slot(&key_of(slot), &from.seen(slot)) {
                    Some(moved) => table.put(moved, hasher.hash_one(id_of(slot))),
                    None => _ = self.far.insert(id_of(slot), from.seen(slot)),
                }
            }
        }
        self.counted_from = next;
        self.far.retain(|_, seen| keep(seen));
        if next != from {
            // What was too far may not be any more.
            let far = std::mem::take(&mut self.far);
            self.extend(far);
        }
    }

    fn insert_if(&mut self, id: SeenId, seen: Seen, replaces: impl FnOnce(&Seen) -> bool) -> Option<Seen> {
        if let Some(known) = self.far.get_mut(&id) {
            self.last = Some(seen);
            return Some(if replaces(known) { std::mem::replace(known, seen) } else { *known });
        }
        self.last = Some(seen);
        if self.tables.is_empty() {
            self.tables.resize_with(TABLES, Table::default);
            self.counted_from = Origin::about(&seen);
        }
        let (key, hash) = (key(&id), self.hash(&id));
        let slot = self.counted_from.slot(&key, &seen);
        let hasher = &self.hasher;
        let table = &mut self.tables[number(hash)];
        match (table.find(&key, hash), slot) {
            (Ok(place), slot) => {
                let known = self.counted_from.seen(&table.slots[place]);
                if replaces(&known) {
                    match slot {
                        Some(slot) => table.slots[place] = slot,
                        None => {
                            table.take_out(place, |slot| hasher.hash_one(id_of(slot)));
                            self.far.insert(id, seen);
                        }
                    }
                }
                Some(known)
            }
            (Err(place), Some(slot)) => {
                if table.has_room() {
                    table.slots[place] = slot;
                    table.used += 1;
                } else {
                    table.grow(|slot| hasher.hash_one(id_of(slot)));
                    table.put(slot, hash);
                }
                None
            }
            (Err(_), None) => self.far.insert(id, seen),
        }
    }

    fn hash(&self, id: &SeenId) -> u64 {
        self.hasher.hash_one(id)
    }
}

impl Extend<(SeenId, Seen)> for SeenIds {
    fn extend<T: IntoIterator<Item = (SeenId, Seen)>>(&mut self, ids: T) {
        for (id, seen) in ids {
            self.insert(id, seen);
        }
    }
}

impl FromIterator<(SeenId, Seen)> for SeenIds {
    fn from_iter<T: IntoIterator<Item = (SeenId, Seen)>>(ids: T) -> SeenIds {
        let mut all = SeenIds::default();
        all.extend(ids);
        all
    }
}

impl PartialEq for SeenIds {
    fn eq(&self, other: &SeenIds) -> bool {
        self.len() == other.len() && self.iter().all(|(id, seen)| other.get(&id) == Some(seen))
    }
}

impl Eq for SeenIds {}

fn number(hash: u64) -> usize {
    (hash >> (u64::BITS - TABLE_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use schemas::{
        ids::{EventId, LinkId, Position},
        time::TimeMs,
    };

    use super::*;

    /// The same as a map, whatever is done.
    fn check(seed: u64, steps: u64, ids: u64, far_every: u64, stride: u64) {
        let (mut packed, mut plain) = (SeenIds::default(), HashMap::new());
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        for step in 0..steps {
            let number = next() % ids;
            let id = match number % 3 {
                0 => SeenId::Event(EventId(u128::from(number) << 64 | 1)),
                _ => SeenId::Client { link: LinkId(number % 7), event_id_hash: number << 40 },
            };
            let is_far = far_every > 0 && next() % far_every == 0;
            let (partition, offset) = if is_far { (1, u64::MAX - step) } else { (0, (1 << 40) + step * stride) };
            let at = TimeMs(1_700_000_000_000 + (step * stride) as i64);
            let seen = Seen { position: Position { partition, offset }, at };
            match next() % 8 {
                0 => assert_eq!(packed.remove(&id), plain.remove(&id)),
                1..=5 => assert_eq!(packed.insert(id, seen), plain.insert(id, seen)),
                _ => assert_eq!(packed.get(&id), plain.get(&id).copied()),
            }
            if next() % 1_000 == 0 || step + 1 == steps {
                let from = seen.at.plus_ms(-((ids * stride) as i64));
                packed.retain(|seen| seen.at >= from);
                plain.retain(|_, seen| seen.at >= from);
            }
        }
        assert_eq!(packed.len(), plain.len());
        assert_eq!(far_every == 0, packed.far.is_empty(), "only what is far takes more room");
        assert_eq!(packed, plain.into_iter().collect());
    }

    #[test]
    fn they_are_remembered_as_in_a_map() {
        check(1, 20_000, 50, 0, 1);
        check(2, 60_000, 20_000, 0, 1);
        check(3, 60_000, 20_000, 10, 1);
        check(5, 60_000, 50, 0, 1 << 18);
        check(6, 60_000, 50, 10, 1 << 18);
    }

    #[test]
    fn an_id_takes_few_bytes() {
        let ids = 200_000_u64;
        let at = |n: u64| Seen { position: Position { partition: 3, offset: n }, at: TimeMs(n as i64) };
        let id = |n: u64| SeenId::Client { link: LinkId(n % 100), event_id_hash: n };
        let packed: SeenIds = (0..ids).map(|n| (id(n), at(n))).collect();
        let slots: usize = packed.tables.iter().map(|table| table.slots.len()).sum();
        let bytes = slots * size_of::<Slot>();
        assert!(bytes as u64 <= 36 * ids, "{bytes}");
    }
}
