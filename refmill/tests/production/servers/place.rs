//! A place of a test's own on the servers: a database, topics, keys. It is emptied when the test ends.

use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::{Servers, clickhouse, redis, sql};

#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) servers: Rc<Servers>,
    /// Of topics and keys, and the name of both databases.
    pub(crate) prefix: String,
    _kept: Rc<Kept>,
}

/// What is taken away when nobody uses the place any more.
struct Kept {
    servers: Rc<Servers>,
    prefix: String,
}

impl Place {
    pub(crate) async fn new(servers: Servers) -> Place {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let prefix = format!("prod_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let servers = Rc::new(servers);
        let place =
            Place { _kept: Rc::new(Kept { servers: Rc::clone(&servers), prefix: prefix.clone() }), servers, prefix };
        place.run_sql_beside(&format!("CREATE DATABASE {}", place.prefix)).await;
        place
    }

    /// The database of ledger and catalog.
    pub(crate) fn postgres(&self) -> String {
        database_url(&self.servers.postgres, &self.prefix)
    }

    pub(crate) fn topic(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    /// In the ledger and the catalog.
    pub(crate) async fn sql(&self, text: &str) -> Result<Vec<Vec<String>>, String> {
        sql(&self.postgres(), text).await
    }

    /// Outside of them, for what is done to the database itself.
    pub(crate) async fn run_sql_beside(&self, text: &str) {
        sql(&self.servers.postgres, text).await.unwrap_or_else(|error| panic!("{text}: {error}"));
    }

    pub(crate) async fn facts(&self, text: &str) -> Result<Vec<Vec<String>>, String> {
        clickhouse(&self.servers.clickhouse, &self.prefix, text).await
    }

    /// A copy of the database as it stands. Nobody may be in it meanwhile.
    pub(crate) async fn copy_database(&self, name: &str) {
        let copy = format!("{}_{name}", self.prefix);
        self.run_sql_beside(&format!("DROP DATABASE IF EXISTS {copy} WITH (FORCE)")).await;
        self.run_sql_beside(&format!("CREATE DATABASE {copy} TEMPLATE {}", self.prefix)).await;
    }

    /// Puts that copy in the place of the database.
    pub(crate) async fn restore_database(&self, name: &str) {
        self.run_sql_beside(&format!("DROP DATABASE {} WITH (FORCE)", self.prefix)).await;
        self.run_sql_beside(&format!("ALTER DATABASE {}_{name} RENAME TO {}", self.prefix, self.prefix)).await;
    }

    /// Drops the events of a partition before this offset, as their time would.
    pub(crate) async fn drop_events(&self, partition: i32, before: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic("events"), partition, Offset::Offset(before)).expect("an offset");
        let dropped = admin(&self.servers).delete_records(&list, &AdminOptions::new()).await.expect("an answer");
        dropped.elements().iter().for_each(|of| of.error().expect("dropped"));
    }

    /// Deletes a topic and makes it anew, empty.
    pub(crate) async fn make_topic_anew(&self, name: &str, partitions: i32) {
        let (admin, options) = (admin(&self.servers), AdminOptions::new());
        let topic = self.topic(name);
        admin.delete_topics(&[&topic], &options).await.expect("an answer")[0].as_ref().expect("deleted");
        crate::wait::eventually(std::time::Duration::from_secs(20), "the topic is made anew", async || {
            let new = NewTopic::new(&topic, partitions, TopicReplication::Fixed(1));
            let new = new.set("message.timestamp.type", "LogAppendTime");
            let made = admin.create_topics(&[new], &options).await.map_err(|error| error.to_string())?;
            made.into_iter().next().expect("one topic").map(drop).map_err(|(_, code)| code.to_string())
        })
        .await;
    }
}

impl Drop for Kept {
    /// In a thread of its own, as this may be dropped inside a runtime, whose thread must not wait.
    fn drop(&mut self) {
        let at = (self.servers.kafka.clone(), self.servers.postgres.clone(), self.servers.redis.clone());
        let (clickhouse_url, prefix) = (self.servers.clickhouse.clone(), self.prefix.clone());
        let emptied = std::thread::spawn(move || crate::on_one_thread(empty(at, clickhouse_url, prefix)));
        let _ = emptied.join();
    }
}

/// What is not there any more, or was never made, is no harm.
async fn empty((kafka, postgres, redis_url): (String, String, String), clickhouse_url: String, prefix: String) {
    let names = format!("SELECT datname FROM pg_database WHERE datname = '{prefix}' OR datname LIKE '{prefix}\\_%'");
    for name in sql(&postgres, &names).await.unwrap_or_default() {
        let _ = sql(&postgres, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", name[0])).await;
    }
    let _ = clickhouse(&clickhouse_url, "default", &format!("DROP DATABASE IF EXISTS {prefix}")).await;
    let delete = "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end return 1";
    let _ = redis(&redis_url, &["EVAL", delete, "0", &format!("{prefix}:*")]);
    let topics = [format!("{prefix}.events"), format!("{prefix}.decisions")];
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    let _ = admin_of(&kafka).delete_topics(&topics, &AdminOptions::new()).await;
}

fn admin(servers: &Servers) -> AdminClient<DefaultClientContext> {
    admin_of(&servers.kafka)
}

fn admin_of(kafka: &str) -> AdminClient<DefaultClientContext> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", kafka.trim_start_matches("kafka://")).set("socket.timeout.ms", "5000");
    config.create().expect("a client of Kafka")
}

/// Another database on the same server, whatever else the URL says.
fn database_url(url: &str, database: &str) -> String {
    let (before, query) = url.split_once('?').map_or((url, String::new()), |(start, end)| (start, format!("?{end}")));
    let server = before.rsplit_once('/').expect("a URL that names a database").0;
    format!("{server}/{database}{query}")
}

#[test]
fn another_database_of_the_same_server() {
    let check = |url: &str, wanted: &str| assert_eq!(database_url(url, "x"), wanted, "{url}");
    check("postgres://a@h:1/refmill", "postgres://a@h:1/x");
    check("postgres://a:b@h:1/refmill?sslmode=require", "postgres://a:b@h:1/x?sslmode=require");
}
