//! Conversions and transfers, and the balances that transfers add up to.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{
    accounts::{Account, Transfer},
    conversion::Conversion,
    ids::{ConversionId, TransferId},
    money::Currency,
};

use super::{
    Pace, counts,
    folded::Folded,
    steps::{Check, Steps},
};
use crate::{
    StoreError,
    ledger::codes::account_columns,
    postgres::ledger::{
        ask::{Ask, Told, column, one},
        columns::{Wide, get_wide, small},
        conversion_row,
        session::Session,
    },
};

/// Conversions and transfers of which some may be there.
pub(super) fn write(
    steps: &mut Steps,
    folded: &Folded,
    new: &[&Conversion],
    known: &[&Conversion],
    pace: Pace,
) -> Result<(), StoreError> {
    if !new.is_empty() {
        steps.push(conversion_row::insert(new)?);
    }
    if !known.is_empty() {
        let ids = column(known, |conversion| Wide(conversion.id.0));
        steps.push_checked(Ask::rows(counts::BEFORE, vec![ids]), Check::Before);
        steps.push(conversion_row::put(known)?);
    }
    if !folded.transfers.is_empty() {
        steps.push_checked(post(&folded.transfers, pace), Check::Posted);
    }
    Ok(())
}

type Transfers = BTreeMap<(ConversionId, TransferId), Transfer>;

macro_rules! insert {
    ($then:literal) => {
        concat!(
            "INSERT INTO ledger.transfers (conversion, id, debit_kind, debit_company, debit_partner, credit_kind, credit_company, \
             credit_partner, amount_minor, currency, reason, event, at_ms) \
             SELECT unnest($1::uuid[]), unnest($2::uuid[]), unnest($3::smallint[]), unnest($4::bigint[]), unnest($5::bigint[]), \
             unnest($6::smallint[]), unnest($7::bigint[]), unnest($8::bigint[]), unnest($9::bigint[]), unnest($10::text[]), \
             unnest($11::smallint[]), unnest($12::uuid[]), unnest($13::bigint[]) ",
            $then
        )
    };
}

/// Posting twice is posting once.
pub(super) fn post(transfers: &Transfers, pace: Pace) -> Ask {
    let all: Vec<_> = transfers.values().map(|t| (t, account_columns(t.debit), account_columns(t.credit))).collect();
    let sql = match pace {
        Pace::Fast => insert!(""),
        Pace::Careful => insert!("ON CONFLICT DO NOTHING"),
    };
    Ask::count(
        sql,
        vec![
            column(&all, |(t, ..)| Wide(t.conversion.0)),
            column(&all, |(t, ..)| Wide(t.id.0)),
            column(&all, |(_, debit, _)| i16::from(debit.0)),
            column(&all, |(_, debit, _)| debit.1),
            column(&all, |(_, debit, _)| debit.2),
            column(&all, |(.., credit)| i16::from(credit.0)),
            column(&all, |(.., credit)| credit.1),
            column(&all, |(.., credit)| credit.2),
            column(&all, |(t, ..)| t.amount_minor),
            column(&all, |(t, ..)| t.currency.code()),
            column(&all, |(t, ..)| i16::from(t.reason as u8)),
            column(&all, |(t, ..)| Wide(t.event.0)),
            column(&all, |(t, ..)| t.at.0),
        ],
    )
}

/// Those of the transfers that were posted now and not before, of which there are so many.
pub(super) async fn posted<'t>(
    session: &Session,
    transfers: &'t Transfers,
    posted: u64,
) -> Result<Vec<&'t Transfer>, StoreError> {
    if posted == transfers.len() as u64 {
        return Ok(transfers.values().collect());
    }
    let all: Vec<_> = transfers.keys().collect();
    let own = Ask::rows(
        "SELECT t.conversion, t.id FROM unnest($1::uuid[], $2::uuid[]) asked (conversion, id)
         JOIN ledger.transfers t USING (conversion, id) WHERE t.xmin = pg_current_xact_id()::xid",
        vec![column(&all, |(conversion, _)| Wide(conversion.0)), column(&all, |(_, id)| Wide(id.0))],
    );
    let mut now = BTreeSet::new();
    for row in session.all(None, &[own], None).await?.into_iter().flat_map(Told::rows) {
        now.insert((ConversionId(get_wide(&row, 0)?), TransferId(get_wide(&row, 1)?)));
    }
    Ok(transfers.iter().filter(|(key, _)| now.contains(key)).map(|(_, transfer)| transfer).collect())
}

pub(super) fn balances<'t>(partition: u32, posted: impl Iterator<Item = &'t Transfer>) -> Result<Ask, StoreError> {
    let mut balances: BTreeMap<(Account, Currency), i128> = BTreeMap::new();
    for transfer in posted {
        let amount = i128::from(transfer.amount_minor);
        *balances.entry((transfer.debit, transfer.currency)).or_default() -= amount;
        *balances.entry((transfer.credit, transfer.currency)).or_default() += amount;
    }
    let narrow = |account: Account, amount: i128| {
        i64::try_from(amount).map_err(|_| StoreError::Corrupt(format!("the balance of {account:?} is past 64 bits")))
    };
    let all: Vec<_> = balances
        .into_iter()
        .map(|((account, currency), amount)| Ok((account_columns(account), currency, narrow(account, amount)?)))
        .collect::<Result<_, StoreError>>()?;
    Ok(Ask::count(
        "INSERT INTO ledger.balances AS b (partition, company, kind, partner, currency, amount_minor)
         SELECT $1::integer, * FROM unnest($2::bigint[], $3::smallint[], $4::bigint[], $5::text[], $6::bigint[])
         ON CONFLICT (company, kind, partner, currency, partition) DO UPDATE SET amount_minor = b.amount_minor + excluded.amount_minor",
        vec![
            one(small(partition)),
            column(&all, |((_, company, _), ..)| *company),
            column(&all, |((kind, ..), ..)| i16::from(*kind)),
            column(&all, |((.., partner), ..)| *partner),
            column(&all, |(_, currency, _)| currency.code()),
            column(&all, |(.., amount)| *amount),
        ],
    ))
}
