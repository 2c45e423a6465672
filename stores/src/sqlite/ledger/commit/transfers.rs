use std::collections::BTreeMap;

use rusqlite::Transaction;
use schemas::{
    accounts::{Account, Transfer},
    money::Currency,
};

use crate::{
    StoreError,
    sqlite::{ledger::columns::account_columns, row::wide},
};

/// Posts those that were not posted before, and moves the balances by them. Their conversions are put by now.
pub(super) fn post(transaction: &Transaction<'_>, partition: u32, transfers: &[Transfer]) -> Result<(), StoreError> {
    let mut balances: BTreeMap<(Account, Currency), i128> = BTreeMap::new();
    let mut insert = transaction.prepare_cached(
        "INSERT INTO transfers (number, conversion, id, debit_kind, debit_company, debit_partner, credit_kind, credit_company,
                                credit_partner, amount_minor, currency, reason, event, at_ms)
         VALUES ((SELECT number FROM conversions WHERE id = ?1), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?;
    for transfer in transfers {
        let (debit, credit) = (account_columns(transfer.debit), account_columns(transfer.credit));
        let posted = insert.execute((
            wide(transfer.conversion.0),
            wide(transfer.id.0),
            debit.0,
            debit.1,
            debit.2,
            credit.0,
            credit.1,
            credit.2,
            transfer.amount_minor,
            transfer.currency.code(),
            transfer.reason as u8,
            wide(transfer.event.0),
            transfer.at.0,
        ))?;
        if posted == 1 {
            let amount = i128::from(transfer.amount_minor);
            *balances.entry((transfer.debit, transfer.currency)).or_default() -= amount;
            *balances.entry((transfer.credit, transfer.currency)).or_default() += amount;
        }
    }
    add_balances(transaction, partition, &balances)
}

fn add_balances(
    transaction: &Transaction<'_>,
    partition: u32,
    balances: &BTreeMap<(Account, Currency), i128>,
) -> Result<(), StoreError> {
    let mut add = transaction.prepare_cached(
        "INSERT INTO balances (company, kind, partner, currency, partition, amount_minor) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET amount_minor = amount_minor + excluded.amount_minor",
    )?;
    for ((account, currency), amount) in balances {
        let amount = i64::try_from(*amount)
            .map_err(|_| StoreError::Corrupt(format!("the balance of {account:?} is past 64 bits")))?;
        let (kind, company, partner) = account_columns(*account);
        add.execute((company, kind, partner, currency.code(), partition, amount))?;
    }
    Ok(())
}
