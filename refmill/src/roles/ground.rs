//! What every role stands on: logging, metrics, the stores, and its two addresses.

use std::net::SocketAddr;

use anyhow::Context as _;
use metrics::gauge;
use stores::{Deployment, Shape, log::LogLimits};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

use super::{
    Role,
    servers::{Away, Servers},
};
use crate::{clock::now, config::Config, metrics_listener, telemetry};

pub(super) struct Ground {
    pub(super) config: Config,
    pub(super) deployment: Deployment,
    pub(super) base_url: String,
    pub(super) metrics_url: String,
    pub(super) metrics: JoinHandle<()>,
    /// Ends taking requests.
    pub(super) serving: CancellationToken,
    /// Ends everything else, once no request is under way any more.
    pub(super) working: CancellationToken,
}

pub(super) async fn open(config: Config, role: Role, shape: &Shape) -> anyhow::Result<(Ground, TcpListener)> {
    telemetry::start_logging(config.log_format, &config.log_level)?;
    let metrics = telemetry::start_metrics()?;
    let deployment = Deployment::open(shape, role.stores(), log_limits(&config), now).await?;
    gauge!("refmill_role_info", "role" => role.name(), "shape" => shape_name(shape)).set(1.0);
    let listener = bind("listen", config.listen).await?;
    let metrics_listener = bind("metrics-listen", config.metrics_listen).await?;
    let base_url = format!("http://{}", listener.local_addr().context("the listener has no address")?);
    let metrics_address = metrics_listener.local_addr().context("the metrics listener has no address")?;
    let working = CancellationToken::new();
    let ground = Ground {
        config,
        deployment,
        base_url,
        metrics_url: format!("http://{metrics_address}"),
        metrics: tokio::spawn(metrics_listener::serve(metrics_listener, metrics, working.clone())),
        serving: CancellationToken::new(),
        working,
    };
    Ok((ground, listener))
}

impl Ground {
    pub(super) fn public_url(&self) -> String {
        self.config.public_url.clone().unwrap_or_else(|| self.base_url.clone())
    }

    /// Starts asking the servers that a processor or an API works with, where there are any.
    pub(super) fn ask_servers(&self, tasks: &mut JoinSet<()>) -> Option<watch::Receiver<Away>> {
        self.config.servers.as_ref()?;
        let stores = &self.deployment;
        let servers = Servers::new(stores.ledger.clone(), stores.facts.clone(), stores.touches.clone());
        let away = servers.away();
        tasks.spawn(servers.ask(self.working.clone()));
        Some(away)
    }

    pub(super) fn connection_limits(&self) -> ingest::connection::Limits {
        let connections = self.config.limits.connections;
        ingest::connection::Limits { connections, ..ingest::connection::Limits::default() }
    }
}

pub(crate) fn log_limits(config: &Config) -> LogLimits {
    LogLimits { click_depth: config.limits.click_queue_depth, conversion_depth: config.limits.conversion_queue_depth }
}

fn shape_name(shape: &Shape) -> &'static str {
    match shape {
        Shape::Embedded { .. } => "embedded",
        Shape::Distributed { .. } => "distributed",
    }
}

async fn bind(flag: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("{address} could not be listened on: say another address with --{flag}"))
}
