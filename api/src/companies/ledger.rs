use axum::extract::State;
use schemas::money::Currency;
use serde::Serialize;
use stores::ledger::CompanyBooks;
use utoipa::ToSchema;

use crate::{
    Api,
    auth::caller::CompanyCaller,
    error::ErrorBody,
    reply::{Envelope, Reply, data},
};

/// One currency's books, in minor units. They are right where `sum` and `accountsThatDiffer` are 0.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LedgerBooks {
    #[schema(value_type = String, example = "USD")]
    currency: Currency,
    #[schema(example = 2)]
    transfers: u64,
    /// What stands below zero: the company's cost.
    #[schema(value_type = i64, example = 1000)]
    debits: i128,
    /// What stands above zero: earned, paid, and the platform's fees.
    #[schema(value_type = i64, example = 1000)]
    credits: i128,
    /// Credits less debits.
    #[schema(value_type = i64, example = 0)]
    sum: i128,
    /// Accounts whose balance is not what their transfers add up to.
    #[schema(example = 0)]
    accounts_that_differ: u64,
}

impl From<CompanyBooks> for LedgerBooks {
    fn from(books: CompanyBooks) -> LedgerBooks {
        LedgerBooks {
            currency: books.currency,
            transfers: books.transfers,
            debits: books.debits_minor,
            credits: books.credits_minor,
            sum: books.credits_minor - books.debits_minor,
            accounts_that_differ: books.accounts_that_differ,
        }
    }
}

/// Whether the books are right
///
/// One entry a currency, counted again from every transfer of the company.
#[utoipa::path(get, path = "/companies/ledger", tag = "companies", security(("token" = []), ("key" = [])), responses(
    (status = 200, body = Envelope<Vec<LedgerBooks>>),
    (status = 401, description = "`UNAUTHORIZED`", body = ErrorBody),
))]
pub(crate) async fn ledger(State(api): State<Api>, caller: CompanyCaller) -> Reply<Vec<LedgerBooks>> {
    let books = api.ledger.books_of_company(caller.company).await?;
    Ok(data(books.into_iter().map(LedgerBooks::from).collect()))
}
