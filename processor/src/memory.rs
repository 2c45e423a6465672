use std::{collections::BTreeMap, hint::black_box};

use hashbrown::HashSet;
use metrics::counter;
use rules::{
    Effect,
    touches::{Before, SEEN_FOR_MS, Seen, SeenId, Touches, Velocity, Visitor},
};
use schemas::{ids::LinkId, time::TimeMs};
use stores::touches::{RECENT_FOR_MS, TouchDelta};

/// Event ids that are remembered at the most; the oldest go first.
pub(crate) const SEEN_MAX: usize = 4_000_000;

/// Addresses on links whose clicks are counted at the most.
pub(crate) const VISITORS_MAX: usize = 1_000_000;

/// Of what is too much all goes together that is of one such step.
const FORGET_STEP_MS: i64 = 1_000;

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
    /// One is there as often as it has changed since they were last told apart.
    visitors: Vec<Visitor>,
    /// How many there were when they last were.
    distinct: usize,
}

/// So many changes of visitors at least stand together before each is looked for among them.
const VISITORS_UNSORTED: usize = 65_536;

/// So many look-ups are under way at once.
pub(crate) const LOOKED_AHEAD: usize = 32;

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
        self.changed.add_visitors(self.before.visitors());
        self.before.clear();
    }

    pub(crate) fn not_committed(&mut self) {
        self.before.put_back(&mut self.touches);
    }

    /// Takes in what a batch that was committed long ago remembers.
    pub(crate) fn take_in(&mut self, effect: &Effect) {
        match effect {
            Effect::Remember { link, touch, address_before } => {
                let now = Visitor::of(*link, touch.receipt.fields().address_cut);
                if let Some(before) = address_before {
                    self.touches.carry_over(Visitor::of(*link, before.cut()), now);
                }
                self.touches.remember(*link, *touch);
                self.changed.links.insert(*link);
                self.changed.add_visitors([now]);
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
        let Changed { links: changed, seen: ids, visitors, .. } = &self.saving;
        TouchDelta {
            links: changed.iter().filter_map(|link| Some((*link, *links.get(link)?))).collect(),
            seen: look_up(ids, |id| seen.look_ahead(id), |id| seen.get(id)),
            velocity: look_up(visitors, |visitor| velocity.look_ahead(visitor), |visitor| velocity.get(visitor)),
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
        let Changed { links, seen, visitors, .. } = std::mem::take(&mut self.saving);
        self.changed.links.extend(links);
        self.changed.seen.extend(seen);
        self.changed.add_visitors(visitors);
    }

    fn take_changed(&mut self) -> Changed {
        self.changed.tell_visitors_apart();
        std::mem::take(&mut self.changed)
    }

    /// Forgets what is too old to matter at `now`, and the oldest of what is too much.
    pub(crate) fn forget(&mut self, now: TimeMs) {
        self.touches.seen.retain(|seen| now.since_ms(seen.at) <= SEEN_FOR_MS);
        let newest = |velocity: &Velocity| velocity.newest_at().0;
        self.touches.velocity.retain(|velocity| now.0 - newest(velocity) <= RECENT_FOR_MS);
        let Touches { seen, velocity, .. } = &mut self.touches;
        let (ids, visitors) = (seen.len(), velocity.len());
        if let Some(limit) = oldest_over(SEEN_MAX, ids, FORGET_STEP_MS, seen.values().map(|seen| seen.at.0)) {
            seen.retain(|seen| seen.at.0 > limit);
        }
        let newest_of_all = velocity.values().map(|velocity| newest(&velocity));
        if let Some(limit) = oldest_over(VISITORS_MAX, visitors, FORGET_STEP_MS, newest_of_all) {
            velocity.retain(|velocity| newest(velocity) > limit);
        }
        let (seen_too_many, visitors_too_many) = ((ids - seen.len()) as u64, (visitors - velocity.len()) as u64);
        // While nothing can be saved, what is to be saved must not outgrow what is remembered.
        let Memory { touches, changed, .. } = self;
        changed.seen.retain(|id| touches.seen.contains_key(id));
        changed.tell_visitors_apart();
        changed.visitors.retain(|visitor| touches.velocity.contains_key(visitor));
        changed.distinct = changed.visitors.len();
        counter!("refmill_touches_dropped_total", "what" => "event_id").increment(seen_too_many);
        counter!("refmill_touches_dropped_total", "what" => "address").increment(visitors_too_many);
    }
}

impl Changed {
    /// There are never more of them than three times the visitors, and [`VISITORS_UNSORTED`].
    fn add_visitors(&mut self, visitors: impl IntoIterator<Item = Visitor>) {
        self.visitors.extend(visitors);
        if self.visitors.len() > VISITORS_UNSORTED + 2 * self.distinct {
            self.tell_visitors_apart();
        }
    }

    fn tell_visitors_apart(&mut self) {
        self.visitors.sort_unstable();
        self.visitors.dedup();
        self.distinct = self.visitors.len();
    }
}

/// What is there of these; those that are looked up next are on their way from memory meanwhile.
fn look_up<K: Copy, V>(keys: &[K], look_ahead: impl Fn(&K) -> u32, get: impl Fn(&K) -> Option<V>) -> Vec<(K, V)> {
    let mut found = Vec::with_capacity(keys.len());
    for keys in keys.chunks(LOOKED_AHEAD) {
        black_box(keys.iter().fold(0, |read, key| read ^ look_ahead(key)));
        found.extend(keys.iter().filter_map(|key| Some((*key, get(key)?))));
    }
    found
}

/// Up to which time there are at least as many as are over `max`, on or just before a whole step.
fn oldest_over(max: usize, count: usize, step_ms: i64, times_ms: impl Iterator<Item = i64>) -> Option<i64> {
    let over = count.checked_sub(max).filter(|over| *over > 0)?;
    let mut steps = BTreeMap::<i64, usize>::new();
    times_ms.for_each(|time| *steps.entry(time.div_euclid(step_ms)).or_default() += 1);
    let mut older = 0;
    let (last, _) = steps.iter().find(|(_, n)| {
        older += **n;
        older >= over
    })?;
    Some((last + 1) * step_ms - 1)
}

#[cfg(test)]
mod tests {
    use schemas::ids::{EventId, Position};

    use super::*;

    #[test]
    fn the_oldest_go_first() {
        assert_eq!(oldest_over(7, 10, 1, 0..10), Some(2));
        assert_eq!(oldest_over(7, 10, 1, [5; 10].into_iter()), Some(5));
        assert_eq!(oldest_over(10, 10, 1, 0..10), None);
        assert_eq!(oldest_over(7, 10, 4, 0..10), Some(3), "the fourth with the third, as one step");
        assert_eq!(oldest_over(5, 10, 4, 0..10), Some(7));
        assert_eq!(oldest_over(1, 3, 4, [-5, -4, 9].into_iter()), Some(-1));
    }

    #[test]
    fn a_visitor_that_comes_again_and_again_is_kept_to_be_saved_once() {
        let visitor = |n: usize| Visitor(n as u64 % 100);
        let mut changed = Changed::default();
        (0..10 * VISITORS_UNSORTED).for_each(|n| changed.add_visitors([visitor(n)]));
        assert!(changed.visitors.len() <= VISITORS_UNSORTED + 200, "{}", changed.visitors.len());
        changed.tell_visitors_apart();
        assert_eq!(changed.visitors, (0..100).map(visitor).collect::<Vec<_>>());
    }

    #[test]
    fn a_visitor_that_was_not_saved_is_still_to_be() {
        let mut memory = Memory::default();
        let visitor = Visitor(2);
        memory.touches.velocity.insert(visitor, Velocity { newest: 10, ..Velocity::default() });
        memory.changed.add_visitors([visitor]);
        for _ in 0..2 {
            assert_eq!(memory.begin_save().velocity.len(), 1);
            memory.not_saved();
        }
        let newest_at = memory.touches.velocity.get(&visitor).expect("it is there").newest_at();
        memory.forget(newest_at.plus_ms(RECENT_FOR_MS));
        assert_eq!(memory.begin_save().velocity.len(), 1);
        memory.not_saved();
        memory.forget(newest_at.plus_ms(RECENT_FOR_MS + 1));
        assert!(memory.touches.velocity.is_empty() && memory.changed.visitors.is_empty(), "nor is it kept to be saved");
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
