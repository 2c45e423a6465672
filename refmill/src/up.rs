use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::data_dir::DataDir;
use crate::shutdown::Signals;
use crate::{metrics_listener, telemetry};

/// All of finishing: requests under way, what is queued, and the files.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// Everything in one process, until a signal.
pub(crate) async fn run(config: Config) -> anyhow::Result<()> {
    let mut signals = Signals::register()?;
    telemetry::start_logging(config.log_format, &config.log_level)?;
    let metrics = telemetry::start_metrics()?;
    let data = DataDir::open(&config.data_dir)?;
    let metrics_listener = bind("metrics-listen", config.metrics_listen).await?;
    let metrics_address = metrics_listener
        .local_addr()
        .context("the metrics listener has no address")?;
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(metrics_listener::serve(metrics_listener, metrics, shutdown.clone()));
    announce(&format!("metrics http://{metrics_address}"))?;
    tracing::info!(data_dir = %data.path().display(), "started");

    let signal = signals.next().await;
    tracing::info!(signal, "finishing; a second signal ends at once");
    shutdown.cancel();
    tokio::select! {
        ended = serving => ended.context("the metrics listener broke down"),
        signal = signals.next() => bail!("ended at once by a second signal, {signal}"),
        () = tokio::time::sleep(DRAIN_LIMIT) => bail!("not finished {} s after {signal}: ended all the same", DRAIN_LIMIT.as_secs()),
    }
}

async fn bind(flag: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("{address} could not be listened on: say another address with --{flag}"))
}

/// Whoever started this reads these lines from a pipe, so each is flushed.
fn announce(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .context("standard output is closed")
}
