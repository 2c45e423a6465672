//! The one reader of flags, environment and file. Everything else is given a `Config`.

mod check;
mod origin;
mod servers;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use figment::providers::{Format as _, Serialized, Toml};
use figment::value::{Dict, Value};
use figment::{Figment, Profile, Provider as _};
use ipnet::IpNet;
use stores::Shape;

use self::origin::{Origin, Origins};
use crate::cli::{self, Given, LogFormat, Settings};
use crate::secrets::SecretUrl;

pub(crate) use servers::Servers;

/// Settings that were checked. Ports may be 0; the rest holds what it says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Config {
    pub(crate) data_dir: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) metrics_listen: SocketAddr,
    /// Without a slash at its end. `None` means the ready URL.
    pub(crate) public_url: Option<String>,
    pub(crate) no_demo: bool,
    pub(crate) mail: Mail,
    /// `None` means everything in the data folder, in one process.
    pub(crate) servers: Option<Servers>,
    pub(crate) spool: Spool,
    pub(crate) limits: Limits,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) log_format: LogFormat,
    pub(crate) log_level: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mail {
    /// `None` means files in the data folder's outbox.
    pub(crate) smtp: Option<SecretUrl>,
    pub(crate) from: String,
}

/// What an edge keeps on its own disk while Kafka is away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spool {
    pub(crate) folder: PathBuf,
    pub(crate) bytes_max: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) clicks_per_ip_per_hour: u32,
    pub(crate) requests_per_key_per_second: u32,
    pub(crate) decision_wait_ms: u64,
    pub(crate) connections: usize,
    pub(crate) waiters: usize,
    pub(crate) click_queue_depth: usize,
    pub(crate) conversion_queue_depth: usize,
}

impl Config {
    /// Where all is kept: on the servers, where they are named.
    pub(crate) fn shape(&self) -> Shape {
        match &self.servers {
            Some(servers) => servers.shape(),
            None => Shape::Embedded { folder: self.data_dir.clone() },
        }
    }
}

/// A `Config` with what it was made of.
pub(crate) struct Loaded {
    pub(crate) config: Config,
    settings: Settings,
    origins: Origins,
}

/// Flags over environment over file over defaults, checked.
pub(crate) fn load(given: Given) -> anyhow::Result<Loaded> {
    let mut origins = Origins::default();
    let mut layers = Figment::from(Serialized::defaults(defaults()));
    if let Some(file) = &given.config_file {
        let from_file = read_file(file)?;
        origins.say(from_file.keys().cloned(), &Origin::File(file.clone()));
        layers = layers.merge(Serialized::defaults(from_file));
    }
    origins.say(given.by_env, &Origin::Env);
    origins.say(given.by_flag, &Origin::Flag);
    let settings: Settings = layers
        .merge(Serialized::defaults(said(&given.settings)?))
        .extract()
        .map_err(|error| origins.explain(&error))?;
    let config = check::config(&settings, &origins)?;
    Ok(Loaded { config, settings, origins })
}

/// What help says of each setting's default.
pub(crate) fn default_texts() -> BTreeMap<String, String> {
    let table = toml::Table::try_from(defaults()).expect("settings are strings, numbers and lists of them");
    let text = |value: toml::Value| match value {
        toml::Value::String(text) => text,
        toml::Value::Array(items) => items.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    };
    table.into_iter().map(|(key, value)| (key, text(value))).collect()
}

impl Loaded {
    /// The effective settings as TOML that `--config` reads again, but for masked secrets.
    pub(crate) fn print(&self) -> String {
        let mut shown = self.settings.clone();
        for url in [&mut shown.smtp_url, &mut shown.kafka, &mut shown.redis, &mut shown.clickhouse, &mut shown.postgres]
        {
            *url = url.as_deref().map(|url| SecretUrl::new(url).to_string());
        }
        let table = toml::Table::try_from(shown).expect("settings are strings, numbers and lists of them");
        let mut text = String::new();
        for key in cli::keys() {
            let origin = self.origins.of(&key);
            let line =
                table.get(&key).map_or_else(|| format!("# {key} is not set"), |value| format!("{key} = {value}"));
            text.push_str(&format!("{line:<50} # {}\n", origin.describe(&key)));
        }
        text
    }
}

fn defaults() -> Settings {
    Settings {
        data_dir: Some("./refmill-data".into()),
        listen: Some("127.0.0.1:8080".to_owned()),
        metrics_listen: Some("127.0.0.1:9090".to_owned()),
        public_url: None,
        no_demo: Some(false),
        smtp_url: None,
        smtp_from: Some("Refmill <refmill@localhost>".to_owned()),
        clicks_per_ip_per_hour: Some(1_000),
        requests_per_key_per_second: Some(1_000),
        decision_wait_ms: Some(2_000),
        trusted_proxies: Some(vec!["127.0.0.1/32".to_owned(), "::1/128".to_owned()]),
        max_connections: Some(20_000),
        max_waiters: Some(10_000),
        click_queue_depth: Some(8_192),
        conversion_queue_depth: Some(16_384),
        kafka: None,
        redis: None,
        clickhouse: None,
        postgres: None,
        partitions: Some(12),
        reply_partitions: Some(12),
        kafka_replication: Some(1),
        topic_prefix: Some("refmill".to_owned()),
        create_topics: Some(true),
        session_timeout_ms: Some(10_000),
        postgres_connections: Some(16),
        spool_dir: None,
        spool_max_mib: Some(1_024),
        log_format: Some(LogFormat::Human),
        log_level: Some("info".to_owned()),
    }
}

fn read_file(file: &Path) -> anyhow::Result<Dict> {
    let shown = file.display();
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("the settings in {shown} (--config) could not be read"))?;
    let mut profiles =
        Toml::string(&text).data().map_err(|error| anyhow::anyhow!("{shown} is no TOML: {}", error.kind))?;
    let settings = profiles.remove(&Profile::Default).unwrap_or_default();
    let known = cli::keys();
    if let Some(key) = settings.keys().find(|key| !known.contains(key)) {
        let kebab = key.replace('_', "-");
        let hint = if known.contains(&kebab) {
            format!("did you mean `{kebab}`?")
        } else {
            format!("known are {}", known.join(", "))
        };
        bail!("unknown key `{key}` in {shown}: {hint}");
    }
    Ok(settings)
}

/// Only the settings that have a value, so that merging them covers nothing else.
fn said(settings: &Settings) -> anyhow::Result<Dict> {
    let value = Value::serialize(settings).context("a setting is no UTF-8")?;
    let all = value.into_dict().expect("a struct is a dictionary");
    Ok(all.into_iter().filter(|(_, value)| !matches!(value, Value::Empty(..))).collect())
}
