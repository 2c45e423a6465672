use std::collections::BTreeMap;

use axum::extract::State;
use schemas::{accounts::Account, money::Currency};
use serde::Serialize;
use stores::ledger::{Balance, PartnerTotals};
use utoipa::ToSchema;

use crate::{
    Api,
    auth::caller::AnyCaller,
    error::ErrorBody,
    reply::{Envelope, Reply, data},
};

/// One entry a currency that has moved, in minor units.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Balances {
    Company(Vec<CompanyBalance>),
    Affiliate(Vec<AffiliateBalance>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CompanyBalance {
    #[schema(value_type = String, example = "USD")]
    currency: Currency,
    /// The affiliates' part, approved and not yet paid.
    #[schema(example = 800)]
    owed: i64,
    /// The affiliates' part that was paid out.
    #[schema(example = 0)]
    paid: i64,
    #[schema(example = 200)]
    platform_fees: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AffiliateBalance {
    #[schema(value_type = String, example = "USD")]
    currency: Currency,
    /// Under review or held.
    #[schema(example = 0)]
    pending: i64,
    /// Approved and not yet paid.
    #[schema(example = 800)]
    available: i64,
    #[schema(example = 0)]
    paid: i64,
    /// Refunded after it was paid out: later earnings with that company repay it.
    #[schema(example = 0)]
    negative: i64,
}

/// What is owed and what was paid
///
/// An affiliate's with all companies, or a company's with all affiliates.
#[utoipa::path(get, path = "/balances", tag = "balances", security(("token" = []), ("key" = [])), responses(
    (status = 200, body = Envelope<Balances>),
    (status = 401, description = "`UNAUTHORIZED`", body = ErrorBody),
))]
pub(crate) async fn balances(State(api): State<Api>, caller: AnyCaller) -> Reply<Balances> {
    Ok(data(match caller {
        AnyCaller::Company(company) => {
            let balances = api.ledger.balances_of_company(company).await?;
            let totals = api.ledger.totals_of_company(company).await?;
            Balances::Company(of_company(&balances, &totals))
        }
        AnyCaller::Affiliate(partner) => {
            Balances::Affiliate(of_affiliate(&api.ledger.balances_of_partner(partner).await?))
        }
    }))
}

fn of_company(balances: &[Balance], totals: &[PartnerTotals]) -> Vec<CompanyBalance> {
    let mut entries: BTreeMap<Currency, CompanyBalance> = BTreeMap::new();
    for balance in balances {
        let empty = CompanyBalance { currency: balance.currency, owed: 0, paid: 0, platform_fees: 0 };
        let entry = entries.entry(balance.currency).or_insert(empty);
        match balance.account {
            Account::PartnerPaid(..) => entry.paid += balance.amount_minor,
            Account::PlatformEarned(_) => entry.platform_fees += balance.amount_minor,
            Account::Company(_)
            | Account::PartnerPending(..)
            | Account::PartnerAvailable(..)
            | Account::PlatformPending(_) => {}
        }
    }
    // Approved commission that is held stands in the pending account, so what is owed is taken from the totals.
    for totals in totals {
        if let Some(entry) = entries.get_mut(&totals.currency) {
            entry.owed += totals.partner_unpaid_minor.max(0);
        }
    }
    entries.into_values().collect()
}

fn of_affiliate(balances: &[Balance]) -> Vec<AffiliateBalance> {
    let mut entries: BTreeMap<Currency, AffiliateBalance> = BTreeMap::new();
    for balance in balances {
        let empty = AffiliateBalance { currency: balance.currency, pending: 0, available: 0, paid: 0, negative: 0 };
        let entry = entries.entry(balance.currency).or_insert(empty);
        let amount = balance.amount_minor;
        match balance.account {
            Account::PartnerPending(..) => entry.pending += amount,
            Account::PartnerAvailable(..) if amount < 0 => entry.negative -= amount,
            Account::PartnerAvailable(..) => entry.available += amount,
            Account::PartnerPaid(..) => entry.paid += amount,
            Account::Company(_) | Account::PlatformPending(_) | Account::PlatformEarned(_) => {}
        }
    }
    entries.into_values().collect()
}

#[cfg(test)]
mod tests {
    use schemas::ids::{CompanyId, PartnerId};

    use super::*;

    const COMPANY: CompanyId = CompanyId(1);
    const JPY: &str = "JPY";

    fn balance(account: Account, currency: &str, amount_minor: i64) -> Balance {
        Balance { account, currency: Currency::parse(currency).unwrap(), amount_minor }
    }

    #[test]
    fn an_affiliates_debt_to_one_company_is_not_taken_from_another() {
        let (here, there) = (CompanyId(1), CompanyId(2));
        let partner = PartnerId(3);
        let shown = of_affiliate(&[
            balance(Account::PartnerPending(here, partner), "USD", 100),
            balance(Account::PartnerAvailable(here, partner), "USD", 800),
            balance(Account::PartnerAvailable(there, partner), "USD", -30),
            balance(Account::PartnerPaid(there, partner), "USD", 50),
            balance(Account::PartnerAvailable(here, partner), JPY, 0),
        ]);
        let of = |code: &str| *shown.iter().find(|entry| entry.currency.code() == code).unwrap();
        let usd = AffiliateBalance { currency: Currency::USD, pending: 100, available: 800, paid: 50, negative: 30 };
        let none = AffiliateBalance {
            currency: Currency::parse(JPY).unwrap(),
            pending: 0,
            available: 0,
            paid: 0,
            negative: 0,
        };
        assert_eq!((of("USD"), of(JPY), shown.len()), (usd, none, 2));
    }

    #[test]
    fn a_company_owes_what_is_approved() {
        let totals = |partner, unpaid_minor| PartnerTotals {
            partner: PartnerId(partner),
            company: COMPANY,
            currency: Currency::USD,
            conversions: 1,
            commission_minor: 0,
            approved_commission_minor: 0,
            partner_minor: 0,
            partner_approved_minor: 0,
            partner_unpaid_minor: unpaid_minor,
        };
        let balances = [
            balance(Account::Company(COMPANY), "USD", -1_000),
            balance(Account::PartnerAvailable(COMPANY, PartnerId(1)), "USD", 800),
            balance(Account::PlatformEarned(COMPANY), "USD", 200),
            balance(Account::PlatformPending(COMPANY), "USD", 7),
        ];
        let shown = of_company(&balances, &[totals(1, 800), totals(2, -30)]);
        assert_eq!(shown, [CompanyBalance { currency: Currency::USD, owed: 800, paid: 0, platform_fees: 200 }]);
    }
}
