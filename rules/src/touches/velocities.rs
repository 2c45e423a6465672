//! Clicks of addresses on links. There are nearly as many as there are clicks, so nearly all stand in rows of 16 bytes.

use hashbrown::HashMap;

use super::{
    Velocity, Visitor,
    tables::{self, Row, THERE, Tables},
};

/// The row is of one that a row does not hold.
const HEAVY: u32 = 1 << 30;

/// What a row holds of each bucket.
const COUNT_BITS: usize = 2;
const COUNT_MAX: u8 = (1 << COUNT_BITS) - 1;
/// Twelve buckets, and the peak beside them.
const COUNTS_BITS: usize = 12 * COUNT_BITS;
const PEAK_MAX: u16 = (1 << (32 - COUNTS_BITS)) - 1;

/// What is remembered of visitors.
#[derive(Debug, Clone, Default)]
pub struct Velocities {
    rows: Tables<2, 4>,
    /// Of whom a row holds too little: mostly who clicked more often than [`COUNT_MAX`] within five minutes.
    heavy: HashMap<Visitor, Velocity>,
}

impl Velocities {
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn get(&self, visitor: &Visitor) -> Option<Velocity> {
        self.rows.get(&tables::words(visitor.0)).map(|row| velocity_of(row, &self.heavy))
    }

    pub fn contains_key(&self, visitor: &Visitor) -> bool {
        self.rows.find(&tables::words(visitor.0)).is_ok()
    }

    pub fn insert(&mut self, visitor: Visitor, velocity: Velocity) {
        self.change(visitor, |known| *known = velocity);
    }

    /// Changes what is known, which is nothing where nothing is there. What was there before.
    pub(super) fn change(&mut self, visitor: Visitor, change: impl FnOnce(&mut Velocity)) -> Option<Velocity> {
        let words = tables::words(visitor.0);
        let found = self.rows.find(&words);
        let row_before = found.ok().map(|place| *self.rows.row(place));
        let before = row_before.as_ref().map(|row| velocity_of(row, &self.heavy));
        let mut velocity = before.unwrap_or_default();
        change(&mut velocity);
        let row = row(words, &velocity);
        match found {
            Ok(place) => self.rows.replace(place, row),
            Err(place) => self.rows.fill(place, row),
        }
        if is_heavy(&row) {
            self.heavy.insert(visitor, velocity);
        } else if row_before.as_ref().is_some_and(is_heavy) {
            self.heavy.remove(&visitor);
        }
        before
    }

    pub fn remove(&mut self, visitor: &Visitor) -> Option<Velocity> {
        let row = self.rows.remove(&tables::words(visitor.0))?;
        let velocity = velocity_of(&row, &self.heavy);
        self.heavy.remove(visitor);
        Some(velocity)
    }

    /// In no order.
    pub fn iter(&self) -> impl Iterator<Item = (Visitor, Velocity)> {
        self.rows.iter().map(|row| (visitor_of(row), velocity_of(row, &self.heavy)))
    }

    pub fn values(&self) -> impl Iterator<Item = Velocity> {
        self.iter().map(|(_, velocity)| velocity)
    }

    /// Forgets the others, and gives back the room that they took.
    pub fn retain(&mut self, keep: impl Fn(&Velocity) -> bool) {
        let Velocities { rows, heavy } = self;
        rows.retain(|row| keep(&velocity_of(row, heavy)).then_some(*row));
        heavy.retain(|_, velocity| keep(velocity));
        if heavy.capacity() > 2 * heavy.len() {
            heavy.shrink_to_fit();
        }
    }

    /// See [`Tables::look_ahead`].
    pub fn look_ahead(&self, visitor: &Visitor) -> u32 {
        self.rows.look_ahead(&tables::words(visitor.0))
    }
}

impl Extend<(Visitor, Velocity)> for Velocities {
    fn extend<T: IntoIterator<Item = (Visitor, Velocity)>>(&mut self, visitors: T) {
        for (visitor, velocity) in visitors {
            self.insert(visitor, velocity);
        }
    }
}

impl FromIterator<(Visitor, Velocity)> for Velocities {
    fn from_iter<T: IntoIterator<Item = (Visitor, Velocity)>>(visitors: T) -> Velocities {
        let mut all = Velocities::default();
        all.extend(visitors);
        all
    }
}

impl PartialEq for Velocities {
    fn eq(&self, other: &Velocities) -> bool {
        self.len() == other.len() && self.iter().all(|(visitor, velocity)| other.get(&visitor) == Some(velocity))
    }
}

impl Eq for Velocities {}

fn visitor_of(row: &Row<4>) -> Visitor {
    Visitor(tables::key(row))
}

fn is_heavy(row: &Row<4>) -> bool {
    row[3] & HEAVY != 0
}

fn row([a, b]: [u32; 2], velocity: &Velocity) -> Row<4> {
    let Velocity { newest, counts, peak } = velocity;
    if counts.iter().any(|count| *count > COUNT_MAX) || *peak > PEAK_MAX || *newest >= HEAVY {
        return [a, b, 0, THERE | HEAVY];
    }
    let counts = counts.iter().rev().fold(0, |all, count| all << COUNT_BITS | u32::from(*count));
    [a, b, u32::from(*peak) << COUNTS_BITS | counts, THERE | *newest]
}

fn velocity_of(row: &Row<4>, heavy: &HashMap<Visitor, Velocity>) -> Velocity {
    if is_heavy(row) {
        return *heavy.get(&visitor_of(row)).expect("one that a row does not hold is beside it");
    }
    let counts = std::array::from_fn(|bucket| (row[2] >> (bucket * COUNT_BITS)) as u8 & COUNT_MAX);
    Velocity { newest: row[3] & (HEAVY - 1), counts, peak: (row[2] >> COUNTS_BITS) as u16 }
}

#[cfg(test)]
mod tests {
    use hashbrown::HashMap;
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn counts() -> impl Strategy<Value = [u8; 12]> {
        prop_oneof![any::<[u8; 12]>().prop_map(|counts| counts.map(|count| count & COUNT_MAX)), any::<[u8; 12]>()]
    }

    /// Also such as no row holds.
    fn newest() -> impl Strategy<Value = u32> {
        prop_oneof![0..HEAVY, any::<u32>()]
    }

    #[test]
    fn a_visitor_takes_few_bytes() {
        let visitors = 200_000_u64;
        let once = Velocity { newest: 6_000_000, counts: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], peak: 1 };
        let packed: Velocities = (0..visitors).map(|n| (Visitor(n), once)).collect();
        assert!(packed.heavy.is_empty());
        let bytes = packed.rows.room() * size_of::<Row<4>>();
        assert!(bytes as u64 <= 28 * visitors, "{bytes}");
    }

    /// At the edge of what a row holds, in and out of it.
    #[test]
    fn what_a_row_does_not_hold_is_beside_it() {
        let mut packed = Velocities::default();
        let mut check = |newest, count, peak, heavy| {
            let velocity = Velocity { newest, counts: [count; 12], peak };
            packed.insert(Visitor(1), velocity);
            assert_eq!((packed.get(&Visitor(1)), packed.heavy.len()), (Some(velocity), heavy), "{velocity:?}");
        };
        check(HEAVY - 1, COUNT_MAX, PEAK_MAX, 0);
        check(HEAVY, COUNT_MAX, PEAK_MAX, 1);
        check(0, 0, 0, 0);
        check(0, COUNT_MAX + 1, 0, 1);
        check(u32::MAX, u8::MAX, u16::MAX, 1);
        check(0, COUNT_MAX, PEAK_MAX, 0);
        check(0, 0, PEAK_MAX + 1, 1);
        packed.remove(&Visitor(1));
        assert!(packed.is_empty() && packed.heavy.is_empty());
    }

    proptest! {
        /// The same as a map, whatever is done.
        #[test]
        fn they_are_remembered_as_in_a_map(
            steps in vec((0_u8..8, 0_u64..256, newest(), counts(), prop_oneof![0_u16..40, any::<u16>()]), 0..3_000),
        ) {
            let (mut packed, mut plain) = (Velocities::default(), HashMap::new());
            for (what, visitor, newest, counts, peak) in steps {
                let velocity = Velocity { newest, counts, peak };
                // Some differ in one word of two.
                let visitor = Visitor((visitor >> 4) << 32 | visitor & 15);
                match what {
                    0 => prop_assert_eq!(packed.remove(&visitor), plain.remove(&visitor)),
                    1 => prop_assert_eq!(packed.get(&visitor), plain.get(&visitor).copied()),
                    2 if newest % 16 == 0 => {
                        packed.retain(|known| known.newest > newest);
                        plain.retain(|_, known: &mut Velocity| known.newest > newest);
                    }
                    3..6 => {
                        let changed = packed.change(visitor, |known| known.peak ^= peak);
                        prop_assert_eq!(changed, plain.get(&visitor).copied());
                        plain.entry(visitor).or_default().peak ^= peak;
                    }
                    _ => {
                        packed.insert(visitor, velocity);
                        plain.insert(visitor, velocity);
                    }
                }
            }
            prop_assert_eq!(packed.len(), plain.len());
            let heavy = plain.iter().filter(|(visitor, known)| is_heavy(&row(tables::words(visitor.0), known))).count();
            prop_assert_eq!(packed.heavy.len(), heavy, "what a row holds is nowhere else");
            prop_assert_eq!(packed.iter().collect::<HashMap<_, _>>(), plain);
        }
    }
}
