//! Customers and who was first credited with them.

use schemas::{event::Settle, ids::Position};

use crate::{
    Effect, Known,
    attribution::Winner,
    case::Case,
    effect::{Parked, ParkedUntil},
    known::{Bound, Ident},
};

/// The first who is credited with a customer keeps it under every identifier that is new, and sales that waited for it wake.
pub(crate) fn bind_customer(known: &Known, case: &Case<'_>, winner: &Winner) -> Vec<Effect> {
    let claim = case.claim;
    let mut effects = Vec::new();
    let mut newly_bound = Vec::new();
    for ident in case.idents() {
        let old = known.idents.get(&(claim.company, ident)).copied().unwrap_or_default();
        let mut record = old;
        if record.bound.is_none() {
            record.bound = Some(Bound { partner: winner.partner, link: winner.link, at: case.by.appended_at });
            newly_bound.push(ident);
        }
        match ident {
            Ident::Customer(_) => record.email = record.email.or(claim.email),
            Ident::Email(_) => record.customer = record.customer.or(claim.customer),
        }
        if record != old {
            effects.push(Effect::PutIdent { company: claim.company, ident, record });
        }
    }
    effects.extend(wake(known, case, &newly_bound));
    effects
}

fn wake(known: &Known, case: &Case<'_>, newly_bound: &[Ident]) -> Vec<Effect> {
    if newly_bound.is_empty() {
        return Vec::new();
    }
    let company = case.claim.company;
    let waits = |parked: &&Parked| {
        let in_time = matches!(parked.until, ParkedUntil::Lead { expires_at } if case.by.appended_at < expires_at);
        let same = parked.company == company && parked.conversion != case.claim.conversion;
        in_time && same && parked.idents.iter().any(|ident| newly_bound.contains(ident))
    };
    let mut woken: Vec<&Parked> = known.parked.values().filter(waits).collect();
    woken.sort_unstable_by_key(|parked| parked.conversion);
    let settle = |parked: &Parked| {
        let Position { partition, offset } = parked.logged.position;
        let settle = Settle { company, conversion: parked.conversion, facts_up_to: offset };
        Effect::AppendSettle { partition, settle }
    };
    woken.into_iter().map(settle).collect()
}
