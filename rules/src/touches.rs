//! What is remembered of clicks for attribution: a pure function of the log's prefix, whoever works it out.

use hashbrown::HashMap;
use schemas::{
    ids::{EventId, LinkId, Position},
    receipt::Receipt,
    time::{HOUR_MS, MINUTE_MS, TimeMs},
};

mod before;
mod seen;
mod tables;
mod velocities;

pub use before::Before;
pub use seen::SeenIds;
pub use velocities::Velocities;

/// How long an event id is remembered.
pub const SEEN_FOR_MS: i64 = HOUR_MS;

/// A counted click.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touch {
    pub receipt: Receipt,
    pub event: EventId,
    pub position: Position,
    /// Its edge's stamp, but at most the log's append time.
    pub at: TimeMs,
}

impl Touch {
    /// Which of two is newer: by time, then by place in the log.
    pub fn order(&self) -> (TimeMs, Position) {
        (self.at, self.position)
    }
}

/// What is remembered of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinkTouch {
    pub first: Option<Touch>,
    pub last: Option<Touch>,
    /// The latest time of a sale of this link that is unattributed or parked.
    pub awaiting_until: Option<TimeMs>,
}

/// What must not count twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SeenId {
    /// A record's own id: a second record is a copy.
    Event(EventId),
    /// A client's event id on a link: a second click is a duplicate.
    Client(ClientId),
}

/// xxh3 of link and event id's hash. Where four million come to an owner in each hour, one is taken for another once in about 130 years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub position: Position,
    pub at: TimeMs,
}

/// Whose clicks on what: xxh3 of link and cut address. Of a million within two hours two are counted together once in about 8,000 years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Visitor(pub u64);

/// Clicks of one address on one link in buckets of five minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Velocity {
    /// Number of the newest bucket (time / five minutes).
    pub newest: u32,
    /// The newest twelve buckets, the newest first, each stopping at 255.
    pub counts: [u8; 12],
    /// The most clicks within an hour so far.
    pub peak: u16,
}

pub const VELOCITY_BUCKET_MS: i64 = 5 * MINUTE_MS;

/// The three memories, whole (an owner's) or for one batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Touches {
    pub links: HashMap<LinkId, LinkTouch>,
    pub seen: SeenIds,
    pub velocity: Velocities,
}

impl SeenId {
    pub fn of_client(link: LinkId, event_id_hash: u64) -> SeenId {
        SeenId::Client(ClientId(link.hash_with(event_id_hash)))
    }
}

impl Visitor {
    pub fn of(link: LinkId, address_cut: u64) -> Visitor {
        Visitor(link.hash_with(address_cut))
    }
}

impl Velocity {
    /// Takes in a click; one older than the newest twelve buckets changes nothing.
    pub fn add(&mut self, at: TimeMs) {
        let bucket = Velocity::bucket_of(at);
        let ahead = (bucket.saturating_sub(self.newest) as usize).min(self.counts.len());
        if ahead > 0 {
            self.counts.rotate_right(ahead);
            self.counts[..ahead].fill(0);
            self.newest = bucket;
        }
        let age = (self.newest - bucket) as usize;
        if let Some(count) = self.counts.get_mut(age) {
            *count = count.saturating_add(1);
        }
        let within_hour: u16 = self.counts.iter().map(|count| u16::from(*count)).sum();
        self.peak = self.peak.max(within_hour);
    }

    /// When its newest bucket begins.
    pub fn newest_at(&self) -> TimeMs {
        TimeMs(i64::from(self.newest) * VELOCITY_BUCKET_MS)
    }

    fn bucket_of(at: TimeMs) -> u32 {
        u32::try_from(at.0.div_euclid(VELOCITY_BUCKET_MS).max(0)).unwrap_or(u32::MAX)
    }
}

impl Touches {
    /// Takes in a counted click of this link and address. What was known of the address before it.
    pub fn remember(&mut self, link: LinkId, touch: Touch) -> Option<Velocity> {
        let known = self.links.entry(link).or_default();
        if known.last.is_none_or(|last| last.order() < touch.order()) {
            known.last = Some(touch);
        }
        if known.first.is_none_or(|first| touch.order() < first.order()) {
            known.first = Some(touch);
        }
        let visitor = Visitor::of(link, touch.receipt.fields().address_cut);
        self.velocity.change(visitor, |velocity| velocity.add(touch.at))
    }

    /// Carries an address's count over midnight, when its hash changes. Whether there was something to carry.
    pub fn carry_over(&mut self, before: Visitor, now: Visitor) -> bool {
        if !self.velocity.contains_key(&now)
            && let Some(velocity) = self.velocity.get(&before)
        {
            self.velocity.insert(now, velocity);
            return true;
        }
        false
    }

    /// Takes in an event id; only the earliest place in the log stands. What was known of it before, where that changes.
    pub fn see(&mut self, id: SeenId, seen: Seen) -> Option<Option<Seen>> {
        let is_first = |known: &Seen| seen.at.since_ms(known.at) > SEEN_FOR_MS || seen.position < known.position;
        self.seen.replace_if(id, seen, is_first)
    }

    /// Where the id was first seen, if that is remembered and comes before `position` in the log.
    pub fn seen_before(&self, id: SeenId, position: Position, at: TimeMs) -> Option<Seen> {
        let first = self.seen.get(&id)?;
        (first.position < position && at.since_ms(first.at) <= SEEN_FOR_MS).then_some(first)
    }

    /// Notes that a sale of this link at this time waits for a click.
    pub fn await_click(&mut self, link: LinkId, at: TimeMs) {
        let known = self.links.entry(link).or_default();
        known.awaiting_until = known.awaiting_until.max(Some(at));
    }
}
