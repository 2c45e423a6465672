//! What a batch knew and writes of customers and budgets.

use std::collections::BTreeMap;

use rules::known::{Ident, IdentRecord};
use schemas::{
    ids::{CompanyId, ProgramId},
    money::Currency,
};

use super::{
    Pace,
    folded::Folded,
    steps::{Check, Steps},
};
use crate::{
    StoreError,
    ledger::{SharedRow, codes::ident_bytes},
    postgres::ledger::{
        ask::{Ask, Param, column},
        columns::{Wide, int},
        shared::{self, Kind},
    },
};

macro_rules! insert_idents {
    ($then:literal) => {
        concat!(
            "INSERT INTO ledger.idents AS i (company, ident, bound_partner, bound_link, bound_at_ms, customer, email) \
             SELECT unnest($1::bigint[]), unnest($2::bytea[]), unnest($3::bigint[]), unnest($4::bigint[]), \
             unnest($5::bigint[]), unnest($6::uuid[]), unnest($7::uuid[]) ",
            $then
        )
    };
}

/// A customer that was not known is made here whatever becomes of it: who relied on that too finds it.
pub(super) fn idents(steps: &mut Steps, relied_on: &BTreeMap<(CompanyId, Ident), u64>, folded: &Folded, pace: Pace) {
    let there = || relied_on.iter().filter(|(_, version)| **version > 0);
    if there().next().is_some() {
        let looked_up = there().map(|(ident, version)| (SharedRow::Ident(ident.0, ident.1), *version)).collect();
        let ask = shared::lock_idents(there().map(|(ident, _)| *ident));
        steps.push_checked(ask, Check::Known { kind: Kind::Ident, looked_up });
    }
    let absent = |ident: &(CompanyId, Ident)| relied_on.get(ident) == Some(&0);
    let record = |ident: &(CompanyId, Ident)| folded.idents.get(ident).copied().unwrap_or_default();
    let made: Vec<_> = relied_on.keys().filter(|ident| absent(ident)).map(|ident| (*ident, record(ident))).collect();
    if !made.is_empty() {
        let check = Check::Rows {
            wanted: made.len() as u64,
            kind: Kind::Ident,
            found: shared::ident_made_before(made.iter().map(|(ident, _)| *ident)),
            else_row: made.first().map(|(ident, _)| SharedRow::Ident(ident.0, ident.1)),
        };
        let sql = match pace {
            Pace::Fast => insert_idents!(""),
            Pace::Careful => insert_idents!("ON CONFLICT DO NOTHING"),
        };
        steps.push_checked(Ask::count(sql, ident_columns(&made)), check);
    }
    let put: Vec<_> =
        folded.idents.iter().filter(|(ident, _)| !absent(ident)).map(|(i, record)| (*i, *record)).collect();
    if !put.is_empty() {
        steps.push(Ask::count(PUT_IDENTS, ident_columns(&put)));
    }
    let changed = |ident: &(CompanyId, Ident)| absent(ident) || folded.idents.contains_key(ident);
    let touched: Vec<_> = folded.parked_under.iter().filter(|ident| !changed(ident)).copied().collect();
    if !touched.is_empty() {
        steps.push(Ask::count(TOUCH_IDENTS, shared::idents(touched.into_iter())));
    }
}

const PUT_IDENTS: &str = insert_idents!(
    "ON CONFLICT (company, ident) DO UPDATE SET bound_partner = excluded.bound_partner, bound_link = excluded.bound_link, \
     bound_at_ms = excluded.bound_at_ms, customer = excluded.customer, email = excluded.email, version = i.version + 1"
);

const TOUCH_IDENTS: &str =
    "INSERT INTO ledger.idents AS i (company, ident) SELECT * FROM unnest($1::bigint[], $2::bytea[])
     ON CONFLICT (company, ident) DO UPDATE SET version = i.version + 1";

fn ident_columns(idents: &[((CompanyId, Ident), IdentRecord)]) -> Vec<Param> {
    vec![
        column(idents, |((company, _), _)| int(company.0)),
        column(idents, |((_, ident), _)| ident_bytes(*ident).to_vec()),
        column(idents, |(_, record)| record.bound.map(|bound| int(bound.partner.0))),
        column(idents, |(_, record)| record.bound.map(|bound| int(bound.link.0))),
        column(idents, |(_, record)| record.bound.map(|bound| bound.at.0)),
        column(idents, |(_, record)| record.customer.map(|customer| Wide(customer.0))),
        column(idents, |(_, record)| record.email.map(|email| Wide(email.0))),
    ]
}

/// The same of budgets.
pub(super) fn budgets(
    steps: &mut Steps,
    relied_on: &BTreeMap<(ProgramId, Currency), u64>,
    spent: &BTreeMap<(ProgramId, Currency), i128>,
) -> Result<(), StoreError> {
    let there = || relied_on.iter().filter(|(_, version)| **version > 0);
    if there().next().is_some() {
        let looked_up = there().map(|(budget, version)| (SharedRow::Budget(budget.0, budget.1), *version)).collect();
        let ask = shared::lock_budgets(there().map(|(budget, _)| *budget));
        steps.push_checked(ask, Check::Known { kind: Kind::Budget, looked_up });
    }
    let absent = |budget: &(ProgramId, Currency)| relied_on.get(budget) == Some(&0);
    let amount = |budget: &(ProgramId, Currency)| narrow(budget.0, spent.get(budget).copied().unwrap_or(0));
    let made: Vec<_> = relied_on
        .keys()
        .filter(|budget| absent(budget))
        .map(|budget| Ok((*budget, amount(budget)?)))
        .collect::<Result<_, StoreError>>()?;
    if !made.is_empty() {
        let check = Check::Rows {
            wanted: made.len() as u64,
            kind: Kind::Budget,
            found: shared::budget_made_before(made.iter().map(|(budget, _)| *budget)),
            else_row: made.first().map(|(budget, _)| SharedRow::Budget(budget.0, budget.1)),
        };
        steps.push_checked(Ask::count(MAKE_BUDGETS, budget_columns(&made)), check);
    }
    let added: Vec<_> = spent
        .keys()
        .filter(|budget| !absent(budget))
        .map(|budget| Ok((*budget, amount(budget)?)))
        .collect::<Result<_, StoreError>>()?;
    if !added.is_empty() {
        steps.push(Ask::count(SPEND, budget_columns(&added)));
    }
    Ok(())
}

const MAKE_BUDGETS: &str = "INSERT INTO ledger.budgets (program, currency, spent_minor, version)
     SELECT *, 1 FROM unnest($1::bigint[], $2::text[], $3::bigint[]) ON CONFLICT DO NOTHING";

const SPEND: &str = "INSERT INTO ledger.budgets AS b (program, currency, spent_minor, version)
     SELECT *, 1 FROM unnest($1::bigint[], $2::text[], $3::bigint[])
     ON CONFLICT (program, currency) DO UPDATE SET spent_minor = b.spent_minor + excluded.spent_minor, version = b.version + 1";

fn budget_columns(budgets: &[((ProgramId, Currency), i64)]) -> Vec<Param> {
    vec![
        column(budgets, |((program, _), _)| int(program.0)),
        column(budgets, |((_, currency), _)| currency.code()),
        column(budgets, |(_, amount)| *amount),
    ]
}

fn narrow(program: ProgramId, amount: i128) -> Result<i64, StoreError> {
    i64::try_from(amount).map_err(|_| StoreError::Corrupt(format!("what is spent of {program:?} is past 64 bits")))
}
