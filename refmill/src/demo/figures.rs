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

/// One currency's transfers, added up by the accounts they left and the accounts they reached.
#[derive(Clone, Copy, Deserialize)]
pub(super) struct Ledger {
    pub(super) currency: Currency,
    pub(super) transfers: i64,
    pub(super) debits: i64,
    pub(super) credits: i64,
    pub(super) sum: i64,
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

    /// Not by `sum` alone: a figure that is always 0 must not pass.
    pub(super) fn is_zero(self) -> bool {
        self.sum == 0 && self.debits == self.credits
    }
}
