use hashbrown::HashMap;
use schemas::ids::LinkId;

use super::{LinkTouch, Seen, SeenId, Touches, Velocity, Visitor};

/// What touches were before a batch was decided on them: one that is not committed leaves nothing behind.
#[derive(Debug, Default)]
pub struct Before {
    /// A batch has many clicks of few links, and what is known of one is long: it is noted once.
    links: HashMap<LinkId, Option<LinkTouch>>,
    seen: Vec<(SeenId, Option<Seen>)>,
    velocity: Vec<(Visitor, Option<Velocity>)>,
}

impl Before {
    /// Before it is changed.
    pub(crate) fn link(&mut self, link: LinkId, touches: &Touches) {
        self.links.entry(link).or_insert_with(|| touches.links.get(&link).copied());
    }

    pub(crate) fn seen(&mut self, id: SeenId, before: Option<Seen>) {
        self.seen.push((id, before));
    }

    pub(crate) fn velocity(&mut self, visitor: Visitor, before: Option<Velocity>) {
        self.velocity.push((visitor, before));
    }

    pub fn links(&self) -> impl Iterator<Item = LinkId> {
        self.links.keys().copied()
    }

    /// What was changed, some of it more than once.
    pub fn ids(&self) -> impl Iterator<Item = SeenId> {
        self.seen.iter().map(|(id, _)| *id)
    }

    /// What was changed, some of it more than once.
    pub fn visitors(&self) -> impl Iterator<Item = Visitor> {
        self.velocity.iter().map(|(visitor, _)| *visitor)
    }

    /// Makes the touches what they were, and forgets how; the last change goes first.
    pub fn put_back(&mut self, touches: &mut Touches) {
        for (link, was) in self.links.drain() {
            match was {
                Some(was) => _ = touches.links.insert(link, was),
                None => _ = touches.links.remove(&link),
            }
        }
        for (id, was) in self.seen.drain(..).rev() {
            match was {
                Some(was) => _ = touches.seen.insert(id, was),
                None => _ = touches.seen.remove(&id),
            }
        }
        for (visitor, was) in self.velocity.drain(..).rev() {
            match was {
                Some(was) => touches.velocity.insert(visitor, was),
                None => _ = touches.velocity.remove(&visitor),
            }
        }
    }

    /// Forgets what was: it stays as it is now.
    pub fn clear(&mut self) {
        self.links.clear();
        self.seen.clear();
        self.velocity.clear();
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
        let id = SeenId::of_client(link, n % 4);
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
        // Known links and ids, some again and some from an earlier place, and new ones, one of them of an address that has clicked under
        // its hash of the day before.
        [(1, 14), (1, 3), (2, 16), (2, 15), (1, 17)].into_iter().for_each(|(link, n)| known.apply(&effects(link, n)));
        // A link that is waited for and nothing else.
        known.apply(&effects(3, 18)[2..]);
        assert_ne!(known.touches, wanted);
        let mut before = known.before.take().expect("it was given");
        forgets(&mut before);
        before.put_back(&mut known.touches);
        known.touches == wanted
    }

    #[test]
    fn a_batch_that_is_not_committed_leaves_nothing_behind() {
        assert!(is_put_back(|_| {}));
        let broken: [fn(&mut Before); 6] = [
            |before| before.links.clear(),
            |before| _ = before.links.remove(&LinkId(3)),
            // That it was carried over comes before that it has clicked.
            |before| {
                let carried = Visitor::of(LinkId(2), 1);
                let place = before.velocity.iter().position(|(visitor, _)| *visitor == carried);
                before.velocity.remove(place.expect("it was carried over"));
            },
            |before| before.seen.clear(),
            |before| before.velocity.clear(),
            |before| before.velocity.reverse(),
        ];
        for (which, forgets) in broken.into_iter().enumerate() {
            assert!(!is_put_back(forgets), "control {which}");
        }
    }
}
