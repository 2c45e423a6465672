use schemas::{hashes::AddressHash, ids::LinkId};

use crate::{
    Effect, Known,
    effect::Parked,
    known::{Awaiting, RECENT_VALUES},
    touches::{Before, Seen, Touch, Touches, Visitor},
};

impl Known {
    /// Takes effects in, so that the batch's next event sees them as if they had been fetched.
    pub fn apply(&mut self, effects: &[Effect]) {
        for effect in effects {
            self.take_in(effect);
        }
    }

    fn take_in(&mut self, effect: &Effect) {
        match effect {
            Effect::TakeKey { key, taken } => {
                self.keys.insert(*key, *taken);
            }
            Effect::FreeKey { key } => {
                self.keys.remove(key);
            }
            Effect::PutConversion(conversion) => {
                self.conversions.insert(conversion.id, (**conversion).clone());
            }
            Effect::PutIdent { company, ident, record } => {
                self.idents.insert((*company, *ident), *record);
            }
            Effect::UseClick { click, customer } => {
                self.click_customers.entry(*click).or_default().insert(*customer);
            }
            Effect::CountSale { link, at } => self.link_sales.entry(*link).or_default().count(*at),
            Effect::NoteValue { company, currency, amount_minor } => {
                let values = self.recent_values.entry((*company, *currency)).or_default();
                values.push(*amount_minor);
                let excess = values.len().saturating_sub(RECENT_VALUES);
                values.drain(..excess);
            }
            Effect::Spend { program, currency, amount_minor } => {
                let spent = self.budgets.entry((*program, *currency)).or_default();
                *spent = spent.saturating_add(*amount_minor);
            }
            Effect::Park(parked) => {
                self.parked.insert(parked.conversion, Parked::clone(parked));
            }
            Effect::Unpark { conversion } => {
                self.parked.remove(conversion);
                for waiting in self.awaiting.values_mut() {
                    waiting.retain(|awaiting| awaiting.conversion != *conversion);
                }
            }
            Effect::Await { company, link, conversion, at } => {
                self.note(|noted, touches| noted.link(*link, touches));
                self.touches.await_click(*link, *at);
                let waiting = self.awaiting.entry(*link).or_default();
                waiting.retain(|awaiting| awaiting.conversion != *conversion);
                waiting.push(Awaiting { company: *company, conversion: *conversion, at: *at });
            }
            Effect::Remember { link, touch, address_before } => self.remember(*link, *touch, *address_before),
            Effect::See { id, position, at } => {
                if let Some(before) = self.touches.see(*id, Seen { position: *position, at: *at }) {
                    self.note(|noted, _| noted.seen(*id, before));
                }
            }
            Effect::Count { .. }
            | Effect::ExceptClick { .. }
            | Effect::PutRefund(_)
            | Effect::Post(_)
            | Effect::NoteLate { .. }
            | Effect::ClearLate { .. }
            | Effect::AppendSettle { .. }
            | Effect::Forward { .. }
            | Effect::Record(_)
            | Effect::Reply(_) => {}
        }
    }

    fn remember(&mut self, link: LinkId, touch: Touch, address_before: Option<AddressHash>) {
        let now = Visitor::of(link, touch.receipt.fields().address_cut);
        if let Some(before) = address_before
            && self.touches.carry_over(Visitor::of(link, before.cut()), now)
        {
            self.note(|noted, _| noted.velocity(now, None));
        }
        self.note(|noted, touches| noted.link(link, touches));
        let velocity = self.touches.remember(link, touch);
        self.note(|noted, _| noted.velocity(now, velocity));
    }

    fn note(&mut self, note: impl FnOnce(&mut Before, &Touches)) {
        if let Some(before) = &mut self.before {
            note(before, &self.touches);
        }
    }
}
