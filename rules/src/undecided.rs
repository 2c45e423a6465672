//! Conversions of which nothing is decided yet, or that were refused.

use schemas::{
    conversion::{Conversion, Maturity, ReviewState, Settlement, Standing},
    decision::Refusal,
    explanation::{Candidate, Explanation},
    ids::LinkId,
    money::Currency,
};

use crate::{case::Case, commission::currency_of_leads, grounds::Grounds};

/// Kept under the id of the lead or sale that was refused.
pub(crate) fn refused_conversion(case: &Case<'_>, refusal: Refusal) -> Conversion {
    let mut conversion = undecided(case, None, Vec::new());
    conversion.standing = Standing::Refused(refusal);
    conversion.review = ReviewState::Rejected;
    conversion.explanation.review = refusal.as_str().to_owned();
    conversion
}

/// The conversion before anything is decided of it.
pub(crate) fn undecided(case: &Case<'_>, grounds: Option<&Grounds<'_>>, candidates: Vec<Candidate>) -> Conversion {
    let claim = case.claim;
    let terms = grounds.map(|grounds| grounds.terms);
    let terms_version = terms.map_or(0, |terms| terms.version);
    Conversion {
        id: claim.conversion,
        company: claim.company,
        kind: case.key_kind(),
        event: case.logged.event.id,
        position: case.logged.position,
        program: grounds.map(|grounds| grounds.program).or(claim.program),
        partner: None,
        link: grounds.map_or(claim.code_link, named_link),
        label: claim.label.clone(),
        amount_minor: case.amount_minor,
        currency: case.currency.or(terms.map(currency_of_leads)).unwrap_or(Currency::USD),
        refunded_minor: case.refunded_minor(),
        occurred_at: case.at(),
        taken_at: case.logged.taken_at(),
        standing: Standing::Parked,
        commission_minor: 0,
        partner_minor: 0,
        platform_minor: 0,
        review: ReviewState::Pending,
        maturity: Maturity::Matured,
        settlement: Settlement::Unpaid,
        score_ppm: 0,
        signals: Vec::new(),
        terms_version,
        body_hash: claim.body_hash,
        explanation: Explanation {
            candidates,
            winner: None,
            policy: terms.map(|terms| terms.policy.name.clone()).unwrap_or_default(),
            terms_version,
            arithmetic: Vec::new(),
            signals: Vec::new(),
            score: None,
            review: "parked".to_owned(),
            facts_up_to: case.facts.map(|facts| facts.up_to),
        },
    }
}

fn named_link(grounds: &Grounds<'_>) -> Option<LinkId> {
    let receipt = grounds.receipt.as_ref().map(|receipt| receipt.link);
    grounds.code.or(receipt).map(|link| link.id)
}
