//! A ClickHouse database of one test, and questions put to it past the store.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clickhouse::Client;
use stores::Servers;

/// Gone with all that is in it once the test ends.
pub(crate) struct Database {
    pub(crate) servers: Servers,
}

impl Database {
    pub(crate) fn new() -> Database {
        Database::at(&std::env::var("REFMILL_TEST_CLICKHOUSE").expect(
            "REFMILL_TEST_CLICKHOUSE is not set: start the servers: eval \"$(./scripts/services up)\", or run ./scripts/test",
        ))
    }

    pub(crate) fn at(url: &str) -> Database {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let prefix = format!("facts_{now}_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let servers = Servers {
            kafka: String::new(),
            redis: String::new(),
            clickhouse: url.to_owned(),
            postgres: String::new(),
            prefix,
            partitions: 4,
            reply_partitions: 1,
            replication: 1,
            session: Duration::from_secs(10),
            postgres_connections: 1,
        };
        Database { servers }
    }

    pub(crate) fn client(&self) -> Client {
        Client::default().with_url(&self.servers.clickhouse).with_database(&self.servers.prefix)
    }

    pub(crate) async fn execute(&self, statement: &str) -> clickhouse::error::Result<()> {
        self.client().query_raw(statement).execute().await
    }

    pub(crate) async fn number(&self, select: &str) -> i64 {
        self.client().query_raw(&format!("SELECT assumeNotNull(toInt64(({select})))")).fetch_one().await.unwrap()
    }

    /// The number of clicks and of counted ones that rows have without FINAL, and sums have.
    pub(crate) async fn clicks(&self) -> [i64; 5] {
        [
            self.number("SELECT count() FROM clicks").await,
            self.number("SELECT count() FROM clicks WHERE outcome = 'counted'").await,
            self.number("SELECT sum(clicks) FROM clicks_by_day").await,
            self.number("SELECT sum(clicks) FROM sources_by_day").await,
            self.number("SELECT sum(clicks) FROM pages_by_day").await,
        ]
    }

    /// Revenue of rows and of sums.
    pub(crate) async fn revenue(&self) -> [i64; 2] {
        [
            self.number("SELECT sum(revenue_minor) FROM conversion_changes").await,
            self.number("SELECT sum(revenue_minor) FROM sales_by_day").await,
        ]
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (client, name) = (self.client(), self.servers.prefix.clone());
        let dropped = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let client = client.with_database("default");
            runtime.block_on(async {
                let drop = client.query_raw(&format!("DROP DATABASE IF EXISTS {name}")).execute();
                tokio::time::timeout(Duration::from_secs(10), drop).await
            })
        });
        // A server that is down keeps what it has.
        let _ = dropped.join();
    }
}
