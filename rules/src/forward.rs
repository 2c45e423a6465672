//! Events that came to a partition which is not the one to decide them.

use schemas::{
    conversion::Standing,
    event::{Body, Claim, Event, Logged},
    hashes::KeyHash,
    ids::ConversionId,
    route::{partition_of_customer, partition_of_link},
    terms::{EvidenceKey, Policy},
};

use crate::{Effect, Known, case::Case, decide::see, effect::KeyTaken, grounds::terms_at};

/// Sends the event on, under its id and with its first append time, where another partition decides it.
pub(crate) fn forward(known: &Known, logged: &Logged) -> Option<Vec<Effect>> {
    if known.partitions <= 1 {
        return None;
    }
    let home = home(known, logged).filter(|home| *home != logged.position.partition)?;
    let event = Event { first_appended_at: Some(logged.taken_at()), ..logged.event.clone() };
    Some(vec![see(logged), Effect::Forward { partition: home, event: Box::new(event) }])
}

/// A processor that stopped between sending an event on and committing its batch sends it once more, however long after: by
/// then its id may be forgotten.
pub(crate) fn is_repeated(known: &Known, logged: &Logged) -> bool {
    own_key(logged).is_some_and(|key| known.keys.contains_key(&key))
}

/// By which the ledger knows a forwarded event for good, where none of the keys that it takes says that it was decided.
pub(crate) fn name(logged: &Logged, effects: &[Effect]) -> Option<Effect> {
    let event = logged.event.id;
    let is_named = |effect: &Effect| matches!(effect, Effect::TakeKey { taken, .. } if taken.event == event);
    let (key, company) = own_key(logged).zip(logged.event.body.company())?;
    let taken = KeyTaken { company, conversion: ConversionId(event.0), event, body_hash: 0 };
    (!effects.is_empty() && !effects.iter().any(is_named)).then_some(Effect::TakeKey { key, taken })
}

/// An event's id is as long and as rare as the hash of a key. Only the event's home looks at it.
pub(crate) fn own_key(logged: &Logged) -> Option<KeyHash> {
    logged.event.first_appended_at.map(|_| KeyHash(logged.event.id.0))
}

/// None where it is at home wherever it is.
fn home(known: &Known, logged: &Logged) -> Option<u32> {
    match &logged.event.body {
        Body::Lead(claim) => home_of_claim(known, &Case::lead(logged, claim)),
        Body::Sale(sale) => home_of_claim(known, &Case::sale(logged, sale)),
        Body::Refund(refund) => decided_in(known, refund.conversion),
        Body::Review(review) => decided_in(known, review.conversion),
        Body::Click(_) | Body::Settle(_) | Body::EdgeCounts(_) | Body::Tick => None,
    }
}

/// Its own partition keeps a conversion's every change in one order. One that was refused has nothing to change, and may be
/// accepted in another yet.
fn decided_in(known: &Known, conversion: ConversionId) -> Option<u32> {
    let decided = known.conversions.get(&conversion)?;
    (!matches!(decided.standing, Standing::Refused(_))).then_some(decided.position.partition)
}

/// A lead or sale is sent on once at most: were it to come back, as it could while two partitions know different terms, it
/// would be taken for a copy and have no outcome at all.
fn home_of_claim(known: &Known, case: &Case<'_>) -> Option<u32> {
    if case.logged.event.first_appended_at.is_some() {
        return None;
    }
    Some(where_evidence_is(known, case, case.claim))
}

/// Where no click is looked up, a customer's leads and sales are decided in one partition, whatever codes they name. What
/// will be refused has one home too, so that its copies meet.
fn where_evidence_is(known: &Known, case: &Case<'_>, claim: &Claim) -> u32 {
    let Some(link) = claim.code_link.or_else(|| claim.receipt.map(|receipt| receipt.fields().link)) else {
        return partition_of_customer(claim, known.partitions);
    };
    let own = known.links.get(&link).filter(|link| link.company == claim.company);
    let terms = own.and_then(|link| terms_at(known, link.program, case.at()));
    if terms.is_none_or(|terms| looks_up_clicks(&terms.policy)) {
        partition_of_link(link, known.partitions)
    } else {
        partition_of_customer(claim, known.partitions)
    }
}

fn looks_up_clicks(policy: &Policy) -> bool {
    policy.keys.contains(&EvidenceKey::Code) && policy.code_needs_click
}
