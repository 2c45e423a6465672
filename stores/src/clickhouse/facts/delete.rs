use std::time::Duration;

use super::ClickHouseFacts;
use crate::{
    StoreError,
    clickhouse::{READ_WAIT, within},
};

/// How long the deletion of a partition's facts, or the making of its sums, may take.
const REMAKE_WAIT: Duration = Duration::from_secs(3_600);

/// Clicks are kept for 25 months: of days before this their sums are all that there is, and they stay as they are.
const KEPT_FROM: &str = "SELECT toString(toDate(now() - INTERVAL 25 MONTH) + 2)";

const ENDS: [&str; 2] = [
    "SELECT max(log_offset) + 1 FROM clicks WHERE partition = ? GROUP BY partition",
    "SELECT max(log_offset) + 1 FROM conversion_changes WHERE partition = ? GROUP BY partition",
];

const DELETE_ROWS: [&str; 2] = [
    "ALTER TABLE clicks DELETE WHERE partition = ? AND log_offset >= ?",
    "ALTER TABLE conversion_changes DELETE WHERE partition = ? AND log_offset >= ?",
];

/// What empties a table of sums, and what fills it from the rows. Both take partition and day.
const REMAKE: [(&str, &str); 4] = [
    (
        "ALTER TABLE clicks_by_day DELETE WHERE partition = ? AND day >= ?",
        "INSERT INTO clicks_by_day (company, day, partner, link, partition, clicks, bots) \
         SELECT company, day, partner, link, partition, countIf(outcome = 'counted'), countIf(outcome = 'bot') FROM clicks FINAL \
         WHERE partition = ? AND day >= ? AND outcome IN ('counted', 'bot') GROUP BY company, day, partner, link, partition",
    ),
    (
        "ALTER TABLE sources_by_day DELETE WHERE partition = ? AND day >= ?",
        "INSERT INTO sources_by_day (company, day, source, partition, clicks) \
         SELECT company, day, source, partition, count() FROM clicks FINAL \
         WHERE partition = ? AND day >= ? AND outcome = 'counted' GROUP BY company, day, source, partition",
    ),
    (
        "ALTER TABLE pages_by_day DELETE WHERE partition = ? AND day >= ?",
        "INSERT INTO pages_by_day (company, day, path, partition, clicks) \
         SELECT company, day, landing_path, partition, count() FROM clicks FINAL \
         WHERE partition = ? AND day >= ? AND outcome = 'counted' GROUP BY company, day, landing_path, partition",
    ),
    (
        "ALTER TABLE sales_by_day DELETE WHERE partition = ? AND day >= ?",
        "INSERT INTO sales_by_day (company, day, partner, link, currency, partition, conversions, revenue_minor, commission_minor, \
         approved_minor, partner_minor, partner_approved_minor) \
         SELECT company, day, partner, link, currency, partition, sum(conversions), sum(toInt128(revenue_minor)), \
         sum(toInt128(commission_minor)), sum(toInt128(approved_minor)), sum(toInt128(partner_minor)), \
         sum(toInt128(partner_approved_minor)) FROM conversion_changes FINAL \
         WHERE partition = ? AND day >= ? GROUP BY company, day, partner, link, currency, partition",
    ),
];

/// Changes are kept for good, and so are all their sums made again.
const KEPT_FOR_GOOD: &str = "sales_by_day";
const BEGINNING: &str = "1970-01-01";

impl ClickHouseFacts {
    /// Rows first, and then the partition's sums from the rows that are left: whatever it was interrupted in, a second run makes it good.
    pub(crate) async fn delete_from(&self, partition: u32, offset: u64) -> Result<(), StoreError> {
        let client = self.open_server()?.client.clone().with_setting("max_execution_time", "0");
        let _turn = self.turn(partition).lock().await;
        self.held.send_modify(|held| {
            let up_to = held.up_to(partition).min(offset);
            held.offsets.insert(partition, up_to);
            held.incarnations.remove(&partition);
        });
        let kept_from: String = within(READ_WAIT, client.query(KEPT_FROM).fetch_one()).await?;
        for delete in DELETE_ROWS {
            let delete = client.query(delete).bind(partition).bind(offset).with_setting("mutations_sync", "2");
            within(REMAKE_WAIT, delete.execute()).await?;
        }
        for (empty, fill) in REMAKE {
            let from = if fill.contains(KEPT_FOR_GOOD) { BEGINNING } else { &kept_from };
            let empty = client.query(empty).bind(partition).bind(from).with_setting("mutations_sync", "2");
            within(REMAKE_WAIT, empty.execute()).await?;
            // Sums that come out as they did before are no second try.
            let fill = client.query(fill).bind(partition).bind(from).with_setting("insert_deduplicate", "0");
            within(REMAKE_WAIT, fill.with_setting("async_insert", "0").execute()).await?;
        }
        Ok(())
    }

    pub(crate) async fn stored_up_to(&self, partition: u32) -> Result<u64, StoreError> {
        let client = &self.open_server()?.client;
        let mut up_to = 0;
        for end in ENDS {
            let found = within(READ_WAIT, client.query(end).bind(partition).fetch_optional::<u64>()).await?;
            up_to = up_to.max(found.unwrap_or(0));
        }
        Ok(up_to)
    }
}
