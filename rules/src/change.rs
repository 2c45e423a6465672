//! Facts of conversions: what an event changed of what dashboards add up.

use schemas::{
    conversion::{Conversion, ReviewState, Standing},
    decision::EventKind,
    facts::{ConversionChange, Fact},
    ids::EventId,
};

use crate::{Effect, decide::Record};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Countable {
    conversions: i64,
    revenue_minor: i64,
    commission_minor: i64,
    approved_minor: i64,
    partner_minor: i64,
    partner_approved_minor: i64,
}

/// None where nothing that counts has changed.
pub(crate) fn change(
    before: Option<&Conversion>,
    after: &Conversion,
    kind: EventKind,
    event: EventId,
    by: Record,
) -> Option<Effect> {
    let (was, is) = (before.map(countable).unwrap_or_default(), countable(after));
    if was == is {
        return None;
    }
    Some(Effect::Record(Fact::Change(Box::new(ConversionChange {
        position: by.position,
        event,
        kind,
        conversion: after.id,
        company: after.company,
        program: after.program,
        partner: after.partner,
        link: after.link,
        currency: after.currency,
        at: after.occurred_at,
        changed_at: by.appended_at,
        conversions: is.conversions - was.conversions,
        revenue_minor: is.revenue_minor - was.revenue_minor,
        commission_minor: is.commission_minor - was.commission_minor,
        approved_minor: is.approved_minor - was.approved_minor,
        partner_minor: is.partner_minor - was.partner_minor,
        partner_approved_minor: is.partner_approved_minor - was.partner_approved_minor,
    }))))
}

fn countable(conversion: &Conversion) -> Countable {
    if conversion.standing != Standing::Attributed || conversion.review == ReviewState::Rejected {
        return Countable::default();
    }
    let approved = i64::from(conversion.review.is_approved());
    Countable {
        conversions: 1,
        revenue_minor: conversion.left_minor(),
        commission_minor: conversion.commission_minor,
        approved_minor: approved * conversion.commission_minor,
        partner_minor: conversion.partner_minor,
        partner_approved_minor: approved * conversion.partner_minor,
    }
}
