//! The four servers: all of them are named, or none.

use std::time::Duration;

use anyhow::bail;

use super::check::Checks;
use crate::cli::Settings;
use crate::secrets::SecretUrl;

/// What a deployment of many processes is around.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Servers {
    kafka: SecretUrl,
    redis: SecretUrl,
    clickhouse: SecretUrl,
    postgres: SecretUrl,
    topics: Topics,
    session: Duration,
    postgres_connections: usize,
}

#[derive(Clone, Debug, PartialEq)]
struct Topics {
    prefix: String,
    partitions: u32,
    reply_partitions: u32,
    replication: u16,
    create: bool,
}

/// A server's setting and what it takes.
struct Kind {
    key: &'static str,
    schemes: &'static [&'static str],
    example: &'static str,
}

const KAFKA: Kind = Kind { key: "kafka", schemes: &["kafka"], example: "kafka://user:password@host:9092,other:9092" };
const REDIS: Kind = Kind { key: "redis", schemes: &["redis", "rediss"], example: "redis://user:password@host:6379/0" };
const CLICKHOUSE: Kind =
    Kind { key: "clickhouse", schemes: &["http", "https"], example: "http://user:password@host:8123/database" };
const POSTGRES: Kind = Kind {
    key: "postgres",
    schemes: &["postgres", "postgresql"],
    example: "postgres://user:password@host:5432/database",
};

const PREFIX_CHARS_MAX: usize = 64;

pub(super) fn of(settings: &Settings, checks: &Checks<'_>) -> anyhow::Result<Option<Servers>> {
    let kafka = KAFKA.url(settings.kafka.as_deref(), checks)?;
    let redis = REDIS.url(settings.redis.as_deref(), checks)?;
    let clickhouse = CLICKHOUSE.url(settings.clickhouse.as_deref(), checks)?;
    let postgres = POSTGRES.url(settings.postgres.as_deref(), checks)?;
    let topics = topics(settings, checks)?;
    let session_ms = checks.whole("session-timeout-ms", settings.session_timeout_ms, 1_000..=1_800_000)?;
    let postgres_connections = checks.whole("postgres-connections", settings.postgres_connections, 2..=1_000)?;
    let are_said = [(KAFKA, &kafka), (REDIS, &redis), (CLICKHOUSE, &clickhouse), (POSTGRES, &postgres)]
        .map(|(kind, url)| (kind.key, url.is_some()));
    match (kafka, redis, clickhouse, postgres) {
        (Some(kafka), Some(redis), Some(clickhouse), Some(postgres)) => Ok(Some(Servers {
            kafka,
            redis,
            clickhouse,
            postgres,
            topics,
            session: Duration::from_millis(session_ms),
            postgres_connections,
        })),
        (None, None, None, None) => Ok(None),
        _ => {
            let flags = |said: bool| {
                let of = are_said.iter().filter(|(_, is_said)| *is_said == said);
                of.map(|(key, _)| format!("--{key}")).collect::<Vec<_>>().join(", ")
            };
            bail!(
                "{} without {}: name all four servers, or none of them to keep everything in the data folder",
                flags(true),
                flags(false)
            )
        }
    }
}

impl Servers {
    /// For the stores, which connect: with all secrets.
    pub(crate) fn shape(&self) -> stores::Shape {
        let topics = &self.topics;
        stores::Shape::Distributed {
            servers: Box::new(stores::Servers {
                kafka: self.kafka.expose().to_owned(),
                redis: self.redis.expose().to_owned(),
                clickhouse: self.clickhouse.expose().to_owned(),
                postgres: self.postgres.expose().to_owned(),
                prefix: topics.prefix.clone(),
                partitions: topics.partitions,
                reply_partitions: topics.reply_partitions,
                replication: topics.replication,
                session: self.session,
                postgres_connections: self.postgres_connections,
            }),
            create_topics: topics.create,
        }
    }
}

impl Kind {
    /// How far the URL can be understood is the store's to say; here it must only be this server's.
    fn url(&self, value: Option<&str>, checks: &Checks<'_>) -> anyhow::Result<Option<SecretUrl>> {
        let Some(value) = value else { return Ok(None) };
        let scheme = value.split_once("://").map(|(scheme, rest)| (scheme, !rest.is_empty()));
        let is_one = match scheme {
            Some((scheme, has_rest)) => has_rest && self.schemes.contains(&scheme),
            None => self.key == KAFKA.key && is_list_of_addresses(value),
        };
        let url = SecretUrl::new(value);
        if is_one {
            Ok(Some(url))
        } else {
            Err(checks.refuse(self.key, &format!("a URL such as {}", self.example), &url.to_string()))
        }
    }
}

/// Kafka's own way to name servers.
fn is_list_of_addresses(value: &str) -> bool {
    value.split(',').all(|address| {
        address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
    })
}

fn topics(settings: &Settings, checks: &Checks<'_>) -> anyhow::Result<Topics> {
    let prefix = settings.topic_prefix.clone().unwrap_or_default();
    let starts_well = prefix.starts_with(|first: char| first.is_ascii_lowercase());
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !starts_well || !prefix.chars().all(is_name) || prefix.len() > PREFIX_CHARS_MAX {
        let takes = format!("a letter and up to {} more of a-z, 0-9 and _", PREFIX_CHARS_MAX - 1);
        return Err(checks.refuse("topic-prefix", &takes, &prefix));
    }
    Ok(Topics {
        prefix,
        partitions: checks.whole("partitions", settings.partitions, 1..=1_024)?,
        reply_partitions: checks.whole("reply-partitions", settings.reply_partitions, 1..=1_024)?,
        replication: checks.whole("kafka-replication", settings.kafka_replication, 1..=15)?,
        create: settings.create_topics.unwrap_or_default(),
    })
}
