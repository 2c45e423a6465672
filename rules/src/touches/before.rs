use std::hash::Hash;

use hashbrown::HashMap;
use schemas::ids::LinkId;

use super::{LinkTouch, Seen, SeenId, Touches, Velocity, Visitor};

/// What touches were before a batch was decided on them: one that is not committed leaves nothing behind.
#[derive(Debug, Default)]
pub struct Before {
    links: Vec<(LinkId, Option<LinkTouch>)>,
    seen: Vec<(SeenId, Option<Seen>)>,
    velocity: Vec<(Visitor, Option<Velocity>)>,
}

impl Before {
    pub(crate) fn link(&mut self, link: LinkId, before: Option<LinkTouch>) {
        self.links.push((link, before));
    }

    pub(crate) fn seen(&mut self, id: SeenId, before: Option<Seen>) {
        self.seen.push((id, before));
    }

    pub(crate) fn velocity(&mut self, visitor: Visitor, before: Option<Velocity>) {
        self.velocity.push((visitor, before));
    }

    /// What was changed, some of it more than once.
    pub fn links(&self) -> impl Iterator<Item = LinkId> {
        self.links.iter().map(|(link, _)| *link)
    }

    pub fn ids(&self) -> impl Iterator<Item = SeenId> {
        self.seen.iter().map(|(id, _)| *id)
    }

    pub fn visitors(&self) -> impl Iterator<Item = Visitor> {
        self.velocity.iter().map(|(visitor, _)| *visitor)
    }

    /// Makes the touches what they were, and forgets how; the last change goes first.
    pub fn put_back(&mut self, touches: &mut Touches) {
        put_back(&mut self.links, &mut touches.links);
        for (id, was) in self.seen.drain(..).rev() {
            match was {
                Some(was) => touches.seen.insert(id, was),
                None => touches.seen.remove(&id),
            };
        }
        put_back(&mut self.velocity, &mut touches.velocity);
    }

    /// Forgets what was: it stays as it is now.
    pub fn clear(&mut self) {
        self.links.clear();
        self.seen.clear();
        self.velocity.clear();
    }
}

fn put_back<K: Eq + Hash, V>(before: &mut Vec<(K, Option<V>)>, rows: &mut HashMap<K, V>) {
    for (key, was) in before.drain(..).rev() {
        match was {
            Some(was) => rows.insert(key, was),
            None => rows.remove(&key),
        };
    }
}

#[cfg(test)]
mod tests {
    use schemas::{
        hashes::AddressHash,
        ids::{CompanyId, ConversionId, EventId, Position},
        receipt::{Receipt, ReceiptFields, ReceiptKey, ReceiptKeyId, Visit},
        time::TimeMs,
    };

    use super::*;
    use crate::{Effect, Known, touches::Touch};

    /// All that a click and a sale that waits for one leave, at this place and time.
    fn effects(link: u64, n: u64) -> Vec<Effect> {
        let (link, at) = (LinkId(link), TimeMs(1_700_000_000_000 + n as i64));
        let fields = ReceiptFields {
            visit: Visit::Person,
            client_event_id: true,
            at,
            link,
            visitor: 0,
            address_cut: n % 2,
            event_id_hash: n,
        };
        let receipt = Receipt::sign(&ReceiptKey { id: ReceiptKeyId(0), secret: [7; 16] }, &fields);
        let position = Position { partition: 0, offset: n };
        let touch = Touch { receipt, event: EventId(n.into()), position, at };
        let id = SeenId::Client { link, event_id_hash: n % 4 };
        vec![
            Effect::Remember { link, touch, address_before: Some(AddressHash(1)) },
            Effect::See { id, position, at },
            Effect::Await { company: CompanyId(1), link, conversion: ConversionId(n.into()), at },
        ]
    }

    /// Whether a batch that `forgets` nothing of what was there can be put back.
    fn is_put_back(forgets: impl FnOnce(&mut Before)) -> bool {
        let mut known = Known::default();
        (10..14).for_each(|n| known.apply(&effects(1, n)));
        let wanted = known.touches.clone();
        known.before = Some(Before::default());
        // Known links and ids, some again and some from an earlier place, and new ones.
        [(1, 14), (1, 3), (2, 15), (2, 16), (1, 17)].into_iter().for_each(|(link, n)| known.apply(&effects(link, n)));
        assert_ne!(known.touches, wanted);
        let mut before = known.before.take().expect("it was given");
        forgets(&mut before);
        before.put_back(&mut known.touches);
        known.touches == wanted
    }

    #[test]
    fn a_batch_that_is_not_committed_leaves_nothing_behind() {
        assert!(is_put_back(|_| {}));
        let broken: [fn(&mut Before); 4] = [
            |before| before.links.clear(),
            |before| before.seen.clear(),
            |before| before.velocity.clear(),
            |before| before.links.reverse(),
        ];
        for (which, forgets) in broken.into_iter().enumerate() {
            assert!(!is_put_back(forgets), "control {which}");
        }
    }
}
