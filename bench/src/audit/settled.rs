//! Waiting until everything that was sent has arrived everywhere, and noting when.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::ensure;
use tokio::time::{Instant, sleep};

use crate::record::{Answers, Stage};

use super::{
    Places,
    acknowledged::{Acknowledged, Told},
    counts::{Counts, Stores, code},
    sent::due,
    store::Store,
};

/// Even a long backlog is worked off by then; who still has one can't be waited for.
const SETTLES_WITHIN: Duration = Duration::from_secs(600);

/// All that was sent is in the log.
pub(crate) const ENQUEUED: &str = "enqueued";

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// When nothing has moved for so long nothing more comes: longer than anything in the road waits before it tries again.
const QUIET: Duration = Duration::from_secs(6);

/// Before a load nothing may have moved for so long: longer than a record takes to be read, and than edges take to say what they refused.
const STILL: Duration = Duration::from_secs(2);

/// How far events had come when it was waited no longer.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    pub(crate) stages: Vec<Stage>,
    /// Places of the log that are not decided, or not in facts.
    pub(super) behind: i128,
    /// Events that wait for facts or for others.
    pub(super) waiting: i128,
}

/// How far everything is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Look {
    decided: i128,
    refused_by_edges: i128,
    behind: i128,
    waiting: i128,
    /// In facts, as far as sums tell.
    shown: i128,
    /// The log's own stamp of the latest of all partitions' last batches.
    appended_at_ms: i128,
}

/// When it was first seen to be as it is.
struct Seen {
    look: Look,
    decided_at: Instant,
    appended_at_ms: i128,
    shown_at: Option<Instant>,
    least_behind: i128,
    moved_at: Instant,
}

/// Waits until all that was acknowledged is posted and can be queried, within bounds, and until the edges have said what they
/// refused. To be called when the last answer is there.
pub(crate) async fn settled(
    places: &Places,
    before: &Counts,
    acknowledged: &Acknowledged,
    answers: &Answers,
    began_at: SystemTime,
) -> anyhow::Result<Settled> {
    let began = Instant::now();
    let stores = Stores::open(places).await?;
    let before = Look::at(before);
    let due = due(acknowledged);
    let seen = watch(&stores, |seen| {
        let came = seen.look.decided + seen.look.refused_by_edges - before.decided - before.refused_by_edges;
        due.is_some_and(|due| came == due)
    })
    .await?;
    let after_us =
        |at: Instant| answers.took_us.saturating_add(u64::try_from((at - began).as_micros()).unwrap_or(u64::MAX));
    let told: u64 = acknowledged.told.values().map(Told::taken).sum();
    let unsure: u64 = acknowledged.told.values().map(|told| told.unsure).sum();
    let decided = u64::try_from(seen.look.decided - before.decided).unwrap_or_default();
    let mut stages = Vec::new();
    if stores.ledger.is_some() {
        // What is not decided has no stamp here, and another machine's clock may be another; before its answer it was enqueued anyway.
        let stamped = since(began_at, seen.appended_at_ms).filter(|_| decided >= told);
        let enqueued_us = stamped.map_or(answers.took_us, |us| us.min(answers.took_us));
        stages.push(Stage::new(ENQUEUED, decided.clamp(told, told + unsure), enqueued_us));
    }
    stages.push(Stage::new("acknowledged", told, answers.took_us));
    if let (Some(_), Some(at)) = (&stores.facts, seen.shown_at) {
        let shown = u64::try_from(seen.look.shown - before.shown).unwrap_or_default();
        stages.push(Stage::new("queryable", if stores.ledger.is_some() { decided } else { shown }, after_us(at)));
    }
    if stores.ledger.is_some() {
        stages.push(Stage::new("posted", decided, after_us(seen.decided_at)));
    }
    // Once facts held all that was decided, what is behind is no more than a tick.
    let behind = if seen.shown_at.is_some() { 0 } else { seen.look.behind };
    Ok(Settled { stages, behind, waiting: seen.look.waiting })
}

/// Until the end of that ms, as a stamp has no parts of one; none where it had begun later.
fn since(began_at: SystemTime, ms: i128) -> Option<u64> {
    let began_us = began_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    u64::try_from(((ms + 1) * 1_000).saturating_sub_unsigned(began_us)).ok()
}

/// Waits until nothing is on its way.
pub(super) async fn quiet(stores: &Stores) -> anyhow::Result<()> {
    let is_still = |seen: &Seen| seen.look.behind == 0 && seen.moved_at.elapsed() >= STILL;
    let seen = watch(stores, is_still).await?;
    let has_come_to_rest = stores.are_none() || seen.moved_at.elapsed() >= STILL;
    ensure!(has_come_to_rest, "after {SETTLES_WITHIN:?} events still come: what others send can't be told from a load");
    Ok(())
}

/// Looks until it is `over` and facts hold all that is decided, or until nothing has moved for a while.
async fn watch(stores: &Stores, over: impl Fn(&Seen) -> bool) -> anyhow::Result<Seen> {
    let began = Instant::now();
    let mut seen = Seen::first(Look::take(stores).await?);
    loop {
        let knows = stores.ledger.is_some() && seen.shown_at.is_some() && seen.look.waiting == 0;
        if stores.are_none()
            || (knows && over(&seen))
            || seen.moved_at.elapsed() > QUIET
            || began.elapsed() > SETTLES_WITHIN
        {
            return Ok(seen);
        }
        sleep(LOOK_EVERY).await;
        seen = seen.next(Look::take(stores).await?);
    }
}

impl Seen {
    fn first(look: Look) -> Seen {
        let now = Instant::now();
        let shown_at = (look.behind == 0).then_some(now);
        let appended_at_ms = look.appended_at_ms;
        Seen { look, decided_at: now, appended_at_ms, shown_at, least_behind: look.behind, moved_at: now }
    }

    /// A tick of time is behind for a moment, and moves nothing.
    fn next(self, look: Look) -> Seen {
        let first = Seen::first(look);
        let (has_decided, has_shown) = (self.look.decided != look.decided, self.look.shown != look.shown);
        let still = Look { behind: self.look.behind, appended_at_ms: self.look.appended_at_ms, ..look };
        let has_moved = has_decided || has_shown || still != self.look;
        let least_behind = if has_decided { look.behind } else { self.least_behind.min(look.behind) };
        Seen {
            look,
            decided_at: if has_decided { first.decided_at } else { self.decided_at },
            appended_at_ms: if has_decided { first.appended_at_ms } else { self.appended_at_ms },
            shown_at: if has_decided || has_shown { first.shown_at } else { self.shown_at.or(first.shown_at) },
            least_behind,
            moved_at: if has_moved || least_behind < self.least_behind { first.moved_at } else { self.moved_at },
        }
    }
}

impl Look {
    async fn take(stores: &Stores) -> anyhow::Result<Look> {
        let mut look = Look::default();
        match (&stores.ledger, &stores.facts) {
            (Some(ledger), _) => {
                let next;
                [look.decided, look.refused_by_edges, look.behind, look.waiting, next, look.appended_at_ms] =
                    ledger.numbers(LEDGER).await?;
                if let Some(log) = &stores.log {
                    // A record that came after the ledger was asked is behind, and is looked at again.
                    let [end] = log.numbers("SELECT coalesce(max(offset) + 1, 0) FROM events").await?;
                    look.behind += (end - next).max(0);
                }
            }
            (None, Some(facts)) => look.shown = shown(facts).await?,
            (None, None) => {}
        }
        Ok(look)
    }

    fn at(counts: &Counts) -> Look {
        let sum = |edges: bool| {
            let of = counts.outcomes.0.iter().filter(|((_, _, outcome), _)| (*outcome == code::EDGE_REFUSED) == edges);
            of.map(|(_, n)| n).sum()
        };
        let clicks = counts.sums.get("clicks_by_day").map_or(0, |[clicks, bots, _]| clicks + bots);
        Look { decided: sum(false), refused_by_edges: sum(true), shown: clicks, ..Look::default() }
    }
}

/// What follows from the counts is the same for both shapes. A position that is planned and marked is in facts.
const LEDGER: &str = "SELECT (SELECT coalesce(sum(n), 0) FROM @outcomes WHERE outcome <> 9),
    (SELECT coalesce(sum(n), 0) FROM @outcomes WHERE outcome = 9),
    (SELECT coalesce(sum(next - planned), 0) FROM @progress)
        + (SELECT coalesce(sum(to_offset - from_offset), 0) FROM @plans WHERE NOT marked),
    (SELECT count(*) FROM @parked WHERE facts_offset IS NOT NULL)
        + (SELECT count(*) FROM @settles_due) + (SELECT count(*) FROM @late_notes),
    (SELECT coalesce(sum(next), 0) FROM @progress),
    (SELECT coalesce(max(appended_at_ms), 0) FROM @progress)";

async fn shown(facts: &Store) -> anyhow::Result<i128> {
    let [clicks, bots] = facts.numbers("SELECT sum(clicks), sum(bots) FROM clicks_by_day").await?;
    Ok(clicks + bots)
}
