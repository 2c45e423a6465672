//! What the log and the ledger say of events that were decided before: facts and touches are made again from it.

use schemas::{
    decision::Outcome,
    event::{Body, Click, Logged},
    facts::ClickFact,
    time::TimeMs,
};

use crate::{Effect, click, decide::see};

/// What the ledger keeps of a click that was neither counted nor a bot's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClickException {
    Copy,
    Found(Outcome),
}

/// What facts tell of a click that its record does not.
#[derive(Debug, Clone, Copy)]
pub struct ToldClick<'a> {
    pub click: &'a Click,
    pub outcome: Outcome,
    pub at: TimeMs,
}

/// None of a copy, and of any other event.
pub fn told_click(logged: &Logged, exception: Option<ClickException>) -> Option<ToldClick<'_>> {
    let Body::Click(click) = &logged.event.body else { return None };
    let outcome = match exception {
        Some(ClickException::Copy) => return None,
        Some(ClickException::Found(outcome)) => outcome,
        None if click.receipt.fields().visit.counts() => Outcome::Counted,
        None => Outcome::Bot,
    };
    Some(ToldClick { click, outcome, at: click::time_of(logged, click) })
}

/// The fact of a click that was decided; copies and other events have none.
pub fn click_fact(logged: Logged, exception: Option<ClickException>) -> Option<ClickFact> {
    let ToldClick { outcome, at, .. } = told_click(&logged, exception)?;
    let (position, event) = (logged.position, logged.event.id);
    let Body::Click(click) = logged.event.body else { return None };
    let Click { company, program, partner, receipt, landing, referrer_host, utm, device, .. } = *click;
    let link = receipt.fields().link;
    Some(ClickFact {
        position,
        event,
        company,
        program,
        partner,
        link,
        at,
        outcome,
        receipt,
        landing,
        referrer_host,
        utm,
        device,
    })
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
