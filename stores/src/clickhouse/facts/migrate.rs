use std::{collections::BTreeSet, time::Duration};

use crate::{
    OpenError,
    clickhouse::{ClickHouse, within},
};

/// How long one statement may take.
pub(super) const STATEMENT_WAIT: Duration = Duration::from_secs(120);

/// The schema by its numbers, in order. Each statement can be run again, so that several processes may start at once.
const VERSIONS: [(u32, &str); 2] = [
    (1, include_str!("../../../../schemas/sql/facts_clickhouse/V1__facts.sql")),
    (2, include_str!("../../../../schemas/sql/facts_clickhouse/V2__deployment.sql")),
];

const APPLIED: &str = "CREATE TABLE IF NOT EXISTS schema_versions (\
                       version UInt32 COMMENT 'The number of a file of the schema', \
                       applied_at DateTime('UTC') DEFAULT now() COMMENT 'When it was applied') \
                       ENGINE = ReplacingMergeTree ORDER BY version COMMENT 'Which versions of the schema were applied'";

/// Tables whose windows grow with the number of partitions.
const WINDOWED: [&str; 6] =
    ["clicks", "conversion_changes", "clicks_by_day", "sources_by_day", "pages_by_day", "sales_by_day"];

/// What the schema says for each of them.
const WINDOW: u64 = 250_000;

/// Blocks of a partition within an hour, at one a second and some closed early.
const BLOCKS_AN_HOUR: u64 = 3_900;

/// Brings the database up to this program's schema.
pub(super) async fn migrate(server: &ClickHouse, partitions: u32) -> Result<(), OpenError> {
    execute(server, APPLIED).await?;
    let select = "SELECT version FROM schema_versions";
    let applied = within(STATEMENT_WAIT, server.client.query(select).fetch_all::<u32>()).await;
    let applied: BTreeSet<u32> = applied.map_err(|error| server.explain(error))?.into_iter().collect();
    let (known, newest) = (VERSIONS[VERSIONS.len() - 1].0, applied.last().copied().unwrap_or(0));
    if newest > known {
        return Err(OpenError::Unfit {
            server: "ClickHouse",
            address: server.address.clone(),
            problem: format!(
                "the database {} has schema version {newest}, and this program knows {known}",
                server.database
            ),
            advice: "Start the newer version of Refmill, or name another database in --clickhouse".to_owned(),
        });
    }
    for (version, text) in VERSIONS.iter().filter(|(version, _)| !applied.contains(version)) {
        for statement in statements(text) {
            execute(server, statement).await?;
        }
        execute(server, &format!("INSERT INTO schema_versions (version) SELECT {version}")).await?;
    }
    widen(server, partitions).await
}

async fn widen(server: &ClickHouse, partitions: u32) -> Result<(), OpenError> {
    let window = u64::from(partitions) * BLOCKS_AN_HOUR;
    if window <= WINDOW {
        return Ok(());
    }
    for table in WINDOWED {
        let settings =
            format!("non_replicated_deduplication_window = {window}, replicated_deduplication_window = {window}");
        execute(server, &format!("ALTER TABLE {table} MODIFY SETTING {settings}")).await?;
    }
    Ok(())
}

pub(super) async fn execute(server: &ClickHouse, statement: &str) -> Result<(), OpenError> {
    let done = within(STATEMENT_WAIT, server.client.query_raw(statement).execute()).await;
    done.map_err(|error| server.explain(error))
}

/// A statement ends with a semicolon at the end of a line.
fn statements(text: &str) -> impl Iterator<Item = &str> {
    text.split(";\n").map(str::trim).filter(|statement| !statement.is_empty())
}
