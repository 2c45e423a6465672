//! Which click of a code counts: the window, its edges, and first or last.

use schemas::{ids::LinkId, terms::Selector, time::TimeMs};

use crate::{
    Known,
    case::Case,
    touches::{LinkTouch, Touch},
};

/// Clicks at both of its edges are inside.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) from: TimeMs,
    pub(super) until: TimeMs,
}

impl Window {
    pub(super) fn of(case: &Case<'_>, window_days: u32) -> Window {
        let length_ms = i64::from(window_days) * schemas::time::DAY_MS;
        Window { from: case.at().plus_ms(-length_ms), until: case.clicks_until() }
    }

    fn holds(&self, touch: &Touch) -> bool {
        (self.from..=self.until).contains(&touch.at)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pick {
    Inside(Touch),
    /// The newest before the window, which has none.
    Outside(Touch),
    NoClick,
    /// Memory holds the first and the last click alone, and it could be one between them.
    CannotTell,
}

/// The click of the link that counts, by what facts hold or else by what is remembered.
pub(super) fn pick(known: &Known, case: &Case<'_>, link: LinkId, window: Window, selector: Selector) -> Pick {
    if let Some(facts) = case.facts {
        let looked_at = |touch: &&Touch| touch.receipt.fields().link == link && touch.position.offset < facts.up_to;
        let of_link = facts.clicks.iter().filter(looked_at);
        return from_all(of_link, window, selector);
    }
    match known.touches.links.get(&link) {
        Some(LinkTouch { first: Some(first), last: Some(last), .. }) => from_ends(first, last, window, selector),
        _ => Pick::NoClick,
    }
}

fn from_all<'a>(touches: impl Iterator<Item = &'a Touch>, window: Window, selector: Selector) -> Pick {
    let mut before: Vec<&Touch> = touches.filter(|touch| touch.at <= window.until).collect();
    before.sort_by_key(|touch| touch.order());
    let newest = before.last().copied().copied();
    let mut inside = before.into_iter().filter(|touch| window.holds(touch));
    let chosen = match selector {
        Selector::First => inside.next(),
        Selector::Last => inside.next_back(),
    };
    match (chosen, newest) {
        (Some(touch), _) => Pick::Inside(*touch),
        (None, Some(touch)) => Pick::Outside(touch),
        (None, None) => Pick::NoClick,
    }
}

fn from_ends(first: &Touch, last: &Touch, window: Window, selector: Selector) -> Pick {
    if first.at > window.until {
        return Pick::NoClick;
    }
    if last.at < window.from {
        return Pick::Outside(*last);
    }
    match selector {
        Selector::Last if window.holds(last) => Pick::Inside(*last),
        Selector::First if window.holds(first) => Pick::Inside(*first),
        _ => Pick::CannotTell,
    }
}
