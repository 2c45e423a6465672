use hashbrown::HashSet;
use metrics::counter;
use rules::{
    Effect,
    touches::{Before, SEEN_FOR_MS, Seen, SeenId, Touches, Visitor},
};
use schemas::{ids::LinkId, time::TimeMs};
use stores::touches::{RECENT_FOR_MS, TouchDelta};

/// Event ids that are remembered at the most; the oldest go first.
pub(crate) const SEEN_MAX: usize = 4_000_000;

/// Addresses on links whose clicks are counted at the most.
pub(crate) const VISITORS_MAX: usize = 1_000_000;

/// What the owner remembers of clicks, and what of it has changed since it was saved.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) touches: Touches,
    /// What of them a batch that is not committed yet has changed.
    before: Before,
    changed: Changed,
    /// What a save that is under way took along.
    saving: Changed,
}

#[derive(Default)]
struct Changed {
    links: HashSet<LinkId>,
    /// One is there twice where it was forgotten and seen again.
    seen: Vec<SeenId>,
    visitors: HashSet<Visitor>,
}

impl Memory {
    pub(crate) fn new(touches: Touches) -> Memory {
        Memory { touches, ..Memory::default() }
    }

    /// Gives the touches away to be decided on; [`Memory::decided`] brings them back before anything is waited for.
    pub(crate) fn lend(&mut self) -> (Touches, Before) {
        (std::mem::take(&mut self.touches), std::mem::take(&mut self.before))
    }

    /// As a batch has left them. [`Memory::committed`] or [`Memory::not_committed`] follows.
    pub(crate) fn decided(&mut self, touches: Touches, before: Before) {
        (self.touches, self.before) = (touches, before);
    }

    pub(crate) fn committed(&mut self) {
        self.changed.links.extend(self.before.links());
        self.changed.seen.extend(self.before.ids());
        self.changed.visitors.extend(self.before.visitors());
        self.before.clear();
    }

    pub(crate) fn not_committed(&mut self) {
        self.before.put_back(&mut self.touches);
    }

    /// Takes in what a batch that was committed long ago remembers.
    pub(crate) fn take_in(&mut self, effect: &Effect) {
        match effect {
            Effect::Remember { link, touch, address_before } => {
                let now = Visitor { link: *link, address_cut: touch.receipt.fields().address_cut };
                if let Some(before) = address_before {
                    self.touches.carry_over(Visitor { link: *link, address_cut: before.cut() }, now);
                }
                self.touches.remember(*link, *touch);
                self.changed.links.insert(*link);
                self.changed.visitors.insert(now);
            }
            Effect::See { id, position, at } => {
                let is_new = self.touches.see(*id, Seen { position: *position, at: *at }).is_some();
                self.changed.seen.extend(is_new.then_some(*id));
            }
            Effect::Await { link, at, .. } => {
                self.touches.await_click(*link, *at);
                self.changed.links.insert(*link);
            }
            _ => {}
        }
    }

    /// What has changed since it was saved, as it is now; [`Memory::saved`] or [`Memory::not_saved`] follows.
    pub(crate) fn begin_save(&mut self) -> TouchDelta {
        self.saving = self.take_changed();
        let Touches { links, seen, velocity } = &self.touches;
        let Changed { links: changed, seen: ids, visitors } = &self.saving;
        TouchDelta {
            links: changed.iter().filter_map(|link| Some((*link, *links.get(link)?))).collect(),
            seen: ids.iter().filter_map(|id| Some((*id, seen.get(id)?))).collect(),
            velocity: visitors.iter().filter_map(|visitor| Some((*visitor, *velocity.get(visitor)?))).collect(),
        }
    }

    /// All of it, with what has changed.
    pub(crate) fn begin_whole_save(&mut self) -> Touches {
        self.saving = self.take_changed();
        self.touches.clone()
    }

    pub(crate) fn saved(&mut self) {
        self.saving = Changed::default();
    }

    /// What was to be saved is still to be.
    pub(crate) fn not_saved(&mut self) {
        let Changed { links, seen, visitors } = std::mem::take(&mut self.saving);
        self.changed.links.extend(links);
        self.changed.seen.extend(seen);
        self.changed.visitors.extend(visitors);
    }

    fn take_changed(&mut self) -> Changed {
        std::mem::take(&mut self.changed)
    }

    /// Forgets what is too old to matter at `now`, and the oldest of what is too much.
    pub(crate) fn forget(&mut self, now: TimeMs) {
        self.touches.seen.retain(|seen| now.since_ms(seen.at) <= SEEN_FOR_MS);
        let newest = |velocity: &rules::touches::Velocity| velocity.newest * rules::touches::VELOCITY_BUCKET_MS;
        self.touches.velocity.retain(|_, velocity| now.0 - newest(velocity) <= RECENT_FOR_MS);
        let Touches { seen, velocity, .. } = &mut self.touches;
        let (ids, visitors) = (seen.len(), velocity.len());
        if let Some(limit) = oldest_over(SEEN_MAX, ids, seen.values().map(|seen| seen.at.0)) {
            seen.retain(|seen| seen.at.0 > limit);
        }
        if let Some(limit) = oldest_over(VISITORS_MAX, visitors, velocity.values().map(newest)) {
            velocity.retain(|_, velocity| newest(velocity) > limit);
        }
        let (seen_too_many, visitors_too_many) = ((ids - seen.len()) as u64, (visitors - velocity.len()) as u64);
        // While nothing can be saved, what is to be saved must not outgrow what is remembered.
        let Memory { touches, changed, .. } = self;
        changed.seen.retain(|id| touches.seen.contains_key(id));
        changed.visitors.retain(|visitor| touches.velocity.contains_key(visitor));
        counter!("refmill_touches_dropped_total", "what" => "event_id").increment(seen_too_many);
        counter!("refmill_touches_dropped_total", "what" => "address").increment(visitors_too_many);
    }
}

/// Up to which age there are at least as many as are over `max`.
fn oldest_over(max: usize, count: usize, ages: impl Iterator<Item = i64>) -> Option<i64> {
    let over = count.checked_sub(max).filter(|over| *over > 0)?;
    let mut ages: Vec<i64> = ages.collect();
    let (_, limit, _) = ages.select_nth_unstable(over - 1);
    Some(*limit)
}

#[cfg(test)]
mod tests {
    use schemas::ids::{EventId, Position};

    use super::*;

    #[test]
    fn the_oldest_go_first() {
        assert_eq!(oldest_over(7, 10, 0..10), Some(2));
        assert_eq!(oldest_over(7, 10, [5; 10].into_iter()), Some(5));
        assert_eq!(oldest_over(10, 10, 0..10), None);
    }

    #[test]
    fn an_event_id_is_forgotten_after_an_hour() {
        let mut memory = Memory::default();
        let id = SeenId::Event(EventId(7));
        memory.take_in(&Effect::See { id, position: Position { partition: 0, offset: 1 }, at: TimeMs(0) });
        memory.forget(TimeMs(SEEN_FOR_MS));
        assert_eq!(memory.begin_save().seen.len(), 1);
        memory.not_saved();
        assert_eq!(memory.begin_save().seen.len(), 1, "what was not saved is still to be");
        memory.not_saved();
        memory.forget(TimeMs(SEEN_FOR_MS + 1));
        assert!(memory.touches.seen.is_empty() && memory.changed.seen.is_empty(), "nor is it kept to be saved");
    }
}
