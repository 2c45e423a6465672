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
