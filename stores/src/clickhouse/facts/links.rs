use std::collections::HashMap;

use schemas::ids::LinkId;

use super::{
    ClickHouseFacts,
    rows::{currency, shown},
};
use crate::{
    StoreError,
    clickhouse::{READ_WAIT, within},
    facts::{LinkSales, LinkStats},
};

const CLICKS: &str = "SELECT link, sum(clicks) FROM clicks_by_day WHERE link IN ? GROUP BY link";
const SALES: &str = "SELECT link, currency, sum(conversions) AS sold, sum(partner_minor) AS earned FROM sales_by_day WHERE link IN ? \
                     GROUP BY link, currency HAVING sold <> 0 OR earned <> 0 ORDER BY sold DESC, earned DESC, currency";

impl ClickHouseFacts {
    pub(crate) async fn link_stats(&self, links: Vec<LinkId>) -> Result<Vec<LinkStats>, StoreError> {
        let client = &self.open_server()?.client;
        if links.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<u64> = links.iter().map(|link| link.0).collect();
        let (clicks, sold) = tokio::try_join!(
            within(READ_WAIT, client.query(CLICKS).bind(&ids).fetch_all::<(u64, u64)>()),
            within(READ_WAIT, client.query(SALES).bind(&ids).fetch_all::<(u64, String, i64, i128)>()),
        )?;
        let clicks: HashMap<u64, u64> = clicks.into_iter().collect();
        let mut sales = HashMap::<u64, Vec<LinkSales>>::new();
        for (link, code, conversions, earned) in sold {
            let earned_minor = shown(earned);
            sales.entry(link).or_default().push(LinkSales { currency: currency(&code)?, conversions, earned_minor });
        }
        let stats = links.into_iter().map(|link| LinkStats {
            link,
            clicks: clicks.get(&link.0).copied().unwrap_or(0),
            sales: sales.get(&link.0).cloned().unwrap_or_default(),
        });
        Ok(stats.collect())
    }
}
