use std::hint::black_box;

use schemas::{
    decision::{EventKind, Outcome},
    event::{Body, Click, Logged},
    ids::{LinkId, Position},
    time::{DAY_MS, TimeMs},
};

use crate::{
    Effect, Known,
    decide::{count, is_copy, key_was_revoked, see},
    touches::{SeenId, Touch, Touches, Visitor},
};

/// The longest window there is: a click can't win what came later than this after it.
const LATE_CLICK_DAYS: i64 = 90;

/// Has what deciding these clicks will look for on its way from memory, for all of them at once: one by one each would wait for its own.
pub fn look_ahead(touches: &Touches, events: &[Logged]) {
    let mut read = 0;
    for logged in events {
        let Body::Click(click) = &logged.event.body else { continue };
        let fields = click.receipt.fields();
        read ^= touches.velocity.look_ahead(&Visitor::of(fields.link, fields.address_cut));
        read ^= client_id(click).map_or(0, |id| touches.seen.look_ahead(&id));
        read ^= touches.links.get(&fields.link).map_or(0, |known| u32::from(known.awaiting_until.is_some()));
    }
    black_box(read);
}

/// Its fact is no effect: [`crate::replay::click_fact`] makes it of the record and what is said of it here.
pub(crate) fn decide(known: &Known, logged: &Logged, click: &Click, effects: &mut Vec<Effect>) {
    if logged.event.resent && is_copy(known, logged) {
        effects.push(Effect::ExceptClick { position: logged.position, outcome: None });
        return;
    }
    let outcome = outcome(known, logged, click);
    effects.push(count(logged, click.company, EventKind::Click, outcome, 1));
    if logged.event.resent {
        effects.push(see(logged));
    }
    match outcome {
        Outcome::Counted => {
            let at = time_of(logged, click);
            keep(effects, logged, click, at);
            effects.extend(late_for(known, click.receipt.fields().link, at, logged.position));
        }
        Outcome::Bot => effects.extend(see_client(logged, click)),
        _ => effects.push(Effect::ExceptClick { position: logged.position, outcome: Some(outcome) }),
    }
}

fn outcome(known: &Known, logged: &Logged, click: &Click) -> Outcome {
    if key_was_revoked(known, logged) {
        return Outcome::Refused;
    }
    let first = client_id(click).and_then(|id| known.touches.seen_before(id, logged.position, logged.appended_at));
    match first {
        Some(_) => Outcome::Duplicate,
        None if click.receipt.fields().visit.counts() => Outcome::Counted,
        None => Outcome::Bot,
    }
}

/// What is remembered of a counted click.
pub(crate) fn keep(effects: &mut Vec<Effect>, logged: &Logged, click: &Click, at: TimeMs) {
    let link = click.receipt.fields().link;
    let touch = Touch { receipt: click.receipt, event: logged.event.id, position: logged.position, at };
    effects.push(Effect::Remember { link, touch, address_before: click.address_before });
    effects.extend(see_client(logged, click));
}

/// Remembers the client's event id, where it sent one.
pub(crate) fn see_client(logged: &Logged, click: &Click) -> Option<Effect> {
    client_id(click).map(|id| Effect::See { id, position: logged.position, at: logged.appended_at })
}

/// What this click could have won, had it come before.
fn late_for(known: &Known, link: LinkId, at: TimeMs, position: Position) -> impl Iterator<Item = Effect> {
    let awaiting_until = known.touches.links.get(&link).and_then(|touched| touched.awaiting_until);
    let waiting = awaiting_until.filter(|until| *until >= at).and_then(|_| known.awaiting.get(&link));
    let waiting = waiting.into_iter().flatten();
    let winnable = waiting.filter(move |waits| (0..=LATE_CLICK_DAYS * DAY_MS).contains(&waits.at.since_ms(at)));
    winnable.map(move |waits| Effect::NoteLate {
        company: waits.company,
        conversion: waits.conversion,
        click: position,
    })
}

/// Under which its retries are known. Those of bots and prefetches stand apart, so that none of them makes a person's click a duplicate.
pub(crate) fn client_id(click: &Click) -> Option<SeenId> {
    let fields = click.receipt.fields();
    let event_id_hash = if fields.visit.counts() { fields.event_id_hash } else { !fields.event_id_hash };
    fields.client_event_id.then(|| SeenId::of_client(fields.link, event_id_hash))
}

/// Its edge's stamp, but at most when the log took it.
pub(crate) fn time_of(logged: &Logged, click: &Click) -> TimeMs {
    click.receipt.fields().at.min(logged.taken_at())
}
