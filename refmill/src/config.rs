//! The one reader of flags, environment and file. Everything else is given a `Config`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use figment::providers::{Format as _, Serialized, Toml};
use figment::value::{Dict, Value};
use figment::{Figment, Profile, Provider as _};
use ipnet::IpNet;
use tracing_subscriber::filter::LevelFilter;

use crate::cli::{self, Given, LogFormat, Settings};
use crate::secrets::SecretUrl;

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

/// A `Config` with what it was made of.
pub(crate) struct Loaded {
    pub(crate) config: Config,
    settings: Settings,
    origins: Origins,
}

/// Flags over environment over file over defaults, checked.
pub(crate) fn load(given: Given) -> anyhow::Result<Loaded> {
    let mut origins = Origins(BTreeMap::new());
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
    let config = check(&settings, &origins)?;
    Ok(Loaded {
        config,
        settings,
        origins,
    })
}

/// What help says of each setting's default.
pub(crate) fn default_texts() -> BTreeMap<String, String> {
    let table = toml::Table::try_from(defaults()).expect("settings are strings, numbers and lists of them");
    let text = |value: toml::Value| match value {
        toml::Value::String(text) => text,
        toml::Value::Array(items) => items
            .iter()
            .filter_map(toml::Value::as_str)
            .collect::<Vec<_>>()
            .join(","),
        other => other.to_string(),
    };
    table.into_iter().map(|(key, value)| (key, text(value))).collect()
}

impl Loaded {
    /// The effective settings as TOML that `--config` reads again, but for masked secrets.
    pub(crate) fn print(&self) -> String {
        let mut shown = self.settings.clone();
        shown.smtp_url = self.config.mail.smtp.as_ref().map(ToString::to_string);
        let table = toml::Table::try_from(shown).expect("settings are strings, numbers and lists of them");
        let mut text = String::new();
        for key in cli::keys() {
            let origin = self.origins.of(&key);
            let line = table
                .get(&key)
                .map_or_else(|| format!("# {key} is not set"), |value| format!("{key} = {value}"));
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
        log_format: Some(LogFormat::Human),
        log_level: Some("info".to_owned()),
    }
}

fn check(settings: &Settings, origins: &Origins) -> anyhow::Result<Config> {
    let checks = Checks { origins };
    let config = Config {
        data_dir: checks.folder(settings)?,
        listen: checks.address("listen", settings.listen.as_deref())?,
        metrics_listen: checks.address("metrics-listen", settings.metrics_listen.as_deref())?,
        public_url: settings
            .public_url
            .as_deref()
            .map(|url| checks.public_url(url))
            .transpose()?,
        no_demo: settings.no_demo.unwrap_or_default(),
        mail: Mail {
            smtp: settings
                .smtp_url
                .as_deref()
                .map(|url| checks.smtp_url(url))
                .transpose()?,
            from: checks.mailbox(settings.smtp_from.as_deref().unwrap_or_default())?,
        },
        limits: Limits {
            clicks_per_ip_per_hour: checks.whole(
                "clicks-per-ip-per-hour",
                settings.clicks_per_ip_per_hour,
                1..=1_000_000_000,
            )?,
            requests_per_key_per_second: checks.whole(
                "requests-per-key-per-second",
                settings.requests_per_key_per_second,
                1..=1_000_000,
            )?,
            decision_wait_ms: checks.whole("decision-wait-ms", settings.decision_wait_ms, 0..=60_000)?,
            connections: checks.whole("max-connections", settings.max_connections, 1..=1_000_000)?,
            waiters: checks.whole("max-waiters", settings.max_waiters, 0..=1_000_000)?,
            click_queue_depth: checks.whole("click-queue-depth", settings.click_queue_depth, 1..=1_048_576)?,
            conversion_queue_depth: checks.whole(
                "conversion-queue-depth",
                settings.conversion_queue_depth,
                1..=1_048_576,
            )?,
        },
        trusted_proxies: checks.networks(settings.trusted_proxies.as_deref().unwrap_or_default())?,
        log_format: settings.log_format.unwrap_or_default(),
        log_level: checks.log_level(settings.log_level.as_deref().unwrap_or_default())?,
    };
    ensure!(
        config.listen.port() == 0 || config.listen != config.metrics_listen,
        "--listen and --metrics-listen are both {}: they need two ports",
        config.listen
    );
    Ok(config)
}

fn read_file(file: &Path) -> anyhow::Result<Dict> {
    let shown = file.display();
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("the settings in {shown} (--config) could not be read"))?;
    let mut profiles = Toml::string(&text)
        .data()
        .map_err(|error| anyhow::anyhow!("{shown} is no TOML: {}", error.kind))?;
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
    Ok(all
        .into_iter()
        .filter(|(_, value)| !matches!(value, Value::Empty(..)))
        .collect())
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    Flag,
    Env,
    File(PathBuf),
    Default,
}

impl Origin {
    fn describe(&self, key: &str) -> String {
        match self {
            Self::Flag => format!("flag --{key}"),
            Self::Env => format!("env REFMILL_{}", key.replace('-', "_").to_uppercase()),
            Self::File(file) => format!("file {}", file.display()),
            Self::Default => "default".to_owned(),
        }
    }
}

struct Origins(BTreeMap<String, Origin>);

impl Origins {
    fn say(&mut self, keys: impl IntoIterator<Item = String>, origin: &Origin) {
        self.0.extend(keys.into_iter().map(|key| (key, origin.clone())));
    }

    fn of(&self, key: &str) -> Origin {
        self.0.get(key).cloned().unwrap_or(Origin::Default)
    }

    fn explain(&self, error: &figment::Error) -> anyhow::Error {
        let key = error.path.join(".");
        anyhow::anyhow!("--{key}: {} ({})", error.kind, self.of(&key).describe(&key))
    }
}

struct Checks<'a> {
    origins: &'a Origins,
}

impl Checks<'_> {
    fn refuse(&self, key: &str, takes: &str, found: &str) -> anyhow::Error {
        anyhow::anyhow!(
            "--{key} takes {takes}, not `{found}` ({})",
            self.origins.of(key).describe(key)
        )
    }

    fn whole<T: TryFrom<i64>>(&self, key: &str, value: Option<i64>, range: RangeInclusive<i64>) -> anyhow::Result<T> {
        let value = value.unwrap_or_default();
        let takes = format!("{} to {}", range.start(), range.end());
        let inside = range
            .contains(&value)
            .then_some(value)
            .and_then(|value| T::try_from(value).ok());
        inside.ok_or_else(|| self.refuse(key, &takes, &value.to_string()))
    }

    fn folder(&self, settings: &Settings) -> anyhow::Result<PathBuf> {
        let folder = settings.data_dir.clone().unwrap_or_default();
        if folder.as_os_str().is_empty() {
            return Err(self.refuse("data-dir", "a folder", ""));
        }
        Ok(folder)
    }

    fn address(&self, key: &str, value: Option<&str>) -> anyhow::Result<SocketAddr> {
        let value = value.unwrap_or_default();
        value
            .parse()
            .map_err(|_| self.refuse(key, "an address and a port such as 127.0.0.1:8080 or [::]:8080", value))
    }

    fn networks(&self, values: &[String]) -> anyhow::Result<Vec<IpNet>> {
        let parse = |value: &str| {
            let network = value
                .parse::<IpNet>()
                .or_else(|_| value.parse().map(|address: std::net::IpAddr| address.into()));
            network.map_err(|_| self.refuse("trusted-proxies", "networks such as 10.0.0.0/8,::1/128", value))
        };
        values
            .iter()
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
            .map(parse)
            .collect()
    }

    fn public_url(&self, value: &str) -> anyhow::Result<String> {
        let uri = value.parse::<http::Uri>().ok();
        let plain = uri.is_some_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
                && uri.query().is_none()
                && uri
                    .authority()
                    .is_some_and(|authority| !authority.as_str().contains('@'))
        });
        if !plain || value.contains('#') {
            return Err(self.refuse("public-url", "an http(s) URL without user, query and fragment", value));
        }
        Ok(value.trim_end_matches('/').to_owned())
    }

    fn smtp_url(&self, value: &str) -> anyhow::Result<SecretUrl> {
        let url = SecretUrl::new(value);
        let rest = url
            .expose()
            .strip_prefix("smtp://")
            .or_else(|| url.expose().strip_prefix("smtps://"));
        let host = rest.map(|rest| rest.rsplit_once('@').map_or(rest, |(_, host)| host));
        if host.is_none_or(|host| host.trim_matches('/').is_empty()) {
            return Err(self.refuse(
                "smtp-url",
                "smtp://USER:PASSWORD@HOST:PORT or smtps://…",
                &url.to_string(),
            ));
        }
        Ok(url)
    }

    fn mailbox(&self, value: &str) -> anyhow::Result<String> {
        let one_line = !value.contains(char::is_control);
        if !one_line || !value.contains('@') {
            return Err(self.refuse("smtp-from", "a mailbox such as Refmill <refmill@example.com>", value));
        }
        Ok(value.to_owned())
    }

    fn log_level(&self, value: &str) -> anyhow::Result<String> {
        let level = |part: &str| {
            part.rsplit_once('=')
                .map_or(part, |(_, level)| level)
                .parse::<LevelFilter>()
                .is_ok()
        };
        if value.is_empty() || !value.split(',').map(str::trim).all(level) {
            return Err(self.refuse(
                "log-level",
                "off, error, warn, info, debug or trace, or a list such as info,ingest=debug",
                value,
            ));
        }
        Ok(value.to_owned())
    }
}
