//! What the schema promises to whoever looks at the tables themselves.

use std::{collections::BTreeMap, time::Duration};

use stores::{DeploymentId, OpenError, facts::Facts};

use crate::{
    database::Database,
    place::{NOON, block, click, clicked},
};

const SCHEMA: &str = include_str!("../../../schemas/sql/facts_clickhouse/V1__facts.sql");

#[tokio::test]
async fn many_processes_make_it_at_once() {
    let database = Database::new();
    let starts = (0..6).map(|_| {
        let servers = database.servers.clone();
        tokio::spawn(async move { Facts::connect(&servers, DeploymentId(1)).await.map(drop) })
    });
    for start in starts.collect::<Vec<_>>() {
        start.await.unwrap().unwrap();
    }
    assert_eq!(database.number("SELECT count() FROM schema_versions FINAL").await, 2);
    let facts = Facts::connect(&database.servers, DeploymentId(1)).await.unwrap();
    facts.insert(block(0, 1, vec![clicked(click(0, NOON))])).await.unwrap();
    assert_eq!(database.clicks().await, [1; 5], "each view is there once");
}

#[tokio::test]
async fn a_newer_schema_is_left_alone() {
    let database = Database::new();
    Facts::connect(&database.servers, DeploymentId(1)).await.unwrap();
    database.execute("INSERT INTO schema_versions (version) SELECT 99").await.unwrap();
    let refused = Facts::connect(&database.servers, DeploymentId(1)).await.map(drop).unwrap_err();
    assert!(matches!(refused, OpenError::Unfit { .. }), "{refused:?}");
    assert!(refused.to_string().contains("schema version 99"), "{refused}");
}

#[tokio::test]
async fn an_older_schema_is_brought_up_to_date_with_what_it_holds() {
    let database = Database::new();
    let facts = Facts::connect(&database.servers, DeploymentId(1)).await.unwrap();
    facts.insert(block(0, 1, vec![clicked(click(0, NOON))])).await.unwrap();
    // As the version before left it.
    for statement in
        ["DROP TABLE deployment", "ALTER TABLE schema_versions DELETE WHERE version > 1 SETTINGS mutations_sync = 2"]
    {
        database.execute(statement).await.unwrap();
    }
    let facts = Facts::connect(&database.servers, DeploymentId(7)).await.unwrap();
    assert_eq!(facts.read(0, 0, 1).await.unwrap(), [clicked(click(0, NOON))]);
    assert_eq!(database.number("SELECT toInt64(id) FROM deployment").await, 7);
}

#[tokio::test]
async fn a_database_is_one_deployments() {
    let database = Database::new();
    let open = async |id| Facts::connect(&database.servers, DeploymentId(id)).await.map(drop);
    open(1).await.unwrap();
    let refused = open(2).await.unwrap_err().to_string();
    for part in [database.servers.prefix.as_str(), "another deployment", "--topic-prefix"] {
        assert!(refused.contains(part), "{refused}");
    }
    open(1).await.unwrap();
    assert_eq!(database.number("SELECT count() FROM deployment").await, 1);
}

#[tokio::test]
async fn every_column_says_what_it_is() {
    let database = Database::new();
    Facts::connect(&database.servers, DeploymentId(1)).await.unwrap();
    let client = database.client();
    let mute: Vec<String> = client
        .query(
            "SELECT concat(table, '.', name) FROM system.columns WHERE database = ? AND comment = '' AND table IN \
                (SELECT name FROM system.tables WHERE database = ? AND engine LIKE '%MergeTree')",
        )
        .bind(&database.servers.prefix)
        .bind(&database.servers.prefix)
        .fetch_all()
        .await
        .unwrap();
    assert_eq!(mute, Vec::<String>::new());
    let mute = client
        .query("SELECT name FROM system.tables WHERE database = ? AND comment = '' AND engine != 'MaterializedView'")
        .bind(&database.servers.prefix)
        .fetch_all::<String>();
    assert_eq!(mute.await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn every_table_remembers_an_hour_of_blocks() {
    let mut database = Database::new();
    let client = database.client();
    let windows = async |database: &Database| {
        let created = client.query(
            "SELECT name, create_table_query FROM system.tables WHERE database = ? AND engine LIKE '%MergeTree'",
        );
        let created: Vec<(String, String)> = created.bind(&database.servers.prefix).fetch_all().await.unwrap();
        let window = |text: &str| -> u64 {
            let (_, after) = text.split_once("non_replicated_deduplication_window = ").unwrap_or_default();
            after.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap_or(0)
        };
        created.iter().map(|(name, text)| (name.clone(), window(text))).collect::<BTreeMap<_, _>>()
    };
    Facts::connect(&database.servers, DeploymentId(1)).await.unwrap();
    let mut found = windows(&database).await;
    for of_the_schema in ["schema_versions", "deployment"] {
        assert_eq!(found.remove(of_the_schema), Some(0));
    }
    assert!(found.len() == 6 && found.values().all(|window| *window == 250_000), "{found:?}");
    database.servers.partitions = 128;
    Facts::connect(&database.servers, DeploymentId(1)).await.unwrap();
    let mut found = windows(&database).await;
    found.retain(|name, _| !["schema_versions", "deployment"].contains(&name.as_str()));
    assert!(found.values().all(|window| *window >= 128 * 3_600), "{found:?}");
}

#[test]
fn facts_are_kept_180_days_at_least() {
    let kept: Vec<u32> = SCHEMA
        .lines()
        .filter_map(|line| line.strip_prefix("TTL day + INTERVAL "))
        .map(|line| line.strip_suffix(" MONTH").unwrap().parse().unwrap())
        .collect();
    assert!(kept.len() == 3 && kept.iter().all(|months| months * 28 >= 180), "{kept:?}");
}

#[tokio::test]
async fn who_only_reads_writes_nothing() {
    let database = Database::new();
    let facts = Facts::connect(&database.servers, DeploymentId(1)).await.unwrap();
    facts.insert(block(0, 1, vec![clicked(click(0, NOON))])).await.unwrap();
    let reader = database.client().with_setting("readonly", "1");
    let clicks = reader.query("SELECT toInt64(count()) FROM clicks").fetch_one::<i64>().await.unwrap();
    assert_eq!(clicks, 1);
    for statement in [
        "INSERT INTO sources_by_day SELECT 1, '2026-11-20', 'news', 0, 1",
        "ALTER TABLE clicks DELETE WHERE 1",
        "DROP TABLE clicks",
        "CREATE TABLE t (a UInt8) ENGINE = Memory",
    ] {
        let refused = reader.query_raw(statement).execute();
        let refused = tokio::time::timeout(Duration::from_secs(10), refused).await.unwrap().unwrap_err();
        assert!(refused.to_string().contains("Code: 164"), "{statement}: {refused}");
    }
    assert_eq!(database.clicks().await, [1; 5]);
}
