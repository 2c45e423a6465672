use schemas::{
    decision::{Answer, Outcome, Refusal},
    ids::ConversionId,
};

use crate::{
    Effect, Known,
    attribution::attribute,
    case::Case,
    conclude::conclude,
    decide::{count, key_was_revoked, reply, see},
    effect::KeyTaken,
    grounds::Grounds,
    undecided::refused_conversion,
};

/// A lead or a sale that the log has just taken.
pub(crate) fn decide(known: &Known, case: &Case<'_>) -> Vec<Effect> {
    if was_decided(known, case) {
        return Vec::new();
    }
    let first = first_of_its_keys(known, case);
    let mut effects = vec![see(case.logged)];
    if key_was_revoked(known, case.logged) {
        effects.extend(refused(known, case, Refusal::KeyRevoked));
    } else if let Some(taken) = first {
        effects.extend(duplicate(known, case, taken));
    } else {
        match Grounds::of(known, case) {
            Err(refusal) => effects.extend(refused(known, case, refusal)),
            Ok(grounds) => {
                effects.extend(take_free_keys(known, case, case.claim.conversion));
                effects.extend(conclude(known, case, &grounds, attribute(known, case, &grounds)));
            }
        }
    }
    effects
}

/// Whether an earlier record of this event left its name in the ledger: a copy is known by it when its id is forgotten.
fn was_decided(known: &Known, case: &Case<'_>) -> bool {
    let (claim, event) = (case.claim, case.logged.event.id);
    claim.keys.iter().any(|key| known.keys.get(key).is_some_and(|taken| taken.event == event))
        || known.conversions.get(&claim.conversion).is_some_and(|conversion| conversion.event == event)
}

fn first_of_its_keys(known: &Known, case: &Case<'_>) -> Option<KeyTaken> {
    case.claim.keys.iter().find_map(|key| known.keys.get(key)).copied()
}

/// One name that is taken makes it the same sale; its other names name that sale from now on.
fn duplicate(known: &Known, case: &Case<'_>, taken: KeyTaken) -> Vec<Effect> {
    let same_body = taken.body_hash == case.claim.body_hash;
    let answer = Answer::Duplicate { first: taken.conversion, same_body };
    let mut effects = take_free_keys(known, case, taken.conversion);
    effects.push(count(case.logged, case.claim.company, case.kind, Outcome::Duplicate, 1));
    effects.push(reply(case.logged, case.by, case.claim.company, case.kind, answer));
    effects
}

fn take_free_keys(known: &Known, case: &Case<'_>, conversion: ConversionId) -> Vec<Effect> {
    let claim = case.claim;
    let taken =
        KeyTaken { company: claim.company, conversion, event: case.logged.event.id, body_hash: claim.body_hash };
    let free = claim.keys.iter().filter(|key| !known.keys.contains_key(key));
    free.map(|key| Effect::TakeKey { key: *key, taken }).collect()
}

/// Kept under its id unless something stands there, which a taken key says too: another partition may have put the row after
/// it was looked for. It takes no key, so the order can be sent again.
fn refused(known: &Known, case: &Case<'_>, refusal: Refusal) -> Vec<Effect> {
    let claim = case.claim;
    let mut effects = vec![count(case.logged, claim.company, case.kind, Outcome::Refused, 1)];
    let stands = claim.keys.first().is_some_and(|key| known.keys.contains_key(key));
    if !stands && !known.conversions.contains_key(&claim.conversion) {
        effects.push(Effect::PutConversion(Box::new(refused_conversion(case, refusal))));
    }
    effects.push(reply(case.logged, case.by, claim.company, case.kind, Answer::Refused(refusal)));
    effects
}
