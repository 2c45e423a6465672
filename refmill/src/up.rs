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
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};
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
    let mut parts = Parts::start(&deployment, &config, &base_url, &working).await?;
    let mut processor = parts.processor;
    let metrics = tokio::spawn(metrics_listener::serve(metrics_listener, metrics, working.clone()));
    let mut serve =
        tokio::spawn(ingest::serve(listener, connection_limits(&config), parts.edge, parts.fallback, serving.clone()));
    until_deciding(&parts.is_deciding, &mut processor).await?;
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
        ended = parts.tasks.join_next() => bail!("a task ended by itself: {ended:?}"),
    };
    tracing::info!(signal, "finishing; a second signal ends at once");
    let finish = async {
        serving.cancel();
        let drained = serve.await.context("the listener broke down")?;
        working.cancel();
        processor.await.context("the processor broke down")?.context("the processor did not finish")?;
        while let Some(ended) = parts.tasks.join_next().await {
            ended.context("a task broke down")?;
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
    /// The processor has made good what the last run left undone.
    is_deciding: Arc<AtomicBool>,
    /// Ended by `working`, and by nothing else.
    tasks: JoinSet<()>,
}

/// What the edge and the API have in common.
struct Shared {
    follower: Follower,
    waiters: Waiters,
    ids: Arc<EventIds>,
    key_limiter: Arc<KeyLimiter>,
    refused: Arc<RefusedCounts>,
    bodies: Budget,
    decision_wait: Duration,
}

impl Parts {
    async fn start(
        deployment: &Deployment,
        config: &Config,
        base_url: &str,
        working: &CancellationToken,
    ) -> anyhow::Result<Parts> {
        let mut tasks = JoinSet::new();
        let shared = Shared::start(deployment, config, working, &mut tasks).await?;
        tasks.spawn(keys::keep(deployment.catalog.clone(), now, working.clone()));
        let is_deciding = Arc::new(AtomicBool::new(false));
        let processor = tokio::spawn(processor::run(
            shared.processor_deps(deployment, Arc::clone(&is_deciding)),
            processor::Limits::default(),
            PARTITION,
            working.clone(),
        ));
        let public_url = config.public_url.clone().unwrap_or_else(|| base_url.to_owned());
        let (mail, asked) = mail::queue();
        tasks.spawn(mail_sender(config, deployment.catalog.clone(), &public_url)?.run(asked, working.clone()));
        let edge = Arc::new(shared.edge(deployment, config)?);
        let fallback =
            fallback::of(api::router(shared.api_deps(deployment, mail, public_url, Arc::clone(&is_deciding))));
        Ok(Parts { edge, fallback, processor, is_deciding, tasks })
    }
}

impl Shared {
    async fn start(
        deployment: &Deployment,
        config: &Config,
        working: &CancellationToken,
        tasks: &mut JoinSet<()>,
    ) -> anyhow::Result<Shared> {
        let limits = &config.limits;
        let (follower, following) = Follower::start(deployment.catalog.clone(), now, working.clone()).await?;
        let decisions = deployment.log.follow_decisions(0);
        let (waiters, answering) = Waiters::start(decisions, limits.waiters, working.clone());
        tasks.spawn(following);
        tasks.spawn(answering);
        Ok(Shared {
            follower,
            waiters,
            ids: Arc::new(EventIds::new(u64::from_be_bytes(random()?))),
            key_limiter: Arc::new(KeyLimiter::new(limits.requests_per_key_per_second, MonotonicClock)?),
            refused: Arc::new(RefusedCounts::default()),
            bodies: Budget::default(),
            decision_wait: Duration::from_millis(limits.decision_wait_ms),
        })
    }

    fn processor_deps(&self, deployment: &Deployment, is_deciding: Arc<AtomicBool>) -> processor::Deps {
        let ids = Arc::clone(&self.ids);
        processor::Deps {
            log: deployment.log.clone(),
            touches: deployment.touches.clone(),
            ledger: deployment.ledger.clone(),
            catalog: deployment.catalog.clone(),
            facts: deployment.facts.clone(),
            now,
            event_id: Arc::new(move || ids.next()),
            is_deciding,
        }
    }

    fn edge(&self, deployment: &Deployment, config: &Config) -> anyhow::Result<Edge> {
        Ok(Edge {
            config: EdgeConfig {
                trusted_proxies: TrustedProxies::from(config.trusted_proxies.clone()),
                decision_wait: self.decision_wait,
                limiter_key: random()?,
            },
            log: deployment.log.clone(),
            follower: self.follower.clone(),
            waiters: self.waiters.clone(),
            ids: Arc::clone(&self.ids),
            clicks: ClickLimiter::new(config.limits.clicks_per_ip_per_hour, MonotonicClock)?,
            key_limiter: Arc::clone(&self.key_limiter),
            agents: Agents::new(u64::from_be_bytes(random()?)),
            bodies: self.bodies.clone(),
            refused: Arc::clone(&self.refused),
            now,
        })
    }

    fn api_deps(
        self,
        deployment: &Deployment,
        mail: mail::MailQueue,
        public_url: String,
        is_deciding: Arc<AtomicBool>,
    ) -> ApiDeps {
        ApiDeps {
            catalog: deployment.catalog.clone(),
            ledger: deployment.ledger.clone(),
            facts: deployment.facts.clone(),
            log: deployment.log.clone(),
            follower: self.follower,
            waiters: self.waiters,
            ids: self.ids,
            key_limiter: self.key_limiter,
            refused: self.refused,
            bodies: self.bodies,
            mail,
            public_url,
            decision_wait: self.decision_wait,
            ready: Arc::new(move || if is_deciding.load(Ordering::Acquire) { Vec::new() } else { vec!["processor"] }),
            now,
        }
    }
}

/// The embedded shape has one.
const PARTITION: u32 = 0;

/// How often it is looked whether the processor has made good what was left undone.
const LOOK_EVERY: Duration = Duration::from_millis(5);

async fn until_deciding(
    is_deciding: &AtomicBool,
    processor: &mut JoinHandle<Result<(), ProcessError>>,
) -> anyhow::Result<()> {
    while !is_deciding.load(Ordering::Acquire) {
        if processor.is_finished() {
            return Err(broken(processor.await));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

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
