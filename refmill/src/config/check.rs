//! What each setting takes. A refusal names the flag, what it takes, and who said otherwise.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use anyhow::ensure;
use ipnet::IpNet;
use tracing_subscriber::filter::LevelFilter;

use super::origin::Origins;
use super::{Config, Limits, Mail, Spool, servers};
use crate::cli::Settings;
use crate::secrets::SecretUrl;

pub(crate) fn config(settings: &Settings, origins: &Origins) -> anyhow::Result<Config> {
    let checks = Checks { origins };
    let config = Config {
        data_dir: checks.folder(settings)?,
        listen: checks.address("listen", settings.listen.as_deref())?,
        metrics_listen: checks.address("metrics-listen", settings.metrics_listen.as_deref())?,
        public_url: settings.public_url.as_deref().map(|url| checks.public_url(url)).transpose()?,
        no_demo: settings.no_demo.unwrap_or_default(),
        mail: Mail {
            smtp: settings.smtp_url.as_deref().map(|url| checks.smtp_url(url)).transpose()?,
            from: checks.mailbox(settings.smtp_from.as_deref().unwrap_or_default())?,
        },
        servers: servers::of(settings, &checks)?,
        spool: checks.spool(settings)?,
        limits: Limits {
            clicks_per_ip_per_hour: checks.whole(
                "clicks-per-ip-per-hour",
                settings.clicks_per_ip_per_hour,
                0..=i64::from(ingest::limiter::CLICKS_PER_HOUR_MAX),
            )?,
            requests_per_key_per_second: checks.whole(
                "requests-per-key-per-second",
                settings.requests_per_key_per_second,
                0..=i64::from(ingest::limiter::REQUESTS_PER_SECOND_MAX),
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

pub(super) struct Checks<'a> {
    origins: &'a Origins,
}

impl Checks<'_> {
    pub(super) fn refuse(&self, key: &str, takes: &str, found: &str) -> anyhow::Error {
        anyhow::anyhow!("--{key} takes {takes}, not `{found}` ({})", self.origins.of(key).describe(key))
    }

    pub(super) fn whole<T: TryFrom<i64>>(
        &self,
        key: &str,
        value: Option<i64>,
        range: RangeInclusive<i64>,
    ) -> anyhow::Result<T> {
        let value = value.unwrap_or_default();
        let takes = format!("{} to {}", range.start(), range.end());
        let inside = range.contains(&value).then_some(value).and_then(|value| T::try_from(value).ok());
        inside.ok_or_else(|| self.refuse(key, &takes, &value.to_string()))
    }

    fn folder(&self, settings: &Settings) -> anyhow::Result<PathBuf> {
        let folder = settings.data_dir.clone().unwrap_or_default();
        if folder.as_os_str().is_empty() {
            return Err(self.refuse("data-dir", "a folder", ""));
        }
        Ok(folder)
    }

    fn spool(&self, settings: &Settings) -> anyhow::Result<Spool> {
        let beside = || settings.data_dir.as_deref().unwrap_or(Path::new("")).join("spool");
        let folder = settings.spool_dir.clone().unwrap_or_else(beside);
        if folder.as_os_str().is_empty() {
            return Err(self.refuse("spool-dir", "a folder", ""));
        }
        let mib: u64 = self.whole("spool-max-mib", settings.spool_max_mib, 1..=1_048_576)?;
        Ok(Spool { folder, bytes_max: mib << 20 })
    }

    fn address(&self, key: &str, value: Option<&str>) -> anyhow::Result<SocketAddr> {
        let value = value.unwrap_or_default();
        value.parse().map_err(|_| self.refuse(key, "an address and a port such as 127.0.0.1:8080 or [::]:8080", value))
    }

    fn networks(&self, values: &[String]) -> anyhow::Result<Vec<IpNet>> {
        let parse = |value: &str| {
            let network = value.parse::<IpNet>().or_else(|_| value.parse().map(|address: IpAddr| address.into()));
            network.map_err(|_| self.refuse("trusted-proxies", "networks such as 10.0.0.0/8,::1/128", value))
        };
        values.iter().map(|value| value.trim()).filter(|value| !value.is_empty()).map(parse).collect()
    }

    fn public_url(&self, value: &str) -> anyhow::Result<String> {
        let uri = value.parse::<http::Uri>().ok();
        let plain = uri.is_some_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
                && uri.query().is_none()
                && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
        });
        if !plain || value.contains('#') {
            return Err(self.refuse("public-url", "an http(s) URL without user, query and fragment", value));
        }
        Ok(value.trim_end_matches('/').to_owned())
    }

    fn smtp_url(&self, value: &str) -> anyhow::Result<SecretUrl> {
        let url = SecretUrl::new(value);
        let rest = url.expose().strip_prefix("smtp://").or_else(|| url.expose().strip_prefix("smtps://"));
        let host = rest.map(|rest| rest.rsplit_once('@').map_or(rest, |(_, host)| host));
        if host.is_none_or(|host| host.trim_matches('/').is_empty()) {
            return Err(self.refuse("smtp-url", "smtp://USER:PASSWORD@HOST:PORT or smtps://…", &url.to_string()));
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
        let level = |part: &str| part.rsplit_once('=').map_or(part, |(_, level)| level).parse::<LevelFilter>().is_ok();
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
