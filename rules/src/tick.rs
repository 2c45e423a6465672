//! What time does: holds end, and what waited in vain is decided. A tick's time is its append time.

use std::collections::BTreeSet;

use schemas::{
    accounts::TransferReason,
    conversion::{Conversion, Maturity, Standing, Unattributed},
    event::Logged,
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

/// Those that were fetched as due, and those of this batch that became it.
fn due(known: &Known, now: TimeMs) -> BTreeSet<ConversionId> {
    let held =
        known.conversions.values().filter(|conversion| hold_is_over(conversion, now)).map(|conversion| conversion.id);
    let waiting = known.parked.values().filter(|parked| has_expired(parked, now)).map(|parked| parked.conversion);
    known.due.iter().copied().chain(held).chain(waiting).collect()
}

fn at_its_time(known: &Known, logged: &Logged, id: ConversionId) -> Vec<Effect> {
    let Some(before) = known.conversions.get(&id) else {
        return Vec::new();
    };
    let expired = known.parked.get(&id).filter(|parked| has_expired(parked, logged.appended_at));
    match (before.standing, expired) {
        (Standing::Attributed, _) if hold_is_over(before, logged.appended_at) => mature(logged, before),
        (Standing::Parked, Some(parked)) => {
            let again = Again::look(known, parked, before, logged.into(), None);
            again.map_or_else(Vec::new, |again| again.or_nobody(Unattributed::NoLead).conclude(known))
        }
        _ => Vec::new(),
    }
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
