//! What must be fetched before a batch can be decided.
//!
//! In this order, as one thing names the next:
//! 1. [`needs`] of the batch itself.
//! 2. From the ledger `parked` (of settles, of those due at `tick`, and by `idents`), `conversions`, `idents`: each found row is
//!    given to [`Needs::add_parked`], [`Needs::add_conversion`], [`Needs::add_ident`]. A row found only by its identifier is not
//!    decided and needs no `add_parked`; but what is parked under the identifiers that `add_parked` adds must be found too, for
//!    who is credited with one sale may wake another.
//! 3. From the catalog `brought_by` and `links`; then, after [`Needs::add_link`] of each, `programs` and `partners`; the terms
//!    found are given to [`Needs::add_terms`].
//! 4. For each of `settles` the clicks of its `code_links` from facts, given to [`Needs::add_fact_clicks`]; where something is sold
//!    ([`Needs::sells`]) the owner's touches to [`Needs::add_touches`], and the batch once more to [`Needs::add_clicks`].
//! 5. From the ledger the rest: `keys`, `click_names`, `sold_links`, `values`, `budgets`, `late`.
//!
//! The owner's touches are at hand: a batch is decided on all of them.
//!
//! Of the rows that several partitions write, a batch relies on those that [`Needs::rested_on`] names once it is decided.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use schemas::{
    catalog::LinkRow,
    conversion::Conversion,
    event::{Body, Claim, Click, Logged, Settle},
    hashes::KeyHash,
    ids::{CompanyId, ConversionId, KeyId, LinkId, PartnerId, ProgramId},
    money::Currency,
    terms::Terms,
    time::TimeMs,
};

use crate::{
    Effect,
    commission::currency_of_leads,
    effect::Parked,
    forward::own_key,
    known::{ClickName, Ident, IdentRecord},
    touches::{Touch, Touches},
};

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Needs {
    /// Credentials: which of them were revoked.
    pub brought_by: BTreeSet<KeyId>,
    pub links: BTreeSet<LinkId>,
    pub programs: BTreeSet<ProgramId>,
    pub partners: BTreeSet<PartnerId>,
    pub conversions: BTreeSet<ConversionId>,
    pub parked: BTreeSet<ConversionId>,
    pub keys: BTreeSet<KeyHash>,
    /// Their records, and what is parked under them.
    pub idents: BTreeSet<(CompanyId, Ident)>,
    pub click_names: BTreeSet<ClickName>,
    /// Links whose sales are counted.
    pub sold_links: BTreeSet<LinkId>,
    pub values: BTreeSet<(CompanyId, Currency)>,
    pub budgets: BTreeSet<(ProgramId, Currency)>,
    currencies: BTreeSet<Currency>,
    /// Links with clicks in the batch, and the time of the earliest: what awaits one from then on.
    pub late: HashMap<LinkId, TimeMs>,
    pub settles: Vec<Settle>,
    /// By conversion the links whose clicks a settle of it looks at. Its own event may be in the batch too.
    pub code_links: BTreeMap<ConversionId, BTreeSet<LinkId>>,
    /// The latest tick's time: what is due then.
    pub tick: Option<TimeMs>,
}

/// What the batch names itself.
pub fn needs(batch: &[Logged]) -> Needs {
    let mut needs = Needs::default();
    for logged in batch {
        needs.add_event(logged);
        needs.keys.extend(own_key(logged));
    }
    needs
}

/// An event that was sent on, or was a copy, rested on no row of the ledger: its home writes those rows at once, so that a batch which
/// relied on them might never be committed.
pub fn rests_on_rows(effects: &[Effect]) -> bool {
    !effects.is_empty() && !effects.iter().any(|effect| matches!(effect, Effect::Forward { .. }))
}

impl Needs {
    /// The keys and identifiers that the batch's decisions rested on; of budgets, on all that were looked up. `events` are those that
    /// [`rests_on_rows`] holds of, and `parked` all that were found.
    pub fn rested_on<'l>(
        events: impl IntoIterator<Item = &'l Logged>,
        parked: impl IntoIterator<Item = &'l Parked>,
    ) -> Needs {
        let mut needs = Needs::default();
        events.into_iter().for_each(|logged| needs.add_event(logged));
        parked.into_iter().for_each(|parked| needs.add_parked(parked));
        needs
    }

    /// A row that a settle or a tick of the batch may decide.
    pub fn add_parked(&mut self, parked: &Parked) {
        self.conversions.insert(parked.conversion);
        self.add_body(&parked.logged.event.body);
    }

    pub fn add_conversion(&mut self, conversion: &Conversion) {
        self.programs.extend(conversion.program);
        self.currencies.insert(conversion.currency);
    }

    pub fn add_ident(&mut self, record: &IdentRecord) {
        if let Some(bound) = record.bound {
            self.links.insert(bound.link);
            self.sold_links.insert(bound.link);
            self.partners.insert(bound.partner);
        }
    }

    pub fn add_link(&mut self, link: &LinkRow) {
        self.programs.insert(link.program);
        self.partners.insert(link.partner);
    }

    /// Budgets of programs that have one, in every currency that the batch's commissions can be in.
    pub fn add_terms<'t>(&mut self, terms: impl Iterator<Item = &'t Terms>) {
        for terms in terms.filter(|terms| terms.caps.budget_minor.is_some()) {
            let currencies = self.currencies.iter().copied().chain([currency_of_leads(terms)]);
            self.budgets.extend(currencies.map(|currency| (terms.program, currency)));
        }
    }

    pub fn add_fact_clicks(&mut self, clicks: &[Touch]) {
        self.click_names.extend(clicks.iter().map(|touch| ClickName::from(&touch.receipt)));
    }

    /// Whether sales are decided: clicks alone look at no customer and at no value.
    pub fn sells(&self) -> bool {
        !self.sold_links.is_empty() || !self.values.is_empty()
    }

    /// The clicks that sales could be won by.
    pub fn add_touches(&mut self, owner: &Touches) {
        let known = self.sold_links.iter().filter_map(|link| owner.links.get(link));
        let touches = known.flat_map(|known| known.first.iter().chain(&known.last));
        self.click_names.extend(touches.map(|touch| ClickName::from(&touch.receipt)));
    }

    /// Clicks that sales of the same batch could be won by.
    pub fn add_clicks(&mut self, batch: &[Logged]) {
        for logged in batch {
            if let Body::Click(click) = &logged.event.body
                && click.receipt.fields().client_event_id
            {
                self.click_names.insert(ClickName::from(&click.receipt));
            }
        }
    }

    fn add_event(&mut self, logged: &Logged) {
        self.brought_by.extend(logged.event.key);
        match &logged.event.body {
            Body::Click(click) => self.add_click(logged, click),
            Body::Settle(settle) => {
                self.conversions.insert(settle.conversion);
                self.parked.insert(settle.conversion);
                self.settles.push(*settle);
            }
            Body::Tick => self.tick = self.tick.max(Some(logged.appended_at)),
            body => self.add_body(body),
        }
    }

    fn add_body(&mut self, body: &Body) {
        match body {
            Body::Lead(claim) => self.add_claim(claim),
            Body::Sale(sale) => {
                self.add_claim(&sale.claim);
                self.values.insert((sale.claim.company, sale.currency));
                self.currencies.insert(sale.currency);
            }
            Body::Refund(refund) => {
                self.keys.insert(refund.key);
                self.conversions.insert(refund.conversion);
            }
            Body::Review(review) => {
                self.conversions.insert(review.conversion);
            }
            Body::Click(_) | Body::Settle(_) | Body::EdgeCounts(_) | Body::Tick => {}
        }
    }

    fn add_click(&mut self, logged: &Logged, click: &Click) {
        let fields = click.receipt.fields();
        let at = fields.at.min(logged.taken_at());
        self.late.entry(fields.link).and_modify(|earliest| *earliest = at.min(*earliest)).or_insert(at);
    }

    fn add_claim(&mut self, claim: &Claim) {
        self.conversions.insert(claim.conversion);
        self.keys.extend(&claim.keys);
        self.programs.extend(claim.program);
        if let Some(link) = claim.code_link {
            self.code_links.entry(claim.conversion).or_default().insert(link);
        }
        let receipt = claim.receipt.map(|receipt| receipt.fields());
        for link in claim.code_link.into_iter().chain(receipt.map(|fields| fields.link)) {
            self.links.insert(link);
            self.sold_links.insert(link);
        }
        self.click_names.extend(claim.receipt.as_ref().map(ClickName::from));
        let idents = claim.customer.map(Ident::Customer).into_iter().chain(claim.email.map(Ident::Email));
        self.idents.extend(idents.map(|ident| (claim.company, ident)));
    }
}
