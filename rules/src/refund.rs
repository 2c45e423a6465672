use schemas::{
    accounts::TransferReason,
    conversion::{Conversion, RefundApplied, ReviewState, Standing},
    decision::{Answer, EventKind, Outcome, Refusal},
    event::{Logged, Refund},
    explanation::Step,
    hashes::KeyKind,
    ids::ConversionId,
    terms::{Terms, Trigger},
};

use crate::{
    Effect, Known, budget,
    change::change,
    commission::{Earned, earned},
    decide::{count, key_was_revoked, refused, reply, see},
    effect::KeyTaken,
    ledger::{Cause, transfers},
};

pub(crate) fn decide(known: &Known, logged: &Logged, refund: &Refund) -> Vec<Effect> {
    let taken = known.keys.get(&refund.key);
    if taken.is_some_and(|taken| taken.event == logged.event.id) {
        return Vec::new();
    }
    if key_was_revoked(known, logged) {
        return refused(logged, refund.company, EventKind::Refund, Refusal::KeyRevoked);
    }
    if let Some(taken) = taken {
        let same_body = taken.body_hash == refund.body_hash;
        let answer = Answer::Duplicate { first: taken.conversion, same_body };
        return vec![
            see(logged),
            count(logged, refund.company, EventKind::Refund, Outcome::Duplicate, 1),
            reply(logged, logged.into(), refund.company, EventKind::Refund, answer),
        ];
    }
    match refundable(known, refund) {
        Err(refusal) => refused(logged, refund.company, EventKind::Refund, refusal),
        Ok((before, amount_minor, terms)) => apply(logged, refund, before, amount_minor, terms),
    }
}

/// The sale, how much of it is refunded, and its own terms where it earned something. Refusals in order of precedence.
fn refundable<'a>(known: &'a Known, refund: &Refund) -> Result<(&'a Conversion, i64, Option<&'a Terms>), Refusal> {
    let own = |found: &&Conversion| found.company == refund.company;
    let before = known.conversions.get(&refund.conversion).filter(own).ok_or(Refusal::UnknownConversion)?;
    let terms = match before.standing {
        Standing::Refused(_) => return Err(Refusal::UnknownConversion),
        Standing::Parked => return Err(Refusal::Undecided),
        Standing::Unattributed(_) => None,
        Standing::Attributed => Some(own_terms(known, before).ok_or(Refusal::UnknownLink)?),
    };
    let left_minor = before.left_minor();
    let amount_minor = refund.amount_minor.unwrap_or(left_minor);
    if left_minor <= 0 {
        Err(Refusal::NothingLeft)
    } else if amount_minor > left_minor || amount_minor < 0 {
        Err(Refusal::MoreThanLeft)
    } else {
        Ok((before, amount_minor, terms))
    }
}

/// The terms that decided it, whichever are in force now.
pub(crate) fn own_terms<'a>(known: &'a Known, conversion: &Conversion) -> Option<&'a Terms> {
    let versions = known.terms.get(&conversion.program?)?;
    versions.iter().find(|terms| terms.version == conversion.terms_version)
}

fn apply(
    logged: &Logged,
    refund: &Refund,
    before: &Conversion,
    amount_minor: i64,
    terms: Option<&Terms>,
) -> Vec<Effect> {
    let mut after = before.clone();
    after.refunded_minor += amount_minor;
    if let Some(terms) = terms {
        work_out_again(&mut after, terms, logged);
    }
    let rejected = after.review == ReviewState::Rejected;
    let earned = if rejected { Earned::default() } else { earned_by(&after) };
    let id = ConversionId(refund.key.0);
    let taken =
        KeyTaken { company: refund.company, conversion: id, event: logged.event.id, body_hash: refund.body_hash };
    let applied = RefundApplied {
        company: refund.company,
        conversion: after.id,
        id,
        event: logged.event.id,
        label: refund.label.clone(),
        amount_minor,
        refunded_minor: after.refunded_minor,
        commission_minor: earned.commission_minor,
        partner_minor: earned.partner_minor,
        reason: refund.reason.clone(),
        at: logged.taken_at(),
    };
    let answer = Answer::Refunded {
        conversion: after.id,
        refunded_minor: after.refunded_minor,
        commission_minor: earned.commission_minor,
        partner_minor: earned.partner_minor,
        currency: after.currency,
    };
    let cause = Cause { event: logged.event.id, reason: TransferReason::Refund, at: logged.appended_at };
    let mut effects = vec![see(logged), Effect::TakeKey { key: refund.key, taken }, Effect::PutRefund(applied)];
    effects.extend(budget::spend(terms, Some(before), &after));
    effects.extend(transfers(Some(before), &after, cause));
    effects.extend(change(Some(before), &after, EventKind::Refund, logged.event.id, logged.into()));
    effects.push(count(logged, refund.company, EventKind::Refund, Outcome::Applied, 1));
    effects.push(Effect::PutConversion(Box::new(after)));
    effects.push(reply(logged, logged.into(), refund.company, EventKind::Refund, answer));
    effects
}

/// Commission and split on what is left. The explanation keeps what was worked out first and the state after the last refund;
/// those between are in the refunds' own rows.
fn work_out_again(conversion: &mut Conversion, terms: &Terms, logged: &Logged) {
    let trigger = if conversion.kind == KeyKind::Lead { Trigger::Lead } else { Trigger::Sale };
    let granted = Some(conversion.commission_minor);
    let (earned, steps) = earned(terms, trigger, conversion.left_minor(), conversion.currency, granted);
    conversion.commission_minor = earned.commission_minor;
    conversion.partner_minor = earned.partner_minor;
    conversion.platform_minor = earned.platform_minor;
    let (refunded, left) = (conversion.refunded_minor, conversion.left_minor());
    let arithmetic = &mut conversion.explanation.arithmetic;
    let first_split = arithmetic.iter().position(|step| matches!(step, Step::Split { .. }));
    arithmetic.truncate(first_split.map_or(0, |place| place + 1));
    let refund = Step::Refund { refunded, left, at: logged.taken_at() };
    arithmetic.push(refund);
    arithmetic.extend(steps);
}

fn earned_by(conversion: &Conversion) -> Earned {
    Earned {
        commission_minor: conversion.commission_minor,
        partner_minor: conversion.partner_minor,
        platform_minor: conversion.platform_minor,
    }
}
