//! A batch's effects by the tables that they go into, each row once and in the order of its key.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rules::{
    Effect,
    known::{ClickName, Ident, IdentRecord, LinkSales},
};
use schemas::{
    accounts::Transfer,
    conversion::{Conversion, RefundApplied},
    decision::{EventKind, Outcome},
    event::Settle,
    facts::{ConversionChange, Fact},
    ids::{CompanyId, ConversionId, LinkId, Position, ProgramId, TransferId},
    money::Currency,
    time::Day,
    wire::encode_decision,
};

use super::{keys::KeyWrites, waiting::Waiting};
use crate::ledger::CommitError;

#[derive(Default)]
pub(super) struct Folded {
    pub(super) outcomes: BTreeMap<(CompanyId, Day, EventKind, Outcome), i64>,
    pub(super) exceptions: Vec<(Position, Option<Outcome>)>,
    pub(super) keys: KeyWrites,
    /// Each as it was last.
    pub(super) conversions: Vec<Conversion>,
    pub(super) refunds: Vec<RefundApplied>,
    /// Each as it was first.
    pub(super) transfers: BTreeMap<(ConversionId, TransferId), Transfer>,
    pub(super) idents: BTreeMap<(CompanyId, Ident), IdentRecord>,
    /// Identifiers under which something was parked: that is part of what is known of them.
    pub(super) parked_under: BTreeSet<(CompanyId, Ident)>,
    pub(super) clicks: BTreeSet<(ClickName, u128)>,
    pub(super) link_sales: BTreeMap<(LinkId, i64), i64>,
    pub(super) values: BTreeMap<(CompanyId, Currency), Vec<i64>>,
    pub(super) spent: BTreeMap<(ProgramId, Currency), i128>,
    pub(super) waiting: Waiting,
    pub(super) settles: Vec<(u32, Settle)>,
    pub(super) changes: Vec<ConversionChange>,
    /// To which reply partition, and the encoded decision.
    pub(super) replies: Vec<(Option<u32>, Vec<u8>)>,
}

impl Folded {
    pub(super) fn of(effects: Vec<Effect>) -> Result<Folded, CommitError> {
        let (mut folded, mut places) = (Folded::default(), HashMap::new());
        for effect in effects {
            match effect {
                Effect::PutConversion(conversion) => folded.put(*conversion, &mut places),
                other => folded.take_in(other)?,
            }
        }
        folded.conversions.sort_unstable_by_key(|conversion| conversion.id);
        folded.refunds.sort_by_key(|refund| (refund.conversion, refund.id));
        Ok(folded)
    }

    fn put(&mut self, conversion: Conversion, places: &mut HashMap<ConversionId, usize>) {
        let place = *places.entry(conversion.id).or_insert(self.conversions.len());
        match self.conversions.get_mut(place) {
            Some(before) => *before = conversion,
            None => self.conversions.push(conversion),
        }
    }

    fn take_in(&mut self, effect: Effect) -> Result<(), CommitError> {
        match effect {
            Effect::Count { company, kind, outcome, day, by } => {
                *self.outcomes.entry((company, day, kind, outcome)).or_default() += by;
            }
            Effect::ExceptClick { position, outcome } => self.exceptions.push((position, outcome)),
            Effect::TakeKey { key, taken } => self.keys.take(key, taken)?,
            Effect::FreeKey { key } => self.keys.free(key),
            Effect::PutRefund(refund) => self.refunds.push(refund),
            Effect::Post(transfer) => {
                self.transfers.entry((transfer.conversion, transfer.id)).or_insert(transfer);
            }
            Effect::PutIdent { company, ident, record } => {
                self.idents.insert((company, ident), record);
            }
            Effect::UseClick { click, customer } => {
                self.clicks.insert((click, customer));
            }
            Effect::CountSale { link, at } => {
                *self.link_sales.entry((link, LinkSales::bucket_of(at))).or_default() += 1;
            }
            Effect::NoteValue { company, currency, amount_minor } => {
                self.values.entry((company, currency)).or_default().push(amount_minor);
            }
            Effect::Spend { program, currency, amount_minor } => {
                *self.spent.entry((program, currency)).or_default() += i128::from(amount_minor);
            }
            Effect::Park(parked) => {
                self.parked_under.extend(parked.idents.iter().map(|ident| (parked.company, *ident)));
                self.waiting.park(*parked);
            }
            Effect::Unpark { conversion } => self.waiting.unpark(conversion),
            Effect::NoteLate { company, conversion, click } => self.waiting.note_late(company, conversion, click),
            Effect::ClearLate { conversion, facts_up_to } => self.waiting.clear_late(conversion, facts_up_to),
            Effect::Await { company, link, conversion, at } => self.waiting.await_click(company, link, conversion, at),
            Effect::AppendSettle { partition, settle } => self.settles.push((partition, settle)),
            Effect::Record(Fact::Change(change)) => self.changes.push(*change),
            Effect::Reply(decision) => self.replies.push((decision.reply_to, encode_decision(&decision))),
            Effect::PutConversion(_)
            | Effect::Record(Fact::Click(_))
            | Effect::Remember { .. }
            | Effect::See { .. }
            | Effect::Forward { .. } => {}
        }
        Ok(())
    }
}
