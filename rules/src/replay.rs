//! What the log and the ledger say of events that were decided before: facts and touches are made again from it.

use schemas::{
    decision::Outcome,
    event::{Body, Logged},
    facts::Fact,
};

use crate::{Effect, click, decide::see};

/// What the ledger keeps of a click that was neither counted nor a bot's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClickException {
    Copy,
    Found(Outcome),
}

/// The fact of a click that was decided; copies and other events have none.
pub fn click_fact(logged: &Logged, exception: Option<ClickException>) -> Option<Fact> {
    let Body::Click(click) = &logged.event.body else { return None };
    let outcome = match exception {
        Some(ClickException::Copy) => return None,
        Some(ClickException::Found(outcome)) => outcome,
        None if click.receipt.fields().visit.counts() => Outcome::Counted,
        None => Outcome::Bot,
    };
    Some(click::fact(logged, click, outcome, click::time_of(logged, click)))
}

/// What a decided event left in an owner's memory of clicks and event ids.
pub fn remembered(logged: &Logged, exception: Option<ClickException>) -> Vec<Effect> {
    match &logged.event.body {
        Body::Click(click) => {
            let mut kept = Vec::new();
            if logged.event.resent && exception != Some(ClickException::Copy) {
                kept.push(see(logged));
            }
            match exception {
                None if click.receipt.fields().visit.counts() => {
                    click::keep(&mut kept, logged, click, click::time_of(logged, click));
                }
                None => kept.extend(click::see_client(logged, click)),
                Some(_) => {}
            }
            kept
        }
        Body::Lead(_) | Body::Sale(_) | Body::Refund(_) | Body::Review(_) | Body::EdgeCounts(_) => vec![see(logged)],
        Body::Settle(_) | Body::Tick => Vec::new(),
    }
}
