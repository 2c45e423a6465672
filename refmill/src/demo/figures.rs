//! What the company's dashboard and the ledger say.

use schemas::money::Currency;
use serde::Deserialize;

use super::server::Server;

/// Of the last year: a shorter look back could lose a day while the demo plays.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Dashboard {
    total_clicks: i64,
    total_conversions: i64,
    /// Less refunds.
    pub(super) total_revenue: i64,
    pub(super) top_affiliates: Vec<Partner>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Partner {
    pub(super) affiliate_id: String,
    pub(super) conversions: i64,
    pub(super) revenue: i64,
    pub(super) earned: i64,
}

/// One currency's books.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ledger {
    pub(super) currency: Currency,
    pub(super) transfers: i64,
    pub(super) debits: i64,
    pub(super) credits: i64,
    /// Of all balances.
    pub(super) sum: i64,
    /// Accounts whose balance is not what their transfers add up to.
    #[serde(default)]
    pub(super) accounts_that_differ: i64,
}

impl Dashboard {
    pub(super) async fn fetch(server: &Server) -> anyhow::Result<Self> {
        server.figures("/companies/dashboard?days=365&currency=GBP").await
    }

    /// Clicks and conversions.
    pub(super) fn totals(&self) -> (i64, i64) {
        (self.total_clicks, self.total_conversions)
    }
}

impl Ledger {
    pub(super) async fn fetch(server: &Server) -> anyhow::Result<Vec<Self>> {
        server.figures("/companies/ledger").await
    }

    pub(super) fn is_zero(self) -> bool {
        self.sum == 0 && self.debits == self.credits && self.accounts_that_differ == 0
    }
}
