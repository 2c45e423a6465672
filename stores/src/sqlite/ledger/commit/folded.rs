//! What a batch adds up to before it is written: a thousand clicks become a handful of rows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rules::{
    effect::Parked,
    known::{Ident, IdentRecord, LinkSales},
};
use rusqlite::Transaction;
use schemas::{
    accounts::Transfer,
    conversion::Conversion,
    decision::{EventKind, Outcome},
    ids::{CompanyId, ConversionId, LinkId, ProgramId},
    money::Currency,
    time::{Day, TimeMs},
};

use super::{conversions, sales, transfers};
use crate::{
    StoreError,
    sqlite::{
        ledger::columns::ident_bytes,
        row::{int, wide},
    },
};

#[derive(Default)]
pub(super) struct Folded {
    outcomes: BTreeMap<(CompanyId, Day, EventKind, Outcome), i64>,
    transfers: Vec<Transfer>,
    /// Each as it was last.
    conversions: Vec<Conversion>,
    places: HashMap<ConversionId, usize>,
    idents: BTreeMap<(CompanyId, Ident), IdentRecord>,
    /// Identifiers under which something was parked.
    parked_under: BTreeSet<(CompanyId, Ident)>,
    spent: BTreeMap<(ProgramId, Currency), i128>,
    link_sales: BTreeMap<(LinkId, i64), u32>,
    values: BTreeMap<(CompanyId, Currency), Vec<i64>>,
}

impl Folded {
    pub(super) fn count(&mut self, company: CompanyId, day: Day, kind: EventKind, outcome: Outcome, by: i64) {
        *self.outcomes.entry((company, day, kind, outcome)).or_default() += by;
    }

    pub(super) fn post(&mut self, transfer: Transfer) {
        self.transfers.push(transfer);
    }

    pub(super) fn put_conversion(&mut self, conversion: Conversion) {
        let place = *self.places.entry(conversion.id).or_insert(self.conversions.len());
        match self.conversions.get_mut(place) {
            Some(before) => *before = conversion,
            None => self.conversions.push(conversion),
        }
    }

    pub(super) fn put_ident(&mut self, company: CompanyId, ident: Ident, record: IdentRecord) {
        self.idents.insert((company, ident), record);
    }

    pub(super) fn park(&mut self, parked: &Parked) {
        self.parked_under.extend(parked.idents.iter().map(|ident| (parked.company, *ident)));
    }

    pub(super) fn spend(&mut self, program: ProgramId, currency: Currency, amount_minor: i64) {
        *self.spent.entry((program, currency)).or_default() += i128::from(amount_minor);
    }

    pub(super) fn count_sale(&mut self, link: LinkId, at: TimeMs) {
        *self.link_sales.entry((link, LinkSales::bucket_of(at))).or_default() += 1;
    }

    pub(super) fn note_value(&mut self, company: CompanyId, currency: Currency, amount_minor: i64) {
        self.values.entry((company, currency)).or_default().push(amount_minor);
    }

    pub(super) fn write(mut self, transaction: &Transaction<'_>, partition: u32) -> Result<(), StoreError> {
        add_outcomes(transaction, &self.outcomes)?;
        put_idents(transaction, &self.idents)?;
        touch_idents(transaction, self.parked_under.iter().filter(|ident| !self.idents.contains_key(ident)))?;
        spend(transaction, &self.spent)?;
        sales::add_link_sales(transaction, &self.link_sales)?;
        sales::add_values(transaction, &self.values)?;
        self.conversions.sort_unstable_by_key(|conversion| conversion.id);
        conversions::put(transaction, &self.conversions)?;
        // Of one id the first counts.
        self.transfers.sort_by_key(|transfer| (transfer.conversion, transfer.id));
        transfers::post(transaction, partition, &self.transfers)
    }
}

fn add_outcomes(
    transaction: &Transaction<'_>,
    outcomes: &BTreeMap<(CompanyId, Day, EventKind, Outcome), i64>,
) -> rusqlite::Result<()> {
    let mut add = transaction.prepare_cached(
        "INSERT INTO outcomes (company, day, kind, outcome, n) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET n = n + excluded.n",
    )?;
    for ((company, day, kind, outcome), n) in outcomes {
        add.execute((int(company.0), day.0, *kind as u8, *outcome as u8, n))?;
    }
    Ok(())
}

fn put_idents(
    transaction: &Transaction<'_>,
    idents: &BTreeMap<(CompanyId, Ident), IdentRecord>,
) -> rusqlite::Result<()> {
    let mut put = transaction.prepare_cached(
        "INSERT INTO idents (company, ident, bound_partner, bound_link, bound_at_ms, customer, email) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO UPDATE SET bound_partner = excluded.bound_partner, bound_link = excluded.bound_link,
             bound_at_ms = excluded.bound_at_ms, customer = excluded.customer, email = excluded.email,
             version = version + 1",
    )?;
    for ((company, ident), record) in idents {
        put.execute((
            int(company.0),
            ident_bytes(*ident),
            record.bound.map(|bound| int(bound.partner.0)),
            record.bound.map(|bound| int(bound.link.0)),
            record.bound.map(|bound| bound.at.0),
            record.customer.map(|customer| wide(customer.0)),
            record.email.map(|email| wide(email.0)),
        ))?;
    }
    Ok(())
}

/// What is parked under an identifier is part of what is known of it.
fn touch_idents<'i>(
    transaction: &Transaction<'_>,
    idents: impl Iterator<Item = &'i (CompanyId, Ident)>,
) -> rusqlite::Result<()> {
    let mut touch = transaction.prepare_cached(
        "INSERT INTO idents (company, ident) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET version = version + 1",
    )?;
    for (company, ident) in idents {
        touch.execute((int(company.0), ident_bytes(*ident)))?;
    }
    Ok(())
}

fn spend(transaction: &Transaction<'_>, spent: &BTreeMap<(ProgramId, Currency), i128>) -> Result<(), StoreError> {
    let mut add = transaction.prepare_cached(
        "INSERT INTO budgets (program, currency, spent_minor, version) VALUES (?1, ?2, ?3, 1)
         ON CONFLICT DO UPDATE SET spent_minor = spent_minor + excluded.spent_minor, version = version + 1",
    )?;
    for ((program, currency), amount) in spent {
        let amount = i64::try_from(*amount)
            .map_err(|_| StoreError::Corrupt(format!("what is spent of {program:?} is past 64 bits")))?;
        add.execute((int(program.0), currency.code(), amount))?;
    }
    Ok(())
}
