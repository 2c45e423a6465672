use std::collections::{BTreeMap, BTreeSet, HashMap};

use schemas::{
    accounts::Account,
    ids::{CompanyId, PartnerId},
    money::Currency,
};
use tokio_postgres::Row;

use super::{
    ask::{Ask, one},
    columns::{get_account, get_currency, int, unreadable},
    session::Session,
};
use crate::{
    StoreError,
    ledger::{Balance, Books, CompanyBooks},
};

pub(super) async fn balances_of_company(session: Session, company: CompanyId) -> Result<Vec<Balance>, StoreError> {
    let ask = Ask::rows(
        "SELECT kind, company, partner, currency, sum(amount_minor)::bigint FROM ledger.balances
         WHERE company = $1 GROUP BY kind, company, partner, currency ORDER BY kind, partner, currency",
        vec![one(int(company.0))],
    );
    balances(session, ask).await
}

pub(super) async fn balances_of_partner(session: Session, partner: PartnerId) -> Result<Vec<Balance>, StoreError> {
    let ask = Ask::rows(
        "SELECT kind, company, partner, currency, sum(amount_minor)::bigint FROM ledger.balances
         WHERE partner = $1 AND kind IN (2, 3, 4) GROUP BY kind, company, partner, currency ORDER BY company, kind, currency",
        vec![one(int(partner.0))],
    );
    balances(session, ask).await
}

async fn balances(session: Session, ask: Ask) -> Result<Vec<Balance>, StoreError> {
    let rows = session.read(&[ask]).await?.into_iter().flat_map(|told| told.rows());
    rows.map(|row| {
        Ok(Balance { account: get_account(&row, 0)?, currency: get_currency(&row, 3)?, amount_minor: row.try_get(4)? })
    })
    .collect()
}

pub(super) async fn sum_by_currency(session: Session) -> Result<Vec<Books>, StoreError> {
    let asks = [Ask::rows(STORED, Vec::new()), Ask::rows(RECOUNTED, Vec::new()), Ask::rows(TRANSFERS, Vec::new())];
    let (stored, recounted, transfers) = read_books(session, &asks).await?;
    let mut books: BTreeMap<Currency, Books> = BTreeMap::new();
    let accounts: BTreeSet<&(Account, Currency)> = stored.keys().chain(recounted.keys()).collect();
    for account in accounts {
        let [balance, recount] = [&stored, &recounted].map(|sums| sums.get(account).copied().unwrap_or(0));
        let own = books.entry(account.1).or_insert(Books {
            currency: account.1,
            transfers: transfers.get(&account.1).copied().unwrap_or(0),
            balances_minor: 0,
            recounted_minor: 0,
            accounts_that_differ: 0,
        });
        own.balances_minor += balance;
        own.recounted_minor += recount;
        own.accounts_that_differ += u64::from(balance != recount);
    }
    Ok(books.into_values().collect())
}

/// Reads every transfer of the company, and nobody else's.
pub(super) async fn books_of_company(session: Session, company: CompanyId) -> Result<Vec<CompanyBooks>, StoreError> {
    let of = || vec![one(int(company.0))];
    let asks = [
        Ask::rows(STORED_OF_COMPANY, of()),
        Ask::rows(RECOUNTED_OF_COMPANY, of()),
        Ask::rows(TRANSFERS_OF_COMPANY, of()),
    ];
    let (stored, recounted, transfers) = read_books(session, &asks).await?;
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

macro_rules! balances_where {
    ($which:literal) => {
        concat!(
            "SELECT kind, company, partner, currency, sum(amount_minor)::text FROM ledger.balances ",
            $which,
            " GROUP BY kind, company, partner, currency"
        )
    };
}

macro_rules! recounted_of {
    ($transfers:literal) => {
        concat!(
            "SELECT kind, company, partner, currency, sum(moved_minor)::text FROM ",
            $transfers,
            ", LATERAL (VALUES (debit_kind, debit_company, debit_partner, -t.amount_minor), \
             (credit_kind, credit_company, credit_partner, t.amount_minor)) posting (kind, company, partner, moved_minor) \
             GROUP BY kind, company, partner, currency"
        )
    };
}

const STORED: &str = balances_where!("");
const STORED_OF_COMPANY: &str = balances_where!("WHERE company = $1");
const RECOUNTED: &str = recounted_of!("ledger.transfers t");
const RECOUNTED_OF_COMPANY: &str = recounted_of!(
    "(SELECT t.* FROM ledger.transfers t JOIN ledger.conversions c ON c.id = t.conversion WHERE c.company = $1) t"
);
const TRANSFERS: &str = "SELECT currency, count(*) FROM ledger.transfers GROUP BY currency";
const TRANSFERS_OF_COMPANY: &str = "SELECT t.currency, count(*) FROM ledger.transfers t JOIN ledger.conversions c ON c.id = t.conversion \
     WHERE c.company = $1 GROUP BY t.currency";

type Sums = HashMap<(Account, Currency), i128>;
type Counts = HashMap<Currency, u64>;

async fn read_books(session: Session, asks: &[Ask; 3]) -> Result<(Sums, Sums, Counts), StoreError> {
    let mut told = session.patient().read_snapshot(asks).await?.into_iter();
    let mut rows = || told.next().map(|told| told.rows()).unwrap_or_default();
    let (stored, recounted) = (read_sums(&rows())?, read_sums(&rows())?);
    let mut transfers = Counts::new();
    for row in rows() {
        transfers.insert(get_currency(&row, 0)?, row.try_get::<_, i64>(1)?.unsigned_abs());
    }
    Ok((stored, recounted, transfers))
}

fn read_sums(rows: &[Row]) -> Result<Sums, StoreError> {
    let mut sums = Sums::new();
    for row in rows {
        let sum: &str = row.try_get(4)?;
        let sum = sum.parse().map_err(|_| unreadable(row, 4, "a sum"))?;
        sums.insert((get_account(row, 0)?, get_currency(row, 3)?), sum);
    }
    Ok(sums)
}
