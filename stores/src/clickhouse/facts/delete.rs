use std::time::Duration;

use clickhouse::Client;
use tokio::time::sleep;

use super::ClickHouseFacts;
use crate::{
    StoreError,
    clickhouse::{READ_WAIT, within},
    facts::Removal,
};

/// How long the deletion of a partition's facts, or the making of its sums, may take.
const REMAKE_WAIT: Duration = Duration::from_secs(3_600);

/// Clicks are kept for 25 months: of days before this their sums are all that there is, and they stay as they are.
const KEPT_FROM: &str = "SELECT toString(toDate(now() - INTERVAL 25 MONTH) + 2)";

const ENDS: [&str; 2] = [
    "SELECT max(log_offset) + 1 FROM clicks WHERE partition = ? GROUP BY partition",
    "SELECT max(log_offset) + 1 FROM conversion_changes WHERE partition = ? GROUP BY partition",
];

/// Rows of the incarnation that removes them, or of a later one, are what came in their place: a delete that comes late finds none.
const DELETE_ROWS: [&str; 2] = [
    "ALTER TABLE clicks DELETE WHERE partition = ? AND log_offset >= ? AND incarnation < ?",
    "ALTER TABLE conversion_changes DELETE WHERE partition = ? AND log_offset >= ? AND incarnation < ?",
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

const RUNNING: &str =
    "SELECT count() FROM system.processes WHERE current_database = currentDatabase() AND startsWith(query, ?)";

/// How often it is looked whether they have ended.
const LOOK_EVERY: Duration = Duration::from_millis(100);

impl ClickHouseFacts {
    /// Rows first, and then the partition's sums from the rows that are left: whatever it was interrupted in, a second run makes it good.
    pub(crate) async fn remove(&self, removal: Removal) -> Result<Option<Removal>, StoreError> {
        let client = self.open_server()?.client.clone().with_setting("max_execution_time", "0");
        let _turn = self.turn(removal.partition).lock().await;
        match removal.done {
            0 => self.begin(&client, removal).await?,
            done if done <= DELETE_ROWS.len() => {
                let delete = client.query(&named(DELETE_ROWS[done - 1], removal.partition));
                let delete = delete.bind(removal.partition).bind(removal.from).bind(removal.before);
                within(REMAKE_WAIT, delete.with_setting("mutations_sync", "2").execute()).await?;
            }
            done => remake(&client, removal, done - 1 - DELETE_ROWS.len()).await?,
        }
        Ok(removal.step_is_done(1 + DELETE_ROWS.len() + 2 * REMAKE.len()))
    }

    /// A step of whoever did this before may still be done by the server, which does not ask whether anybody waits for it.
    async fn begin(&self, client: &Client, Removal { partition, from, .. }: Removal) -> Result<(), StoreError> {
        self.held.send_modify(|held| {
            let up_to = held.up_to(partition).min(from);
            held.offsets.insert(partition, up_to);
            held.incarnations.remove(&partition);
        });
        let name = named("", partition);
        let all_ended = async {
            let running = || client.query(RUNNING).bind(&name).fetch_one::<u64>();
            while within(READ_WAIT, running()).await? > 0 {
                sleep(LOOK_EVERY).await;
            }
            Ok::<(), StoreError>(())
        };
        within(REMAKE_WAIT, all_ended).await
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

/// Empties a table of sums, and then fills it.
async fn remake(client: &Client, Removal { partition, .. }: Removal, step: usize) -> Result<(), StoreError> {
    let (empty, fill) = REMAKE[step / 2];
    let kept_from: String = within(READ_WAIT, client.query(KEPT_FROM).fetch_one()).await?;
    let from = if fill.contains(KEPT_FOR_GOOD) { BEGINNING } else { &kept_from };
    let query = if step.is_multiple_of(2) {
        client.query(&named(empty, partition)).with_setting("mutations_sync", "2")
    } else {
        // Sums that come out as they did before are no second try.
        client.query(&named(fill, partition)).with_setting("insert_deduplicate", "0").with_setting("async_insert", "0")
    };
    within(REMAKE_WAIT, query.bind(partition).bind(from).execute()).await
}

/// By its beginning a statement is found among those that the server works on.
fn named(statement: &str, partition: u32) -> String {
    format!("/* removal from partition {partition} */ {statement}")
}
