use schemas::{
    conversion::Conversion,
    decision::EventKind,
    event::{Body, Claim, Logged, Sale},
    hashes::KeyKind,
    money::Currency,
    terms::Trigger,
    time::TimeMs,
};

use crate::{decide::Record, known::Ident, touches::Touch};

/// A lead or sale to be decided.
#[derive(Clone, Copy)]
pub(crate) struct Case<'a> {
    /// The lead or sale itself, where the log took it.
    pub(crate) logged: &'a Logged,
    pub(crate) claim: &'a Claim,
    pub(crate) kind: EventKind,
    pub(crate) amount_minor: i64,
    /// None for a lead.
    pub(crate) currency: Option<Currency>,
    /// Where it is decided.
    pub(crate) by: Record,
    /// What was looked up in facts, where memory could not tell.
    pub(crate) facts: Option<FactClicks<'a>>,
    /// As it stood until now, where it is decided again.
    pub(crate) before: Option<&'a Conversion>,
    /// A customer bound from then on came too late.
    pub(crate) bound_before: Option<TimeMs>,
}

#[derive(Clone, Copy)]
pub(crate) struct FactClicks<'a> {
    pub(crate) clicks: &'a [Touch],
    pub(crate) up_to: u64,
}

impl<'a> Case<'a> {
    pub(crate) fn lead(logged: &'a Logged, claim: &'a Claim) -> Case<'a> {
        Case {
            logged,
            claim,
            kind: EventKind::Lead,
            amount_minor: 0,
            currency: None,
            by: logged.into(),
            facts: None,
            before: None,
            bound_before: None,
        }
    }

    pub(crate) fn sale(logged: &'a Logged, sale: &'a Sale) -> Case<'a> {
        let lead = Case::lead(logged, &sale.claim);
        Case { kind: EventKind::Sale, amount_minor: sale.amount_minor, currency: Some(sale.currency), ..lead }
    }

    /// The lead or sale that an event is, if it is one.
    pub(crate) fn of(logged: &'a Logged) -> Option<Case<'a>> {
        match &logged.event.body {
            Body::Lead(claim) => Some(Case::lead(logged, claim)),
            Body::Sale(sale) => Some(Case::sale(logged, sale)),
            _ => None,
        }
    }

    /// The conversion's own time: whose terms were in force, and where it stands in dashboards.
    pub(crate) fn at(&self) -> TimeMs {
        self.claim.occurred_at.unwrap_or(self.logged.taken_at())
    }

    /// Up to when a click came before it. Without a time of its own it comes after every click before it in the log.
    pub(crate) fn clicks_until(&self) -> TimeMs {
        self.claim.occurred_at.unwrap_or(self.logged.appended_at)
    }

    pub(crate) fn trigger(&self) -> Trigger {
        if self.kind == EventKind::Lead { Trigger::Lead } else { Trigger::Sale }
    }

    pub(crate) fn key_kind(&self) -> KeyKind {
        if self.kind == EventKind::Lead { KeyKind::Lead } else { KeyKind::Sale }
    }

    /// The customer's identifiers, the company's own id first.
    pub(crate) fn idents(&self) -> impl Iterator<Item = Ident> + use<> {
        let customer = self.claim.customer.map(Ident::Customer);
        customer.into_iter().chain(self.claim.email.map(Ident::Email))
    }

    /// One number for the customer, whichever identifier there is.
    pub(crate) fn customer(&self) -> Option<u128> {
        self.claim.customer.map(|hash| hash.0).or(self.claim.email.map(|hash| hash.0))
    }

    pub(crate) fn refunded_minor(&self) -> i64 {
        self.before.map_or(0, |before| before.refunded_minor)
    }

    pub(crate) fn left_minor(&self) -> i64 {
        self.amount_minor - self.refunded_minor()
    }
}
