use schemas::{
    decision::{Answer, Decision, EventKind, Outcome, Refusal},
    event::{Body, EdgeCounts, Logged},
    ids::{CompanyId, Position},
    time::TimeMs,
};

use crate::{Effect, Known, case::Case, claim, click, forward, refund, review, settle, tick, touches::SeenId};

/// Decides the log's next event. What follows from it is returned, and `known` takes it in.
pub fn decide(known: &mut Known, logged: &Logged) -> Vec<Effect> {
    let mut effects = Vec::new();
    decide_into(known, logged, &mut effects);
    effects
}

/// The same, where many are decided: `effects`, which was empty, holds what follows.
pub fn decide_into(known: &mut Known, logged: &Logged, effects: &mut Vec<Effect>) {
    match &logged.event.body {
        Body::Click(click) => click::decide(known, logged, click, effects),
        _ => *effects = effects_of(known, logged),
    }
    known.apply(effects);
}

fn effects_of(known: &Known, logged: &Logged) -> Vec<Effect> {
    match &logged.event.body {
        Body::Settle(settle) => return settle::decide(known, logged, settle),
        Body::Tick => return tick::decide(known, logged),
        _ if is_copy(known, logged) || forward::is_repeated(known, logged) => return Vec::new(),
        _ => {}
    }
    if let Some(sent_on) = forward::forward(known, logged) {
        return sent_on;
    }
    let mut effects = match &logged.event.body {
        Body::Lead(claim) => claim::decide(known, &Case::lead(logged, claim)),
        Body::Sale(sale) => claim::decide(known, &Case::sale(logged, sale)),
        Body::Refund(refund) => refund::decide(known, logged, refund),
        Body::Review(review) => review::decide(known, logged, *review),
        Body::EdgeCounts(counts) => edge_counts(logged, counts),
        Body::Click(_) | Body::Settle(_) | Body::Tick => Vec::new(),
    };
    effects.extend(forward::name(logged, &effects));
    effects
}

fn edge_counts(logged: &Logged, counts: &EdgeCounts) -> Vec<Effect> {
    let day = logged.taken_at().day();
    let counted = counts.counts.iter().map(|count| Effect::Count {
        company: count.company,
        kind: count.kind,
        outcome: Outcome::EdgeRefused,
        day,
        by: i64::try_from(count.refused).unwrap_or(i64::MAX),
    });
    std::iter::once(see(logged)).chain(counted).collect()
}

/// Whether the same record came earlier in the log.
pub(crate) fn is_copy(known: &Known, logged: &Logged) -> bool {
    known.touches.seen_before(SeenId::Event(logged.event.id), logged.position, logged.appended_at).is_some()
}

pub(crate) fn see(logged: &Logged) -> Effect {
    Effect::See { id: SeenId::Event(logged.event.id), position: logged.position, at: logged.appended_at }
}

/// Whether the key that brought the event was revoked before the log took it.
pub(crate) fn key_was_revoked(known: &Known, logged: &Logged) -> bool {
    let revoked_at = logged.event.key.and_then(|key| known.revoked.get(&key));
    revoked_at.is_some_and(|at| *at <= logged.taken_at())
}

pub(crate) fn count(logged: &Logged, company: CompanyId, kind: EventKind, outcome: Outcome, by: i64) -> Effect {
    Effect::Count { company, kind, outcome, day: logged.taken_at().day(), by }
}

/// The record at which something is decided: mostly the event's own, for what was parked its `settle` or a tick.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record {
    pub(crate) position: Position,
    pub(crate) appended_at: TimeMs,
}

impl From<&Logged> for Record {
    fn from(logged: &Logged) -> Record {
        Record { position: logged.position, appended_at: logged.appended_at }
    }
}

pub(crate) fn reply(logged: &Logged, by: Record, company: CompanyId, kind: EventKind, answer: Answer) -> Effect {
    Effect::Reply(Decision {
        event: logged.event.id,
        position: by.position,
        reply_to: logged.event.reply_to,
        company,
        kind,
        answer,
    })
}

/// A refund or review refused: counted and answered, and nothing else.
pub(crate) fn refused(logged: &Logged, company: CompanyId, kind: EventKind, refusal: Refusal) -> Vec<Effect> {
    vec![
        see(logged),
        count(logged, company, kind, Outcome::Refused, 1),
        reply(logged, logged.into(), company, kind, Answer::Refused(refusal)),
    ]
}
