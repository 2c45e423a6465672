//! What time does: holds end, and what waited in vain is decided. A tick's time is its append time.

use std::collections::BTreeSet;

use schemas::{
    accounts::TransferReason,
    conversion::{Conversion, Maturity, Standing, Unattributed},
    event::{Logged, Settle},
    ids::ConversionId,
    time::TimeMs,
};

use crate::{
    Effect, Known,
    effect::{Parked, ParkedUntil},
    ledger::{Cause, transfers},
    settle::Again,
};

pub(crate) fn decide(known: &Known, logged: &Logged) -> Vec<Effect> {
    let now = logged.appended_at;
    due(known, now).into_iter().flat_map(|id| at_its_time(known, logged, id)).collect()
}

/// Those that were fetched as due, and those of this batch that became it. Another partition's may have been fetched for
/// other events' sake: its own ticks let time pass for it.
fn due(known: &Known, now: TimeMs) -> BTreeSet<ConversionId> {
    let held =
        known.conversions.values().filter(|conversion| hold_is_over(conversion, now)).map(|conversion| conversion.id);
    let waiting = known.parked.values().filter(|parked| has_expired(parked, now)).map(|parked| parked.conversion);
    known.due.iter().copied().chain(held).chain(waiting).collect()
}

fn at_its_time(known: &Known, logged: &Logged, id: ConversionId) -> Vec<Effect> {
    let here = |before: &&Conversion| before.position.partition == logged.position.partition;
    let Some(before) = known.conversions.get(&id).filter(here) else {
        return Vec::new();
    };
    let expired = known.parked.get(&id).filter(|parked| has_expired(parked, logged.appended_at));
    match (before.standing, expired) {
        (Standing::Attributed, _) if hold_is_over(before, logged.appended_at) => mature(logged, before),
        (Standing::Parked, Some(parked)) => expire(known, logged, parked, before),
        _ => Vec::new(),
    }
}

/// One whose lead did come in time is left to its settle, so that a tick between the two changes nothing.
fn expire(known: &Known, logged: &Logged, parked: &Parked, before: &Conversion) -> Vec<Effect> {
    let Some(again) = Again::look(known, parked, before, logged.into(), None) else {
        return Vec::new();
    };
    if again.still_waits() {
        return again.in_vain(Unattributed::NoLead).conclude(known);
    }
    let facts_up_to = logged.position.offset + 1;
    let settle = Settle { company: parked.company, conversion: parked.conversion, facts_up_to };
    vec![Effect::AppendSettle { partition: logged.position.partition, settle }]
}

fn mature(logged: &Logged, before: &Conversion) -> Vec<Effect> {
    let mut after = before.clone();
    after.maturity = Maturity::Matured;
    let cause = Cause { event: logged.event.id, reason: TransferReason::Mature, at: logged.appended_at };
    let mut effects = transfers(Some(before), &after, cause);
    effects.push(Effect::PutConversion(Box::new(after)));
    effects
}

fn hold_is_over(conversion: &Conversion, now: TimeMs) -> bool {
    matches!(conversion.maturity, Maturity::HeldUntil(until) if until <= now)
}

fn has_expired(parked: &Parked, now: TimeMs) -> bool {
    matches!(parked.until, ParkedUntil::Lead { expires_at } if expires_at <= now)
}
