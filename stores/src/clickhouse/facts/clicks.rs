use clickhouse::{Row, query::Query};
use rules::touches::Touch;
use schemas::{
    ids::{EventId, LinkId, Position},
    time::TimeMs,
    web::Page as WebPage,
};
use serde::Deserialize;

use super::{
    ClickHouseFacts,
    rows::{ReceiptColumn, date, device},
};
use crate::{
    Listed, Page, StoreError,
    clickhouse::{READ_WAIT, within},
    facts::{LinkClick, TOUCHES_OF_A_LINK},
};

// Which clicks they are is read in a link's own order, and then each from its place in the table. A row that is there twice, until
// parts are merged, is one of them once.
const NEWEST_TOUCHES: &str = "SELECT receipt, event, partition, log_offset, toUnixTimestamp64Milli(at) AS at_ms FROM clicks \
     WHERE (company, day, at, partition, log_offset) IN ( \
     SELECT company, day, at, partition, log_offset FROM clicks \
     WHERE link = ? AND at >= fromUnixTimestamp64Milli(?) AND at < fromUnixTimestamp64Milli(?) AND day >= ? AND day <= ? \
     AND outcome = 'counted' AND log_offset < ? \
     ORDER BY at DESC, log_offset DESC LIMIT 1 BY partition, log_offset LIMIT ?) \
     ORDER BY at DESC, log_offset DESC, incarnation DESC LIMIT 1 BY partition, log_offset";
const OLDEST_TOUCH: &str = "SELECT receipt, event, partition, log_offset, toUnixTimestamp64Milli(at) AS at_ms FROM clicks \
     WHERE (company, day, at, partition, log_offset) IN ( \
     SELECT company, day, at, partition, log_offset FROM clicks \
     WHERE link = ? AND at >= fromUnixTimestamp64Milli(?) AND at < fromUnixTimestamp64Milli(?) AND day >= ? AND day <= ? \
     AND outcome = 'counted' AND log_offset < ? ORDER BY at, log_offset LIMIT ?) \
     ORDER BY at, log_offset, incarnation DESC LIMIT 1";
/// The end that the two functions pick, of every link.
fn end_of_links(pick: &str, pick_time: &str) -> String {
    format!(
        "SELECT r AS receipt, e AS event, p AS partition, o AS log_offset, toUnixTimestamp64Milli(t) AS at_ms FROM ( \
         SELECT {pick}(receipt, (at, log_offset)) AS r, {pick}(event, (at, log_offset)) AS e, any(partition) AS p, \
         {pick}(log_offset, (at, log_offset)) AS o, {pick_time}(at) AS t \
         FROM clicks WHERE partition = ? AND log_offset < ? AND outcome = 'counted' GROUP BY link)"
    )
}

const CLICKS: &str = "SELECT toUnixTimestamp64Milli(at) AS at_ms, receipt, landing_host, landing_path, referrer_host, device FROM clicks \
     WHERE (company, day, at, partition, log_offset) IN ( \
     SELECT company, day, at, partition, log_offset FROM clicks WHERE link = ? AND outcome IN ('counted', 'bot') \
     ORDER BY at DESC, log_offset DESC LIMIT 1 BY partition, log_offset LIMIT ? OFFSET ?) \
     ORDER BY at DESC, log_offset DESC, incarnation DESC LIMIT 1 BY partition, log_offset";
const CLICK_COUNT: &str = "SELECT coalesce(sum(clicks + bots), 0) FROM clicks_by_day WHERE link = ?";

#[derive(Row, Deserialize)]
struct TouchRow {
    receipt: ReceiptColumn,
    event: u128,
    partition: u32,
    log_offset: u64,
    at_ms: i64,
}

#[derive(Row, Deserialize)]
struct LinkClickRow {
    at_ms: i64,
    receipt: ReceiptColumn,
    landing_host: String,
    landing_path: String,
    referrer_host: Option<String>,
    device: i8,
}

impl ClickHouseFacts {
    pub(crate) async fn touches_of(
        &self,
        link: LinkId,
        from: TimeMs,
        until: TimeMs,
        before_offset: u64,
    ) -> Result<Vec<Touch>, StoreError> {
        let client = &self.open_server()?.client;
        let asked = |sql: &str, limit: u32| -> Query {
            let query = client.query(sql).bind(link.0).bind(from.0).bind(until.0);
            query.bind(date(from.day())).bind(date(until.day())).bind(before_offset).bind(limit)
        };
        let newest = within(READ_WAIT, asked(NEWEST_TOUCHES, TOUCHES_OF_A_LINK).fetch_all::<TouchRow>()).await?;
        let mut touches: Vec<Touch> = newest.into_iter().map(touch).collect();
        if touches.len() >= TOUCHES_OF_A_LINK as usize {
            let oldest = within(READ_WAIT, asked(OLDEST_TOUCH, 1).fetch_one::<TouchRow>()).await.map(touch)?;
            touches.retain(|touch| touch.position != oldest.position);
            touches.push(oldest);
        }
        touches.reverse();
        Ok(touches)
    }

    /// First and last of every link, in no order.
    pub(crate) async fn ends_before(&self, partition: u32, offset: u64) -> Result<Vec<Touch>, StoreError> {
        let client = &self.open_server()?.client;
        let mut ends = Vec::new();
        for sql in [end_of_links("argMin", "min"), end_of_links("argMax", "max")] {
            let asked = client.query(&sql).bind(partition).bind(offset);
            ends.extend(within(READ_WAIT, asked.fetch_all::<TouchRow>()).await?.into_iter().map(touch));
        }
        Ok(ends)
    }

    pub(crate) async fn link_clicks(&self, link: LinkId, page: Page) -> Result<Listed<LinkClick>, StoreError> {
        let client = &self.open_server()?.client;
        let listed = client.query(CLICKS).bind(link.0).bind(page.limit()).bind(page.skipped());
        let found = within(READ_WAIT, listed.fetch_all::<LinkClickRow>()).await?;
        let rows = found.into_iter().map(click).collect::<Result<_, _>>()?;
        let total = within(READ_WAIT, client.query(CLICK_COUNT).bind(link.0).fetch_one::<u64>()).await?;
        Ok(Listed { rows, total })
    }
}

fn touch(row: TouchRow) -> Touch {
    Touch {
        receipt: row.receipt.0,
        event: EventId(row.event),
        position: Position { partition: row.partition, offset: row.log_offset },
        at: TimeMs(row.at_ms),
    }
}

fn click(row: LinkClickRow) -> Result<LinkClick, StoreError> {
    Ok(LinkClick {
        at: TimeMs(row.at_ms),
        visit: row.receipt.0.fields().visit,
        landing: WebPage { host: row.landing_host.into(), path: row.landing_path.into() },
        referrer_host: row.referrer_host,
        device: device(row.device)?,
    })
}
