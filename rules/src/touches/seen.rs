//! Event ids and where each was seen first. An hour of them is most of what an owner remembers: 16 bytes a client's id, 24 a record's, and the
//! room between them.

use hashbrown::HashMap;
use schemas::ids::EventId;

mod origin;

use self::origin::{Kept, Origin};
use super::{
    ClientId, Seen, SeenId,
    tables::{self, Row, Tables},
};

/// What is remembered of event ids.
#[derive(Debug, Clone, Default)]
pub struct SeenIds {
    clients: Tables<2, 4>,
    events: Tables<4, 6>,
    counted_from: Option<Origin>,
    /// What was taken in last.
    last: Option<Seen>,
    /// What is too far from all others: another partition's, or of another month.
    far: HashMap<SeenId, Seen>,
}

impl SeenIds {
    pub fn len(&self) -> usize {
        self.far.len() + self.clients.len() + self.events.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn get(&self, id: &SeenId) -> Option<Seen> {
        if let Some(seen) = self.far.get(id) {
            return Some(*seen);
        }
        let kept = match id {
            SeenId::Client(id) => self.clients.get(&tables::words(id.0)).map(kept_in),
            SeenId::Event(id) => self.events.get(&event_words(*id)).map(kept_in),
        };
        Some(self.counted_from?.seen(kept?))
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
        let kept = match id {
            SeenId::Client(id) => self.clients.remove(&tables::words(id.0)).as_ref().map(kept_in),
            SeenId::Event(id) => self.events.remove(&event_words(*id)).as_ref().map(kept_in),
        };
        Some(self.counted_from?.seen(kept?))
    }

    pub fn clear(&mut self) {
        *self = SeenIds::default();
    }

    /// In no order.
    pub fn iter(&self) -> impl Iterator<Item = (SeenId, Seen)> {
        let counted_from = self.counted_from.unwrap_or_default();
        let clients = self.clients.iter().map(move |row| (client_of(row), counted_from.seen(kept_in(row))));
        let events = self.events.iter().map(move |row| (event_of(row), counted_from.seen(kept_in(row))));
        clients.chain(events).chain(self.far.iter().map(|(id, seen)| (*id, *seen)))
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
        let mut moved_on = |id: SeenId, kept: Kept| {
            let seen = from.seen(kept);
            if !keep(&seen) {
                return None;
            }
            let kept = next.kept(&seen);
            if kept.is_none() {
                far.insert(id, seen);
            }
            kept
        };
        self.clients.retain(|row| Some(with_kept(*row, moved_on(client_of(row), kept_in(row))?)));
        self.events.retain(|row| Some(with_kept(*row, moved_on(event_of(row), kept_in(row))?)));
        self.counted_from = Some(next);
        if moved.is_some() {
            // What was too far may not be any more.
            let far = std::mem::take(&mut self.far);
            self.extend(far);
        }
    }

    /// See [`Tables::look_ahead`].
    pub fn look_ahead(&self, id: &SeenId) -> u32 {
        match id {
            SeenId::Client(id) => self.clients.look_ahead(&tables::words(id.0)),
            SeenId::Event(id) => self.events.look_ahead(&event_words(*id)),
        }
    }

    fn insert_if(&mut self, id: SeenId, seen: Seen, replaces: impl FnOnce(&Seen) -> bool) -> Option<Seen> {
        self.last = Some(seen);
        if let Some(known) = self.far.get_mut(&id) {
            return Some(if replaces(known) { std::mem::replace(known, seen) } else { *known });
        }
        let counted_from = *self.counted_from.get_or_insert_with(|| Origin::about(&seen));
        let (kept, replaces) = (counted_from.kept(&seen), |known| replaces(&counted_from.seen(known)));
        let put = match id {
            SeenId::Client(id) => put(&mut self.clients, tables::words(id.0), kept, replaces),
            SeenId::Event(id) => put(&mut self.events, event_words(id), kept, replaces),
        };
        if put.is_far {
            self.far.insert(id, seen);
        }
        put.known.map(|known| counted_from.seen(known))
    }
}

/// What was there before, and whether what is to be there finds no place.
struct Put {
    known: Option<Kept>,
    is_far: bool,
}

fn put<const KEY: usize, const WORDS: usize>(
    tables: &mut Tables<KEY, WORDS>,
    key: [u32; KEY],
    kept: Option<Kept>,
    replaces: impl FnOnce(Kept) -> bool,
) -> Put {
    let row = |kept| {
        let mut row = [0; WORDS];
        row[..KEY].copy_from_slice(&key);
        with_kept(row, kept)
    };
    match (tables.find(&key), kept) {
        (Ok(place), kept) => {
            let known = kept_in(tables.row(place));
            let is_replaced = replaces(known);
            match kept {
                Some(kept) if is_replaced => tables.replace(place, row(kept)),
                None if is_replaced => tables.take_out(place),
                _ => {}
            }
            Put { known: Some(known), is_far: is_replaced && kept.is_none() }
        }
        (Err(place), Some(kept)) => {
            tables.fill(place, row(kept));
            Put { known: None, is_far: false }
        }
        (Err(_), None) => Put { known: None, is_far: true },
    }
}

fn kept_in<const WORDS: usize>(row: &Row<WORDS>) -> Kept {
    *row.last_chunk().expect("a row has two words beside its key")
}

fn with_kept<const WORDS: usize>(mut row: Row<WORDS>, kept: Kept) -> Row<WORDS> {
    row[WORDS - kept.len()..].copy_from_slice(&kept);
    row
}

fn client_of(row: &Row<4>) -> SeenId {
    SeenId::Client(ClientId(tables::key(row)))
}

fn event_words(EventId(id): EventId) -> [u32; 4] {
    [96, 64, 32, 0].map(|bits| (id >> bits) as u32)
}

fn event_of(row: &Row<6>) -> SeenId {
    SeenId::Event(EventId(row[..4].iter().fold(0, |id, word| id << 32 | u128::from(*word))))
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
                0 => SeenId::Event(EventId(u128::from(number % 2) << 96 | u128::from(number >> 1) << 64 | 1)),
                1 => SeenId::Client(ClientId(number)),
                _ => SeenId::Client(ClientId(number << 40)),
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
        let client = |n: u64| (SeenId::of_client(LinkId(n % 100), n), at(n));
        let event = |n: u64| (SeenId::Event(EventId(u128::from(n))), at(n));
        let packed: SeenIds = (0..ids).flat_map(|n| [client(n), event(n)]).collect();
        assert_eq!(packed.len() as u64, 2 * ids);
        let [clients, events] =
            [packed.clients.room() * size_of::<Row<4>>(), packed.events.room() * size_of::<Row<6>>()];
        assert!(clients as u64 <= 28 * ids, "{clients}");
        assert!(events as u64 <= 42 * ids, "{events}");
    }
}
