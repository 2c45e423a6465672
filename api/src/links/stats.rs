use std::collections::HashMap;

use schemas::{ids::LinkId, money::Currency};
use serde::Serialize;
use stores::facts::LinkStats;
use utoipa::ToSchema;

use crate::{Api, error::ApiError};

/// What a link, or several, brought in all their time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LinkTotals {
    pub(crate) clicks: u64,
    /// The currency with the most conversions first.
    pub(crate) sales: Vec<Sales>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Sales {
    #[schema(value_type = String, example = "USD")]
    pub(crate) currency: Currency,
    #[schema(example = 12)]
    pub(crate) conversions: i64,
    /// The affiliate's part of the commission, in minor units.
    #[schema(example = 800)]
    pub(crate) earned: i64,
}

/// The totals of each of the links.
pub(crate) async fn totals(api: &Api, links: Vec<LinkId>) -> Result<HashMap<LinkId, LinkTotals>, ApiError> {
    let stats = api.facts.link_stats(links).await?;
    Ok(stats.into_iter().map(|stats| (stats.link, LinkTotals::from(stats))).collect())
}

impl LinkTotals {
    pub(crate) fn conversions(&self) -> i64 {
        self.sales.iter().map(|sales| sales.conversions).sum()
    }

    /// The currency with the most conversions.
    pub(crate) fn main(&self) -> Sales {
        self.sales.first().copied().unwrap_or(Sales { currency: Currency::USD, conversions: 0, earned: 0 })
    }

    /// What was sold in one currency.
    pub(crate) fn of(&self, currency: Currency) -> Sales {
        let found = self.sales.iter().find(|sales| sales.currency == currency);
        found.copied().unwrap_or(Sales { currency, conversions: 0, earned: 0 })
    }
}

impl From<LinkStats> for LinkTotals {
    fn from(stats: LinkStats) -> LinkTotals {
        let sales = stats.sales.into_iter().map(|sales| Sales {
            currency: sales.currency,
            conversions: sales.conversions,
            earned: sales.earned_minor,
        });
        LinkTotals { clicks: stats.clicks, sales: sales.collect() }
    }
}
