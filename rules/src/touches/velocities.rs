//! Clicks of addresses on links. There are nearly as many as there are clicks, so they stand in rows of 36 bytes.

use schemas::ids::LinkId;

use super::{
    Velocity, Visitor,
    tables::{KIND_SHIFT, Key, Row, Tables},
};

/// There is no other.
const VISITOR: u32 = 1;

/// What is remembered of visitors.
#[derive(Debug, Clone, Default)]
pub struct Velocities {
    rows: Tables<9>,
}

impl Velocities {
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn get(&self, visitor: &Visitor) -> Option<Velocity> {
        self.rows.get(&key(visitor)).map(velocity_of)
    }

    pub fn contains_key(&self, visitor: &Visitor) -> bool {
        self.rows.find(&key(visitor)).is_ok()
    }

    pub fn insert(&mut self, visitor: Visitor, velocity: Velocity) {
        self.change(visitor, |known| *known = velocity);
    }

    /// Changes what is known, which is nothing where nothing is there. What was there before.
    pub(super) fn change(&mut self, visitor: Visitor, change: impl FnOnce(&mut Velocity)) -> Option<Velocity> {
        let key = key(&visitor);
        match self.rows.find(&key) {
            Ok(place) => {
                let before = velocity_of(self.rows.row(place));
                let mut velocity = before;
                change(&mut velocity);
                self.rows.replace(place, row(&key, &velocity));
                Some(before)
            }
            Err(place) => {
                let mut velocity = Velocity::default();
                change(&mut velocity);
                self.rows.fill(place, row(&key, &velocity));
                None
            }
        }
    }

    pub fn remove(&mut self, visitor: &Visitor) -> Option<Velocity> {
        self.rows.remove(&key(visitor)).map(|row| velocity_of(&row))
    }

    /// In no order.
    pub fn iter(&self) -> impl Iterator<Item = (Visitor, Velocity)> {
        self.rows.iter().map(|row| (visitor_of(row), velocity_of(row)))
    }

    pub fn values(&self) -> impl Iterator<Item = Velocity> {
        self.rows.iter().map(velocity_of)
    }

    /// Forgets the others, and gives back the room that they took.
    pub fn retain(&mut self, keep: impl Fn(&Velocity) -> bool) {
        self.rows.retain(|row| keep(&velocity_of(row)).then_some(*row));
    }

    /// See [`Tables::look_ahead`].
    pub fn look_ahead(&self, visitor: &Visitor) -> u32 {
        self.rows.look_ahead(&key(visitor))
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

fn key(visitor: &Visitor) -> Key {
    Key { high: visitor.link.0, low: visitor.address_cut, kind: VISITOR }
}

fn visitor_of(row: &Row<9>) -> Visitor {
    let Key { high, low, .. } = Key::of(row);
    Visitor { link: LinkId(high), address_cut: low }
}

fn row(key: &Key, velocity: &Velocity) -> Row<9> {
    let Velocity { newest, counts, peak } = velocity;
    let [a, b, c, d] = key.words();
    let [e, f, g] = [0, 4, 8].map(|from| u32::from_ne_bytes([0, 1, 2, 3].map(|byte| counts[from + byte])));
    [a, b, c, d, e, f, g, *newest, VISITOR << KIND_SHIFT | u32::from(*peak)]
}

fn velocity_of(row: &Row<9>) -> Velocity {
    let mut counts = [0; 12];
    for (four, word) in counts.as_chunks_mut::<4>().0.iter_mut().zip(&row[4..7]) {
        *four = word.to_ne_bytes();
    }
    Velocity { newest: row[7], counts, peak: row[8] as u16 }
}

#[cfg(test)]
mod tests {
    use hashbrown::HashMap;
    use proptest::{collection::vec, prelude::*};

    use super::*;

    proptest! {
        /// The same as a map, whatever is done.
        #[test]
        fn they_are_remembered_as_in_a_map(
            steps in vec((0_u8..8, 0_u64..256, any::<u32>(), any::<[u8; 12]>(), any::<u16>()), 0..3_000),
        ) {
            let (mut packed, mut plain) = (Velocities::default(), HashMap::new());
            for (what, visitor, newest, counts, peak) in steps {
                let velocity = Velocity { newest, counts, peak };
                // Some differ in one word of four.
                let [link_high, link, cut_high, cut] = [0, 2, 4, 6].map(|bit| visitor >> bit & 3);
                let visitor = Visitor { link: LinkId(link_high << 32 | link), address_cut: cut_high << 32 | cut };
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
            prop_assert_eq!(packed.iter().collect::<HashMap<_, _>>(), plain);
        }
    }
}
