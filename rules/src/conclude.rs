//! From who is credited to everything that follows from it.

use schemas::{
    accounts::TransferReason,
    conversion::{Conversion, Maturity, ReviewState, Standing, Unattributed},
    decision::{Answer, Converted, Outcome},
    explanation::{Candidate, Share, Step},
    ids::LinkId,
};

use crate::{
    Effect, Known,
    attribution::{Attribution, Verdict, Winner},
    bind::bind_customer,
    budget,
    case::Case,
    change::change,
    commission::earned,
    decide::{count, reply},
    effect::{Parked, ParkedUntil},
    fraud::{Scene, assess},
    grounds::Grounds,
    known::ClickName,
    ledger::{Cause, transfers},
    undecided::undecided,
};

pub(crate) fn conclude(known: &Known, case: &Case<'_>, grounds: &Grounds<'_>, attribution: Attribution) -> Vec<Effect> {
    let Attribution { candidates, verdict } = attribution;
    match verdict {
        Verdict::Won(winner) => attributed(known, case, grounds, candidates, &winner),
        Verdict::Nobody { why, late_link } => unattributed(case, grounds, candidates, why, late_link),
        Verdict::Wait { until, late_link } => parked(case, grounds, candidates, until, late_link),
    }
}

fn attributed(
    known: &Known,
    case: &Case<'_>,
    grounds: &Grounds<'_>,
    candidates: Vec<Candidate>,
    winner: &Winner,
) -> Vec<Effect> {
    let claim = case.claim;
    let conversion = credited(known, case, grounds, candidates, winner);
    let mut effects = Vec::new();
    if case.before.is_some() {
        effects.push(Effect::Unpark { conversion: claim.conversion });
        effects.push(Effect::ClearLate { conversion: claim.conversion, facts_up_to: u64::MAX });
    }
    if let (Some(click), Some(customer)) = (winner.click, case.customer()) {
        effects.push(Effect::UseClick { click: ClickName::from(&click.receipt), customer });
    }
    if let Some(currency) = case.currency {
        effects.push(Effect::CountSale { link: winner.link, at: case.at() });
        effects.push(Effect::NoteValue { company: claim.company, currency, amount_minor: case.amount_minor });
    }
    effects.extend(bind_customer(known, case, winner));
    let cause = Cause { event: case.logged.event.id, reason: TransferReason::Commission, at: case.by.appended_at };
    effects.extend(budget::spend(Some(grounds.terms), case.before, &conversion));
    effects.extend(transfers(case.before, &conversion, cause));
    effects.extend(change(case.before, &conversion, case.kind, case.logged.event.id, case.by));
    effects.extend(put_and_answer(case, conversion, Outcome::Attributed));
    effects
}

/// The conversion with its commission, its score and the reasons for both.
fn credited(
    known: &Known,
    case: &Case<'_>,
    grounds: &Grounds<'_>,
    candidates: Vec<Candidate>,
    winner: &Winner,
) -> Conversion {
    let terms = grounds.terms;
    let assessment = assess(&Scene { known, case, winner }, &terms.fraud);
    let mut conversion = undecided(case, Some(grounds), candidates);
    let at_most = budget::left(known, terms, conversion.currency);
    let (earned, steps) = earned(terms, case.trigger(), case.left_minor(), conversion.currency, at_most);
    conversion.standing = Standing::Attributed;
    conversion.partner = Some(winner.partner);
    conversion.link = Some(winner.link);
    conversion.commission_minor = earned.commission_minor;
    conversion.partner_minor = earned.partner_minor;
    conversion.platform_minor = earned.platform_minor;
    conversion.review = assessment.review;
    conversion.maturity = maturity(case, terms.hold_days);
    conversion.score_ppm = assessment.score_ppm;
    conversion.signals = assessment.signals.iter().map(|signal| signal.name).collect();
    let explanation = &mut conversion.explanation;
    explanation.winner = Some(winner.candidate);
    if case.refunded_minor() > 0 {
        let (refunded, left) = (case.refunded_minor(), case.left_minor());
        explanation.arithmetic.push(Step::Refund { refunded, left, at: case.by.appended_at });
    }
    explanation.arithmetic.extend(steps);
    explanation.signals = assessment.signals;
    explanation.score = Some(Share(assessment.score_ppm));
    explanation.review = assessment.review.as_str().to_owned();
    conversion
}

fn unattributed(
    case: &Case<'_>,
    grounds: &Grounds<'_>,
    candidates: Vec<Candidate>,
    why: Unattributed,
    late_link: Option<LinkId>,
) -> Vec<Effect> {
    let mut conversion = undecided(case, Some(grounds), candidates);
    conversion.standing = Standing::Unattributed(why);
    conversion.review = ReviewState::Rejected;
    conversion.explanation.review = why.as_str().to_owned();
    let mut effects = match late_link {
        Some(link) => wait(case, ParkedUntil::LateClick, Some(link)),
        None if case.before.is_some() => vec![Effect::Unpark { conversion: case.claim.conversion }],
        None => Vec::new(),
    };
    effects.extend(
        case.facts.map(|facts| Effect::ClearLate { conversion: case.claim.conversion, facts_up_to: facts.up_to }),
    );
    effects.extend(put_and_answer(case, conversion, Outcome::Unattributed));
    effects
}

fn parked(
    case: &Case<'_>,
    grounds: &Grounds<'_>,
    candidates: Vec<Candidate>,
    until: ParkedUntil,
    late_link: Option<LinkId>,
) -> Vec<Effect> {
    let mut effects = wait(case, until, late_link);
    effects.extend(put_and_answer(case, undecided(case, Some(grounds), candidates), Outcome::Parked));
    effects
}

/// Keeps the event, findable by its customer's identifiers where a lead would wake it, and by the code's link for late clicks.
fn wait(case: &Case<'_>, until: ParkedUntil, late_link: Option<LinkId>) -> Vec<Effect> {
    let (company, conversion) = (case.claim.company, case.claim.conversion);
    let waits_for_lead = matches!(until, ParkedUntil::Lead { .. });
    let parked = Parked {
        logged: case.logged.clone(),
        company,
        conversion,
        link: late_link,
        at: case.at(),
        until,
        idents: if waits_for_lead { case.idents().collect() } else { Vec::new() },
    };
    let noted = late_link.map(|link| Effect::Await { company, link, conversion, at: case.clicks_until() });
    noted.into_iter().chain([Effect::Park(Box::new(parked))]).collect()
}

fn put_and_answer(case: &Case<'_>, conversion: Conversion, outcome: Outcome) -> Vec<Effect> {
    let (claim, logged) = (case.claim, case.logged);
    let answer = match conversion.house_status() {
        None => Answer::Parked { conversion: conversion.id },
        Some(status) => Answer::Converted(Converted {
            conversion: conversion.id,
            unattributed: if let Standing::Unattributed(why) = conversion.standing { Some(why) } else { None },
            commission_minor: conversion.commission_minor,
            partner_minor: conversion.partner_minor,
            currency: conversion.currency,
            status,
            score_ppm: conversion.score_ppm,
        }),
    };
    let was = case.before.map(|before| match before.standing {
        Standing::Parked => Outcome::Parked,
        _ => Outcome::Unattributed,
    });
    let mut effects: Vec<Effect> =
        was.map(|was| count(logged, claim.company, case.kind, was, -1)).into_iter().collect();
    effects.push(count(logged, claim.company, case.kind, outcome, 1));
    effects.push(Effect::PutConversion(Box::new(conversion)));
    effects.push(reply(logged, case.by, claim.company, case.kind, answer));
    effects
}

fn maturity(case: &Case<'_>, hold_days: u32) -> Maturity {
    let due = case.at().plus_days(hold_days);
    if due <= case.logged.taken_at() { Maturity::Matured } else { Maturity::HeldUntil(due) }
}
