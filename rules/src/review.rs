use schemas::{
    accounts::TransferReason,
    conversion::{Conversion, HouseStatus, ReviewState, Settlement, Standing},
    decision::{Answer, EventKind, Outcome, Refusal},
    event::{Logged, Review, ReviewAction},
    terms::Terms,
};

use crate::{
    Effect, Known, budget,
    change::change,
    decide::{count, key_was_revoked, refused, reply, see},
    ledger::{Cause, transfers},
    refund::own_terms,
};

pub(crate) fn decide(known: &Known, logged: &Logged, review: Review) -> Vec<Effect> {
    match reviewable(known, logged, review) {
        Err(refusal) => refused(logged, review.company, EventKind::Review, refusal),
        Ok(before) => apply(logged, review, before, own_terms(known, before)),
    }
}

/// Refusals in order of precedence.
fn reviewable<'a>(known: &'a Known, logged: &Logged, review: Review) -> Result<&'a Conversion, Refusal> {
    if key_was_revoked(known, logged) {
        return Err(Refusal::KeyRevoked);
    }
    let own = |found: &&Conversion| found.company == review.company;
    let before = known.conversions.get(&review.conversion).filter(own).ok_or(Refusal::UnknownConversion)?;
    match (before.standing, review.action, before.review) {
        (Standing::Parked, ..) => Err(Refusal::Undecided),
        (Standing::Unattributed(_) | Standing::Refused(_), ..) => Err(Refusal::NotReviewable),
        (Standing::Attributed, ReviewAction::Approve | ReviewAction::Reject, ReviewState::Pending) => Ok(before),
        (Standing::Attributed, ReviewAction::Approve | ReviewAction::Reject, _) => Err(Refusal::AlreadyResolved),
        (Standing::Attributed, ReviewAction::ClawBack, ReviewState::AutoApproved | ReviewState::Approved) => Ok(before),
        (Standing::Attributed, ReviewAction::ClawBack, ReviewState::Rejected) => Err(Refusal::AlreadyResolved),
        (Standing::Attributed, ReviewAction::ClawBack, ReviewState::Pending) => Err(Refusal::NotReviewable),
    }
}

fn apply(logged: &Logged, review: Review, before: &Conversion, terms: Option<&Terms>) -> Vec<Effect> {
    let mut after = before.clone();
    let reason = match review.action {
        ReviewAction::Approve => {
            after.review = ReviewState::Approved;
            TransferReason::Approve
        }
        ReviewAction::Reject => {
            after.review = ReviewState::Rejected;
            TransferReason::Reject
        }
        ReviewAction::ClawBack => {
            after.review = ReviewState::Rejected;
            after.settlement = Settlement::Reversed;
            TransferReason::ClawBack
        }
    };
    after.explanation.review = after.review.as_str().to_owned();
    let status = after.house_status().unwrap_or(HouseStatus::Pending);
    let cause = Cause { event: logged.event.id, reason, at: logged.appended_at };
    let mut effects = vec![see(logged)];
    effects.extend(budget::spend(terms, Some(before), &after));
    effects.extend(transfers(Some(before), &after, cause));
    effects.extend(change(Some(before), &after, EventKind::Review, logged.event.id, logged.into()));
    effects.push(count(logged, review.company, EventKind::Review, Outcome::Applied, 1));
    let answer = Answer::Reviewed { conversion: after.id, status };
    effects.push(Effect::PutConversion(Box::new(after)));
    effects.push(reply(logged, logged.into(), review.company, EventKind::Review, answer));
    effects
}
