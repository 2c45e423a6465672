//! Everything in one process, until a signal.

use std::{
    io::Write as _,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail};
use api::{ApiDeps, mail};
use governor::clock::MonotonicClock;
use ingest::{
    address::TrustedProxies,
    agent::Agents,
    body::Budget,
    counts::RefusedCounts,
    edge::{Edge, EdgeConfig},
    follower::Follower,
    limiter::{ClickLimiter, KeyLimiter},
    stamp::EventIds,
    waiters::Waiters,
};
use processor::ProcessError;
use stores::{Deployment, Shape, log::LogLimits};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::now,
    config::Config,
    demo::credentials::DemoCredentials,
    fallback, first_start,
    keys::{self, random},
    metrics_listener,
    shutdown::Signals,
    telemetry,
};

/// All of finishing: requests under way, what is queued, and the files.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

pub(crate) async fn run(config: Config) -> anyhow::Result<()> {
    let mut signals = Signals::register()?;
    telemetry::start_logging(config.log_format, &config.log_level)?;
    let metrics = telemetry::start_metrics()?;
    let shape = Shape::Embedded { folder: config.data_dir.clone() };
    let deployment = Deployment::open(&shape, log_limits(&config), now).await?;
    let listener = bind("listen", config.listen).await?;
    let metrics_listener = bind("metrics-listen", config.metrics_listen).await?;
    let base_url = format!("http://{}", listener.local_addr().context("the listener has no address")?);
    let metrics_address = metrics_listener.local_addr().context("the metrics listener has no address")?;

    let serving = CancellationToken::new();
    let working = CancellationToken::new();
    let demo = prepare(&deployment, &config, &base_url).await?;
    let parts = Parts::start(&deployment, &config, &base_url, &working).await?;
    let mut processor = parts.processor;
    let metrics = tokio::spawn(metrics_listener::serve(metrics_listener, metrics, working.clone()));
    let mut serve =
        tokio::spawn(ingest::serve(listener, connection_limits(&config), parts.edge, parts.fallback, serving.clone()));
    announce(&format!("ready {base_url}"))?;
    announce(&format!("metrics http://{metrics_address}"))?;
    if let Some(made) = demo {
        announce(&first_start::tell(&made))?;
    }
    tracing::info!(data_dir = %config.data_dir.display(), "started");

    let signal = tokio::select! {
        signal = signals.next() => signal,
        ended = &mut processor => return Err(broken(ended)),
        ended = &mut serve => bail!("the listener ended by itself: {ended:?}"),
    };
    tracing::info!(signal, "finishing; a second signal ends at once");
    let finish = async {
        serving.cancel();
        let drained = serve.await.context("the listener broke down")?;
        working.cancel();
        processor.await.context("the processor broke down")?.context("the processor did not finish")?;
        for task in parts.tasks {
            task.await.context("a task broke down")?;
        }
        metrics.await.context("the metrics listener broke down")?;
        deployment.close().await;
        tracing::info!(finished = drained.finished, aborted = drained.aborted, "finished");
        anyhow::Ok(())
    };
    tokio::select! {
        finished = finish => finished,
        signal = signals.next() => bail!("ended at once by a second signal, {signal}"),
        () = tokio::time::sleep(DRAIN_LIMIT) => bail!("not finished {} s after {signal}: ended all the same", DRAIN_LIMIT.as_secs()),
    }
}

/// Keys for today, and on the first start something to try.
async fn prepare(deployment: &Deployment, config: &Config, base_url: &str) -> anyhow::Result<Option<DemoCredentials>> {
    keys::rotate(&deployment.catalog, now()).await?;
    if config.no_demo {
        return Ok(None);
    }
    first_start::make(&deployment.catalog, &config.data_dir, base_url, now()).await
}

/// What runs beside the listeners.
struct Parts {
    edge: Arc<Edge>,
    fallback: ingest::Fallback,
    processor: JoinHandle<Result<(), ProcessError>>,
    /// Ended by `working`.
    tasks: Vec<JoinHandle<()>>,
}

impl Parts {
    async fn start(
        deployment: &Deployment,
        config: &Config,
        base_url: &str,
        working: &CancellationToken,
    ) -> anyhow::Result<Parts> {
        let Deployment { log, catalog, ledger, facts, touches, .. } = deployment;
        let limits = &config.limits;
        let (follower, following) = Follower::start(catalog.clone(), now, working.clone()).await?;
        let (waiters, answering) = Waiters::start(log.follow_decisions(), limits.waiters, working.clone());
        let (mail, asked) = mail::queue();
        let public_url = config.public_url.clone().unwrap_or_else(|| base_url.to_owned());
        let sender = mail_sender(config, catalog.clone(), &public_url)?;
        let ids = Arc::new(EventIds::new(u64::from_be_bytes(random()?)));
        let key_limiter = Arc::new(KeyLimiter::new(limits.requests_per_key_per_second, MonotonicClock)?);
        let (refused, bodies) = (Arc::new(RefusedCounts::default()), Budget::default());
        let decision_wait = Duration::from_millis(limits.decision_wait_ms);

        let own_ids = Arc::clone(&ids);
        let deciding = processor::run(
            processor::Deps {
                log: log.clone(),
                touches: touches.clone(),
                ledger: ledger.clone(),
                catalog: catalog.clone(),
                facts: facts.clone(),
                now,
                event_id: Arc::new(move || own_ids.next()),
            },
            processor::Limits::default(),
            PARTITION,
            working.clone(),
        );
        let is_processing = Arc::new(AtomicBool::new(true));
        let processing = Arc::clone(&is_processing);
        let processor = tokio::spawn(async move {
            let ended = deciding.await;
            processing.store(false, Ordering::Release);
            ended
        });

        let edge = Arc::new(Edge {
            config: EdgeConfig {
                trusted_proxies: TrustedProxies::from(config.trusted_proxies.clone()),
                decision_wait,
                limiter_key: random()?,
            },
            log: log.clone(),
            follower: follower.clone(),
            waiters: waiters.clone(),
            ids: Arc::clone(&ids),
            clicks: ClickLimiter::new(limits.clicks_per_ip_per_hour, MonotonicClock)?,
            key_limiter: Arc::clone(&key_limiter),
            agents: Agents::new(u64::from_be_bytes(random()?)),
            bodies: bodies.clone(),
            refused: Arc::clone(&refused),
            now,
        });
        let fallback = fallback::of(api::router(ApiDeps {
            catalog: catalog.clone(),
            ledger: ledger.clone(),
            facts: facts.clone(),
            log: log.clone(),
            follower,
            waiters,
            ids,
            key_limiter,
            refused,
            bodies,
            mail,
            public_url,
            decision_wait,
            ready: Arc::new(move || if is_processing.load(Ordering::Acquire) { Vec::new() } else { vec!["processor"] }),
            now,
        }));
        let tasks = vec![
            tokio::spawn(following),
            tokio::spawn(answering),
            tokio::spawn(sender.run(asked, working.clone())),
            tokio::spawn(keys::keep(catalog.clone(), now, working.clone())),
        ];
        Ok(Parts { edge, fallback, processor, tasks })
    }
}

/// The embedded shape has one.
const PARTITION: u32 = 0;

fn log_limits(config: &Config) -> LogLimits {
    LogLimits { click_depth: config.limits.click_queue_depth, conversion_depth: config.limits.conversion_queue_depth }
}

fn connection_limits(config: &Config) -> ingest::connection::Limits {
    ingest::connection::Limits { connections: config.limits.connections, ..ingest::connection::Limits::default() }
}

fn mail_sender(
    config: &Config,
    catalog: stores::catalog::Catalog,
    public_url: &str,
) -> anyhow::Result<mail::MailSender> {
    let transport = match &config.mail.smtp {
        Some(url) => mail::Transport::smtp(url.expose())?,
        None => development_mail(&config.data_dir)?,
    };
    let from = config.mail.from.parse().context("--smtp-from takes an e-mail address")?;
    Ok(mail::MailSender { catalog, transport, from, public_url: public_url.to_owned(), now })
}

/// Without a mail server each mail is a file, and its link is printed.
fn development_mail(data_dir: &Path) -> anyhow::Result<mail::Transport> {
    let outbox = mail::Outbox::open(data_dir.join("outbox")).context("the outbox could not be made")?;
    let print = Arc::new(|link: &str| {
        if let Err(error) = announce(&format!("mail {link}")) {
            tracing::warn!(error = format!("{error:#}"), "a mail's link could not be printed");
        }
    });
    Ok(mail::Transport::Development { outbox, print })
}

fn broken(ended: Result<Result<(), ProcessError>, tokio::task::JoinError>) -> anyhow::Error {
    match ended {
        Ok(Ok(())) => anyhow!("the processor ended by itself"),
        Ok(Err(error)) => anyhow::Error::new(error).context("the processor let go"),
        Err(error) => anyhow::Error::new(error).context("the processor broke down"),
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
    writeln!(out, "{line}").and_then(|()| out.flush()).context("standard output is closed")
}
