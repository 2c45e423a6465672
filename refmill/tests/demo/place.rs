//! A place of a test's own on the servers that all tests use: a database, topics, keys. It is emptied when the test ends.

use std::future::Future;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use tokio_postgres::NoTls;

const ANSWERS_WITHIN: Duration = Duration::from_secs(30);
const PARTITIONS: &str = "4";

pub(crate) struct Place {
    kafka: String,
    redis: String,
    clickhouse: String,
    postgres: String,
    /// Of topics and keys, and the name of both databases.
    prefix: String,
}

impl Place {
    pub(crate) fn new() -> Place {
        let place = Place {
            kafka: given("REFMILL_TEST_KAFKA"),
            redis: given("REFMILL_TEST_REDIS"),
            clickhouse: given("REFMILL_TEST_CLICKHOUSE"),
            postgres: given("REFMILL_TEST_POSTGRES"),
            prefix: format!("demo_{:08x}", unique()),
        };
        let made = on_one_thread(sql(&place.postgres, &format!("CREATE DATABASE {}", place.prefix)));
        made.expect("Postgres makes a database");
        place
    }

    pub(crate) fn flags(&self) -> Vec<String> {
        let server = self.postgres.rsplit_once('/').expect("a URL that names a database").0;
        let database = format!("{server}/{}", self.prefix);
        let flags = [
            ("--kafka", self.kafka.as_str()),
            ("--redis", &self.redis),
            ("--clickhouse", &self.clickhouse),
            ("--postgres", &database),
            ("--topic-prefix", &self.prefix),
            ("--partitions", PARTITIONS),
        ];
        flags.iter().flat_map(|(flag, value)| [(*flag).to_owned(), (*value).to_owned()]).collect()
    }
}

impl Drop for Place {
    /// What cannot be taken away now does nobody harm.
    fn drop(&mut self) {
        let prefix = &self.prefix;
        let _ = on_one_thread(sql(&self.postgres, &format!("DROP DATABASE IF EXISTS {prefix} WITH (FORCE)")));
        let drop = format!("DROP DATABASE IF EXISTS {prefix}");
        let head = "POST / HTTP/1.1\r\nHost: clickhouse\r\nConnection: close\r\nContent-Length: ";
        say(&self.clickhouse, &format!("{head}{}\r\n\r\n{drop}", drop.len()));
        let delete = "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end return 1";
        let database = self.redis.rsplit_once('/').map_or("0", |(_, database)| database);
        say(&self.redis, &format!("SELECT {database}\r\nEVAL \"{delete}\" 0 {prefix}:*\r\nQUIT\r\n"));
        let topics = [format!("{prefix}.events"), format!("{prefix}.decisions")];
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.kafka.trim_start_matches("kafka://"));
        let admin: Result<AdminClient<DefaultClientContext>, _> = config.create();
        if let Ok(admin) = admin {
            let topics = topics.each_ref().map(String::as_str);
            let _ = on_one_thread(admin.delete_topics(&topics, &AdminOptions::new()));
        }
    }
}

fn given(variable: &str) -> String {
    let start = "start the servers: eval \"$(./scripts/services up)\", or run ./scripts/test";
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set: {start}"))
}

fn unique() -> u32 {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).expect("the system has random bytes");
    u32::from_le_bytes(bytes)
}

async fn sql(url: &str, text: &str) -> Result<(), tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let connection = tokio::spawn(connection);
    let done = client.batch_execute(text).await;
    connection.abort();
    done
}

fn on_one_thread<T>(what: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let ended = runtime.block_on(async { tokio::time::timeout(ANSWERS_WITHIN, what).await });
    ended.expect("a server answers in time")
}

/// Sends this to the host of a URL and waits until it hangs up.
fn say(url: &str, text: &str) {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host).split('/').next().unwrap_or_default();
    let Ok(mut stream) = TcpStream::connect(host) else { return };
    let _ = stream.set_read_timeout(Some(ANSWERS_WITHIN));
    let _ = stream.write_all(text.as_bytes());
    let _ = stream.read_to_end(&mut Vec::new());
}
