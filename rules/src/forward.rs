//! Events that came to a partition which is not the one to decide them.

use schemas::{
    event::{Body, Claim, Event, Logged},
    ids::ConversionId,
    route::partition_of_customer,
    terms::{EvidenceKey, Policy},
};

use crate::{Effect, Known, case::Case, decide::see, grounds::Grounds};

/// Sends the event on, under its id and with its first append time, where another partition decides it.
pub(crate) fn forward(known: &Known, logged: &Logged) -> Option<Vec<Effect>> {
    if known.partitions <= 1 {
        return None;
    }
    let home = home(known, logged).filter(|home| *home != logged.position.partition)?;
    let event = Event { first_appended_at: Some(logged.taken_at()), ..logged.event.clone() };
    Some(vec![see(logged), Effect::Forward { partition: home, event: Box::new(event) }])
}

/// None where it is at home wherever it is.
fn home(known: &Known, logged: &Logged) -> Option<u32> {
    match &logged.event.body {
        Body::Lead(claim) => customers_home(known, &Case::lead(logged, claim), claim),
        Body::Sale(sale) => customers_home(known, &Case::sale(logged, sale), &sale.claim),
        Body::Refund(refund) => decided_in(known, refund.conversion),
        Body::Review(review) => decided_in(known, review.conversion),
        Body::Click(_) | Body::Settle(_) | Body::EdgeCounts(_) | Body::Tick => None,
    }
}

/// Its own partition keeps a conversion's every change in one order.
fn decided_in(known: &Known, conversion: ConversionId) -> Option<u32> {
    known.conversions.get(&conversion).map(|conversion| conversion.position.partition)
}

/// Where no click is looked up, a customer's leads and sales are decided in one partition, whatever codes they name.
fn customers_home(known: &Known, case: &Case<'_>, claim: &Claim) -> Option<u32> {
    if claim.code_link.is_none() && claim.receipt.is_none() {
        return None;
    }
    let grounds = Grounds::of(known, case).ok()?;
    (!looks_up_clicks(&grounds.terms.policy)).then(|| partition_of_customer(claim, known.partitions))
}

fn looks_up_clicks(policy: &Policy) -> bool {
    policy.keys.contains(&EvidenceKey::Code) && policy.code_needs_click
}
