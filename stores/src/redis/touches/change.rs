//! A change as rows, in parts that one call takes.

use rules::touches::{LinkTouch, Seen, SeenId, Touches, Velocity, Visitor};
use schemas::{
    ids::LinkId,
    time::{HOUR_MS, TimeMs},
};

use crate::touches::{TouchDelta, packed};

/// What one call brings at the most: about half a megabyte each, and what Lua takes as arguments of one command.
pub(super) const LINKS_A_CALL: usize = 2_000;
pub(super) const RECENT_A_CALL: usize = 10_000;

type Rows<'a, K, V> = Box<dyn Iterator<Item = (K, V)> + Send + 'a>;

/// Links, event ids and velocity as they are now.
pub(super) struct Change<'a> {
    links: Box<dyn ExactSizeIterator<Item = (LinkId, LinkTouch)> + Send + 'a>,
    seen: Rows<'a, SeenId, Seen>,
    velocity: Rows<'a, Visitor, Velocity>,
    /// Event ids and addresses in all.
    recent: usize,
    newest: Option<TimeMs>,
}

pub(super) enum Part {
    Links(Vec<Row>),
    Recent(Recent),
}

/// A field of a link and what it holds.
pub(super) type Row = ([u8; 8], Vec<u8>);

pub(super) struct Recent {
    /// Of the log's time.
    pub(super) hour: i64,
    pub(super) packed: Vec<u8>,
}

impl<'a> Change<'a> {
    pub(super) fn of_delta(delta: &'a TouchDelta) -> Change<'a> {
        let TouchDelta { links, seen, velocity } = delta;
        Change {
            newest: packed::newest(seen.iter().map(|(_, seen)| seen), velocity.iter().map(|(_, velocity)| velocity)),
            links: Box::new(links.iter().copied()),
            seen: Box::new(seen.iter().copied()),
            velocity: Box::new(velocity.iter().copied()),
            recent: seen.len() + velocity.len(),
        }
    }

    pub(super) fn of_all(touches: &'a Touches) -> Change<'a> {
        let Touches { links, seen, velocity } = touches;
        Change {
            newest: packed::newest(seen.values(), velocity.values()),
            links: Box::new(links.iter().map(|(link, known)| (*link, *known))),
            seen: Box::new(seen.iter()),
            velocity: Box::new(velocity.iter()),
            recent: seen.len() + velocity.len(),
        }
    }

    pub(super) fn fits_one_call(&self) -> bool {
        self.links.len() <= LINKS_A_CALL && self.recent <= RECENT_A_CALL
    }

    /// The next part; `to` is the offset that the change ends at.
    pub(super) fn next(&mut self, to: u64) -> Option<Part> {
        let links = self.next_links();
        if links.is_empty() { self.next_recent(to).map(Part::Recent) } else { Some(Part::Links(links)) }
    }

    pub(super) fn next_links(&mut self) -> Vec<Row> {
        let rows = self.links.by_ref().take(LINKS_A_CALL);
        rows.map(|(link, known)| (link.0.to_be_bytes(), packed::pack_link(&known))).collect()
    }

    /// Event ids and velocity behind their offset and the newest time of the whole change, by which they are put in
    /// order and dropped.
    pub(super) fn next_recent(&mut self, to: u64) -> Option<Recent> {
        let newest = self.newest?;
        let seen: Vec<_> = self.seen.by_ref().take(RECENT_A_CALL).collect();
        let velocity: Vec<_> = self.velocity.by_ref().take(RECENT_A_CALL - seen.len()).collect();
        if seen.is_empty() && velocity.is_empty() {
            return None;
        }
        let head = [to.to_be_bytes(), newest.0.to_be_bytes()];
        let packed = [head.as_flattened(), &packed::pack_recent(&seen, &velocity)].concat();
        Some(Recent { hour: newest.0.div_euclid(HOUR_MS), packed })
    }
}
