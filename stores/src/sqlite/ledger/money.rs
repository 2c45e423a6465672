use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::{Connection, Row, Transaction};
use schemas::{
    accounts::Account,
    ids::{CompanyId, PartnerId},
    money::Currency,
};

use super::columns::{get_account, get_currency};
use crate::{
    StoreError,
    ledger::{Balance, Books, CompanyBooks},
    sqlite::row::int,
};

pub(super) fn balances_of_company(connection: &Connection, company: CompanyId) -> Result<Vec<Balance>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT kind, company, partner, currency, sum(amount_minor) FROM balances
         WHERE company = ?1 GROUP BY kind, partner, currency ORDER BY kind, partner, currency",
    )?;
    let balances = statement.query_map([int(company.0)], read_balance)?;
    Ok(balances.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn balances_of_partner(connection: &Connection, partner: PartnerId) -> Result<Vec<Balance>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT kind, company, partner, currency, sum(amount_minor) FROM balances
         WHERE partner = ?1 AND kind BETWEEN 2 AND 4 GROUP BY company, kind, currency ORDER BY company, kind, currency",
    )?;
    let balances = statement.query_map([int(partner.0)], read_balance)?;
    Ok(balances.collect::<rusqlite::Result<_>>()?)
}

fn read_balance(row: &Row<'_>) -> rusqlite::Result<Balance> {
    Ok(Balance { account: get_account(row, 0)?, currency: get_currency(row, 3)?, amount_minor: row.get(4)? })
}

type Sums = HashMap<(Account, Currency), i128>;

pub(super) fn sum_by_currency(connection: &mut Connection) -> Result<Vec<Books>, StoreError> {
    let transaction = connection.transaction()?;
    let stored = stored_balances(&transaction)?;
    let (recounted, transfers) = recount(&transaction, None)?;
    let mut books: BTreeMap<Currency, Books> = BTreeMap::new();
    let accounts: BTreeSet<&(Account, Currency)> = stored.keys().chain(recounted.keys()).collect();
    for account in accounts {
        let [balance, recount] = [&stored, &recounted].map(|sums| sums.get(account).copied().unwrap_or(0));
        let own = books.entry(account.1).or_insert(empty_books(account.1));
        own.balances_minor += balance;
        own.recounted_minor += recount;
        own.accounts_that_differ += u64::from(balance != recount);
    }
    for (currency, n) in transfers {
        books.entry(currency).or_insert(empty_books(currency)).transfers = n;
    }
    Ok(books.into_values().collect())
}

/// Reads every transfer of the company, and nobody else's.
pub(super) fn books_of_company(
    connection: &mut Connection,
    company: CompanyId,
) -> Result<Vec<CompanyBooks>, StoreError> {
    let transaction = connection.transaction()?;
    let mut stored = Sums::new();
    for balance in balances_of_company(&transaction, company)? {
        *stored.entry((balance.account, balance.currency)).or_default() += i128::from(balance.amount_minor);
    }
    let (recounted, transfers) = recount(&transaction, Some(company))?;
    let mut books: BTreeMap<Currency, CompanyBooks> = BTreeMap::new();
    let accounts: BTreeSet<&(Account, Currency)> = stored.keys().chain(recounted.keys()).collect();
    for account in accounts {
        let [balance, recount] = [&stored, &recounted].map(|sums| sums.get(account).copied().unwrap_or(0));
        let own = books.entry(account.1).or_insert(CompanyBooks {
            currency: account.1,
            transfers: transfers.get(&account.1).copied().unwrap_or(0),
            debits_minor: 0,
            credits_minor: 0,
            accounts_that_differ: 0,
        });
        own.debits_minor -= balance.min(0);
        own.credits_minor += balance.max(0);
        own.accounts_that_differ += u64::from(balance != recount);
    }
    Ok(books.into_values().collect())
}

fn empty_books(currency: Currency) -> Books {
    Books { currency, balances_minor: 0, recounted_minor: 0, accounts_that_differ: 0, transfers: 0 }
}

fn stored_balances(transaction: &Transaction<'_>) -> rusqlite::Result<Sums> {
    let mut sums = Sums::new();
    let mut statement =
        transaction.prepare_cached("SELECT kind, company, partner, currency, amount_minor FROM balances")?;
    for balance in statement.query_map([], read_balance)? {
        let balance = balance?;
        *sums.entry((balance.account, balance.currency)).or_default() += i128::from(balance.amount_minor);
    }
    Ok(sums)
}

fn recount(transaction: &Transaction<'_>, of: Option<CompanyId>) -> rusqlite::Result<(Sums, HashMap<Currency, u64>)> {
    const COLUMNS: &str = "debit_kind, debit_company, debit_partner, credit_kind, credit_company, credit_partner, t.amount_minor, t.currency";
    let (mut sums, mut transfers) = (Sums::new(), HashMap::new());
    let own = "JOIN conversions c ON c.number = t.number WHERE c.company = ?1";
    let mut statement = match of {
        Some(_) => transaction.prepare_cached(&format!("SELECT {COLUMNS} FROM transfers t {own}"))?,
        None => transaction.prepare_cached(&format!("SELECT {COLUMNS} FROM transfers t"))?,
    };
    let mut rows = statement.query(rusqlite::params_from_iter(of.map(|company| int(company.0))))?;
    while let Some(row) = rows.next()? {
        let amount: i64 = row.get(6)?;
        let currency = get_currency(row, 7)?;
        *sums.entry((get_account(row, 0)?, currency)).or_default() -= i128::from(amount);
        *sums.entry((get_account(row, 3)?, currency)).or_default() += i128::from(amount);
        *transfers.entry(currency).or_default() += 1;
    }
    Ok((sums, transfers))
}
