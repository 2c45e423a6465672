use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogFormat {
    #[default]
    Human,
    Json,
}

// As they are said, before they are checked: `config::load` makes a `Config` of them. Clap would show a `///` as the program's own
// description.
#[derive(Clone, Default, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[command(next_help_heading = "Settings")]
pub(crate) struct Settings {
    /// Folder of everything that is kept
    #[arg(long, env = "REFMILL_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Address that people, SDKs and backends call; port 0 picks a free one
    #[arg(long, env = "REFMILL_LISTEN", value_name = "ADDR")]
    pub(crate) listen: Option<String>,

    /// Address that Prometheus scrapes; port 0 picks a free one
    #[arg(long, env = "REFMILL_METRICS_LISTEN", value_name = "ADDR")]
    pub(crate) metrics_listen: Option<String>,

    /// What links, snippets and mails name, such as https://go.example.com (default: the ready URL)
    #[arg(long, env = "REFMILL_PUBLIC_URL", value_name = "URL")]
    pub(crate) public_url: Option<String>,

    /// Leave out the demo company that the first start in an empty folder makes
    #[arg(long, env = "REFMILL_NO_DEMO", value_name = "BOOL",
        num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub(crate) no_demo: Option<bool>,

    /// Mail server, smtp:// or smtps:// with user and password in it (default: mail becomes files in DIR/outbox)
    #[arg(long, env = "REFMILL_SMTP_URL", value_name = "URL")]
    pub(crate) smtp_url: Option<String>,

    /// Sender of mails
    #[arg(long, env = "REFMILL_SMTP_FROM", value_name = "MAILBOX")]
    pub(crate) smtp_from: Option<String>,

    /// Clicks that one address may make: all at once, refilled evenly over the hour; 0 sets no limit
    #[arg(long, env = "REFMILL_CLICKS_PER_IP_PER_HOUR", value_name = "N")]
    pub(crate) clicks_per_ip_per_hour: Option<i64>,

    /// Requests that one key may make; 0 sets no limit
    #[arg(long, env = "REFMILL_REQUESTS_PER_KEY_PER_SECOND", value_name = "N")]
    pub(crate) requests_per_key_per_second: Option<i64>,

    /// How long a caller waits for a decision before it gets 202
    #[arg(long, env = "REFMILL_DECISION_WAIT_MS", value_name = "MS")]
    pub(crate) decision_wait_ms: Option<i64>,

    /// Networks whose X-Forwarded-For counts; an empty value trusts nobody
    #[arg(long, env = "REFMILL_TRUSTED_PROXIES", value_name = "CIDR,…", num_args = 1, value_delimiter = ',')]
    pub(crate) trusted_proxies: Option<Vec<String>>,

    /// Connections held at once; more are refused
    #[arg(long, env = "REFMILL_MAX_CONNECTIONS", value_name = "N")]
    pub(crate) max_connections: Option<i64>,

    /// Callers that wait for a decision at once; more get 202 without waiting
    #[arg(long, env = "REFMILL_MAX_WAITERS", value_name = "N")]
    pub(crate) max_waiters: Option<i64>,

    /// Clicks that may wait for the log; from there on 503
    #[arg(long, env = "REFMILL_CLICK_QUEUE_DEPTH", value_name = "N")]
    pub(crate) click_queue_depth: Option<i64>,

    /// Conversions that may wait for the log; from there on 503
    #[arg(long, env = "REFMILL_CONVERSION_QUEUE_DEPTH", value_name = "N")]
    pub(crate) conversion_queue_depth: Option<i64>,

    /// Kafka, kafka://[user:password@]host:port[,host:port…][?tls=true&ca=FILE&mechanism=SCRAM-SHA-512]; it, Redis, ClickHouse and Postgres go together
    #[arg(long, env = "REFMILL_KAFKA", value_name = "URL")]
    pub(crate) kafka: Option<String>,

    /// Redis, redis[s]://[user:password@]host:port/db[?ca=FILE], with maxmemory-policy noeviction
    #[arg(long, env = "REFMILL_REDIS", value_name = "URL")]
    pub(crate) redis: Option<String>,

    /// ClickHouse over HTTP, http[s]://[user:password@]host:port/[database][?ca=FILE]
    #[arg(long, env = "REFMILL_CLICKHOUSE", value_name = "URL")]
    pub(crate) clickhouse: Option<String>,

    /// Postgres, postgres://user:password@host:port/database[?sslmode=require&sslrootcert=FILE]
    #[arg(long, env = "REFMILL_POSTGRES", value_name = "URL")]
    pub(crate) postgres: Option<String>,

    /// Partitions of the events; fixed when the deployment is made, and any other number is refused then
    #[arg(long, env = "REFMILL_PARTITIONS", value_name = "N")]
    pub(crate) partitions: Option<i64>,

    /// Partitions of the decisions; each process that waits for decisions reads one
    #[arg(long, env = "REFMILL_REPLY_PARTITIONS", value_name = "N")]
    pub(crate) reply_partitions: Option<i64>,

    /// Brokers that hold each record of a topic that is made; 3 in production
    #[arg(long, env = "REFMILL_KAFKA_REPLICATION", value_name = "N")]
    pub(crate) kafka_replication: Option<i64>,

    /// What names topics, Redis keys, and the ClickHouse database where its URL names none
    #[arg(long, env = "REFMILL_TOPIC_PREFIX", value_name = "NAME")]
    pub(crate) topic_prefix: Option<String>,

    /// Make topics that are missing
    #[arg(long, env = "REFMILL_CREATE_TOPICS", value_name = "BOOL",
        num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub(crate) create_topics: Option<bool>,

    /// After how long without a sign of life a processor's partitions go to others
    #[arg(long, env = "REFMILL_SESSION_TIMEOUT_MS", value_name = "MS")]
    pub(crate) session_timeout_ms: Option<i64>,

    /// Connections to Postgres that this process holds at the most
    #[arg(long, env = "REFMILL_POSTGRES_CONNECTIONS", value_name = "N")]
    pub(crate) postgres_connections: Option<i64>,

    /// Folder of what comes in while Kafka is away (default: spool in the data folder)
    #[arg(long, env = "REFMILL_SPOOL_DIR", value_name = "DIR")]
    pub(crate) spool_dir: Option<PathBuf>,

    /// How large that may get; from there on 503
    #[arg(long, env = "REFMILL_SPOOL_MAX_MIB", value_name = "MIB")]
    pub(crate) spool_max_mib: Option<i64>,

    /// Log lines on standard error
    #[arg(long, env = "REFMILL_LOG_FORMAT", value_name = "FORMAT", value_enum)]
    pub(crate) log_format: Option<LogFormat>,

    /// off, error, warn, info, debug or trace, for all or by crate: info,ingest=debug
    #[arg(long, env = "REFMILL_LOG_LEVEL", value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
}
