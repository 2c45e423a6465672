use std::time::Duration;

use clickhouse::Row;
use schemas::facts::Fact;

use super::{
    ClickHouseFacts,
    rows::{ChangeRow, ClickRow, day},
};
use crate::{
    StoreError,
    clickhouse::within,
    facts::{Checksum, position},
};

/// How long all facts of a partition may take to come.
const SCAN_WAIT: Duration = Duration::from_secs(3_600);

const ROWS: &str = "WHERE partition = ? AND log_offset >= ? AND log_offset < ?";

const CLICKS_BY_DAY: &str = "SELECT company, day, partner, link, sum(clicks) AS people, sum(bots) AS others FROM clicks_by_day \
     WHERE partition = ? GROUP BY company, day, partner, link HAVING people <> 0 OR others <> 0";
const SOURCES_BY_DAY: &str = "SELECT company, day, source, sum(clicks) AS clicked FROM sources_by_day \
     WHERE partition = ? GROUP BY company, day, source HAVING clicked <> 0";
const PAGES_BY_DAY: &str = "SELECT company, day, path, sum(clicks) AS clicked FROM pages_by_day \
     WHERE partition = ? GROUP BY company, day, path HAVING clicked <> 0";
const SALES_BY_DAY: &str = "SELECT company, day, currency, [toInt128(partner), toInt128(link), toInt128(sum(conversions)), sum(revenue_minor), \
     sum(commission_minor), sum(approved_minor), sum(partner_minor), sum(partner_approved_minor)] AS sums FROM sales_by_day \
     WHERE partition = ? GROUP BY company, day, partner, link, currency HAVING arrayExists(by -> by <> 0, arraySlice(sums, 3))";

#[derive(Row, serde::Deserialize)]
struct SalesRow {
    company: u64,
    day: u16,
    currency: String,
    sums: Vec<i128>,
}

impl ClickHouseFacts {
    pub(crate) async fn read(&self, partition: u32, from: u64, to: u64) -> Result<Vec<Fact>, StoreError> {
        let mut facts = Vec::new();
        self.each(partition, from, to, |fact| facts.push(fact)).await?;
        facts.sort_by_key(position);
        Ok(facts)
    }

    pub(crate) async fn checksum(&self, partition: u32) -> Result<Checksum, StoreError> {
        let mut checksum = Checksum::default();
        self.each(partition, 0, u64::MAX, |fact| checksum.add_fact(&fact)).await?;
        let client = self.patient_client()?;
        let sums = async {
            let mut clicks = client.query(CLICKS_BY_DAY).bind(partition).fetch::<(u64, u16, u64, u64, u64, u64)>()?;
            while let Some((company, number, partner, link, people, bots)) = clicks.next().await? {
                let numbers = [partner.into(), link.into(), people.into(), bots.into()];
                checksum.add_sum("clicks_by_day", company, day(number), "", &numbers);
            }
            for (table, select) in [("sources_by_day", SOURCES_BY_DAY), ("pages_by_day", PAGES_BY_DAY)] {
                let mut counts = client.query(select).bind(partition).fetch::<(u64, u16, String, u64)>()?;
                while let Some((company, number, name, clicked)) = counts.next().await? {
                    checksum.add_sum(table, company, day(number), &name, &[clicked.into()]);
                }
            }
            let mut sales = client.query(SALES_BY_DAY).bind(partition).fetch::<SalesRow>()?;
            while let Some(row) = sales.next().await? {
                checksum.add_sum("sales_by_day", row.company, day(row.day), &row.currency, &row.sums);
            }
            Ok::<_, StoreError>(())
        };
        within(SCAN_WAIT, sums).await?;
        Ok(checksum)
    }

    /// Each fact of a stretch once, in no order.
    async fn each(&self, partition: u32, from: u64, to: u64, mut take: impl FnMut(Fact)) -> Result<(), StoreError> {
        let client = self.patient_client()?;
        let scan = async {
            let select = format!("SELECT ?fields FROM clicks FINAL {ROWS}");
            let mut clicks = client.query(&select).bind(partition).bind(from).bind(to).fetch::<ClickRow<'_>>()?;
            while let Some(row) = clicks.next().await? {
                take(row.fact()?);
            }
            let select = format!("SELECT ?fields FROM conversion_changes FINAL {ROWS}");
            let mut changes = client.query(&select).bind(partition).bind(from).bind(to).fetch::<ChangeRow<'_>>()?;
            while let Some(row) = changes.next().await? {
                take(row.fact()?);
            }
            Ok::<_, StoreError>(())
        };
        within(SCAN_WAIT, scan).await
    }

    fn patient_client(&self) -> Result<clickhouse::Client, StoreError> {
        let client = self.open_server()?.client.clone();
        Ok(client.with_setting("max_execution_time", SCAN_WAIT.as_secs().to_string()))
    }
}
