//! Event ids and where each was seen first. An hour of them is most of what an owner remembers: 24 bytes an id, and the room between them.

use hashbrown::HashMap;

mod origin;

use self::origin::{Origin, id_of, key};
use super::{Seen, SeenId, tables::Tables};

/// What is remembered of event ids.
#[derive(Debug, Clone, Default)]
pub struct SeenIds {
    near: Tables<6>,
    counted_from: Option<Origin>,
    /// What was taken in last.
    last: Option<Seen>,
    /// What is too far from all others: another partition's, or of another month.
    far: HashMap<SeenId, Seen>,
}

impl SeenIds {
    pub fn len(&self) -> usize {
        self.far.len() + self.near.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn get(&self, id: &SeenId) -> Option<Seen> {
        if let Some(seen) = self.far.get(id) {
            return Some(*seen);
        }
        Some(self.counted_from?.seen(self.near.get(&key(id))?))
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
        let row = self.near.remove(&key(id))?;
        Some(self.counted_from?.seen(&row))
    }

    pub fn clear(&mut self) {
        *self = SeenIds::default();
    }

    /// In no order.
    pub fn iter(&self) -> impl Iterator<Item = (SeenId, Seen)> {
        let counted_from = self.counted_from.unwrap_or_default();
        let near = self.near.iter().map(move |row| (id_of(row), counted_from.seen(row)));
        near.chain(self.far.iter().map(|(id, seen)| (*id, *seen)))
    }

    pub fn values(&self) -> impl Iterator<Item = Seen> {
        self.iter().map(|(_, seen)| seen)
    }

    /// Forgets the others, and gives back the room that they took.
    pub fn retain(&mut self, keep: impl Fn(&Seen) -> bool) {
        self.far.retain(|_, seen| keep(seen));
        let Some(from) = self.counted_from else { return };
        let moved = self.last.and_then(|last| from.moved_to(&last));
        let (next, far) = (moved.unwrap_or(from), &mut self.far);
        self.near.retain(|row| {
            let (id, seen) = (id_of(row), from.seen(row));
            if !keep(&seen) {
                return None;
            }
            let row = next.row(&key(&id), &seen);
            if row.is_none() {
                far.insert(id, seen);
            }
            row
        });
        self.counted_from = Some(next);
        if moved.is_some() {
            // What was too far may not be any more.
            let far = std::mem::take(&mut self.far);
            self.extend(far);
        }
    }

    /// See [`Tables::look_ahead`].
    pub fn look_ahead(&self, id: &SeenId) -> u32 {
        self.near.look_ahead(&key(id))
    }

    fn insert_if(&mut self, id: SeenId, seen: Seen, replaces: impl FnOnce(&Seen) -> bool) -> Option<Seen> {
        self.last = Some(seen);
        if let Some(known) = self.far.get_mut(&id) {
            return Some(if replaces(known) { std::mem::replace(known, seen) } else { *known });
        }
        let counted_from = *self.counted_from.get_or_insert_with(|| Origin::about(&seen));
        let key = key(&id);
        let row = counted_from.row(&key, &seen);
        match (self.near.find(&key), row) {
            (Ok(place), row) => {
                let known = counted_from.seen(self.near.row(place));
                if replaces(&known) {
                    match row {
                        Some(row) => self.near.replace(place, row),
                        None => {
                            self.near.take_out(place);
                            self.far.insert(id, seen);
                        }
                    }
                }
                Some(known)
            }
            (Err(place), Some(row)) => {
                self.near.fill(place, row);
                None
            }
            (Err(_), None) => self.far.insert(id, seen),
        }
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

#[cfg(test)]
mod tests {
    use schemas::{
        ids::{EventId, LinkId, Position},
        time::TimeMs,
    };

    use super::{super::tables::Row, *};

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
                0 => SeenId::Event(EventId(u128::from(number % 2) << 96 | u128::from(number >> 1) << 64 | 1)),
                1 => SeenId::Client { link: LinkId(number >> 2), event_id_hash: number & 3 },
                _ => SeenId::Client { link: LinkId((number % 7) << 32), event_id_hash: number << 40 },
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
        let bytes = packed.near.room() * size_of::<Row<6>>();
        assert!(bytes as u64 <= 42 * ids, "{bytes}");
    }
}
