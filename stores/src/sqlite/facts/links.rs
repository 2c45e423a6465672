use rusqlite::Transaction;
use schemas::ids::LinkId;

use super::{SqliteFacts, company::currency};
use crate::{
    StoreError,
    facts::{LinkSales, LinkStats},
    sqlite::row::{get_id, int},
};

const CLICKS: &str = "SELECT coalesce(sum(clicks), 0) FROM clicks_by_day WHERE link = ?1";
const SALES: &str = "SELECT currency, sum(conversions) AS sold, sum(partner_minor) AS earned FROM sales_by_day WHERE link = ?1 \
                     GROUP BY currency HAVING sold <> 0 OR earned <> 0 ORDER BY sold DESC, earned DESC, currency";

impl SqliteFacts {
    pub(crate) async fn link_stats(&self, links: Vec<LinkId>) -> Result<Vec<LinkStats>, StoreError> {
        let read = move |transaction: &Transaction<'_>| {
            let stats = links.into_iter().map(|link| stats(transaction, link));
            Ok(stats.collect::<rusqlite::Result<_>>()?)
        };
        self.readers.read(read).await
    }
}

fn stats(transaction: &Transaction<'_>, link: LinkId) -> rusqlite::Result<LinkStats> {
    let clicks = transaction.prepare_cached(CLICKS)?.query_row([int(link.0)], |row| get_id(row, 0))?;
    let mut select = transaction.prepare_cached(SALES)?;
    let sales = select.query_map([int(link.0)], |row| {
        Ok(LinkSales { currency: currency(row, 0)?, conversions: row.get(1)?, earned_minor: row.get(2)? })
    })?;
    Ok(LinkStats { link, clicks, sales: sales.collect::<rusqlite::Result<_>>()? })
}
