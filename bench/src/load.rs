//! One load: requests by number, sent when they are due by a few threads that share nothing, and what came of them.

mod answer;
mod ask;
mod chance;
mod connection;
mod crowd;
mod day;
#[cfg(test)]
mod fake;
mod files;
mod histogram;
mod lane;
mod live;
pub(crate) mod prepare;
pub(crate) mod progress;
mod render;
mod said;
pub(crate) mod saturation;
mod schedule;
mod stream;
mod tally;
#[cfg(test)]
mod tests;
pub(crate) mod world;

#[cfg(test)]
pub(crate) use self::fake::{Asked, Fake, Reply};

use std::{
    collections::BTreeMap,
    sync::Arc,
    thread,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context as _, ensure};

use self::{
    ask::Kind,
    lane::Lane,
    live::Live,
    progress::Progress,
    saturation::{Late, Limits},
    tally::Tally,
    world::World,
};
use crate::{
    aim::Aim,
    audit::acknowledged::Acknowledged,
    record::{self, Load, Offered},
};

pub(crate) use self::histogram::P99;

/// Of one load, as bytes of each acknowledged click are kept: 256 MiB.
pub(crate) const EVENTS_MAX: u64 = 32 << 20;
/// What a closed loop may come to in a second, for what must be prepared ahead: it ends where that is used up.
const CLOSED_LOOP_PER_S: u64 = 200_000;
const CLOSED_LOOP_ORDERS_PER_S: u64 = 5_000;
/// Between the last connection and the first request.
const GET_READY: Duration = Duration::from_millis(50);

/// How a load is made, which changes nothing of what is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hands {
    pub(crate) threads: u32,
    pub(crate) limits: Limits,
    pub(crate) patience: Patience,
}

/// How long a target is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For an answer, from when its request was sent.
    pub(crate) answer: Duration,
    /// After the last request was due, for those that no connection was free for.
    pub(crate) overrun: Duration,
}

#[derive(Debug)]
pub(crate) struct Loaded {
    /// When the first request was due.
    pub(crate) began_at: SystemTime,
    pub(crate) answers: record::Answers,
    pub(crate) generator: record::Generator,
    /// Why the figures say more of the generator than of the target.
    pub(crate) discarded: Option<String>,
    pub(crate) acknowledged: Acknowledged,
    /// Answers other than what the request deserved.
    pub(crate) surprises: u64,
    pub(crate) first_surprise: Option<String>,
}

/// All that the threads of one load read.
struct Job {
    target: Aim,
    load: Load,
    world: World,
    threads: u32,
    requests: u64,
    patience: Patience,
    live: Arc<Live>,
}

/// Ends the threads when nobody waits for them any more.
struct StopOnDrop(Arc<Live>);

/// Requests of a load: as many as are due in its time, or the most that a closed loop may send.
pub(crate) fn requests(load: &Load) -> anyhow::Result<u64> {
    let events = u64::from(load.events_a_request);
    ensure!((1..=1_000).contains(&events), "a request has 1 to 1,000 events");
    let requests = match (load.offered, load.scenario) {
        (Offered::Rate(rate), _) => u64::from(rate) * u64::from(load.seconds),
        (Offered::AsAnswered, record::Scenario::Conversion) => {
            (CLOSED_LOOP_ORDERS_PER_S * u64::from(load.seconds)).min(EVENTS_MAX / events)
        }
        (Offered::AsAnswered, _) => (CLOSED_LOOP_PER_S * u64::from(load.seconds)).min(EVENTS_MAX / events),
    };
    let requests = load.crowd.events.map_or(requests, |most| requests.min(most.div_ceil(events)));
    let all = requests * events;
    ensure!(all <= EVENTS_MAX, "that is {all} events, and {EVENTS_MAX} are the most of one load");
    ensure!(requests > 0 && load.connections > 0, "a load has at least one request and one connection");
    Ok(requests)
}

impl Default for Patience {
    fn default() -> Self {
        Patience { answer: Duration::from_secs(30), overrun: Duration::from_secs(10) }
    }
}

/// Sends it all and counts what came back.
pub(crate) async fn load(
    target: &Aim,
    load: &Load,
    world: &World,
    hands: Hands,
    progress: &Progress,
) -> anyhow::Result<Loaded> {
    let threads = hands.threads.clamp(1, load.connections.max(1));
    files::allow(load.connections)?;
    let live = Arc::new(Live::new(threads));
    let requests = requests(load)?;
    let job = Job {
        target: target.clone(),
        load: load.clone(),
        world: world.clone(),
        threads,
        requests,
        patience: hands.patience,
        live: Arc::clone(&live),
    };
    let _stop = StopOnDrop(Arc::clone(&live));
    let sending = tokio::task::spawn_blocking(move || on_all_threads(&job));
    let done =
        progress.watch(&live, load, requests, sending).await.context("a thread of the load has ended badly")??;
    Ok(done.loaded(load, hands.limits))
}

/// All threads' together.
struct All {
    began_at: SystemTime,
    tally: Tally,
    threads: u32,
    cpu_ns: u64,
    took_ns: u64,
    /// Of the busiest thread's time, in an open loop with what it waited for a core.
    wanted_ppm: u32,
}

fn on_all_threads(job: &Job) -> anyhow::Result<All> {
    // All connections are open before the first request of any thread.
    let lanes = at_once((0..job.threads).map(|thread| move || Lane::open(job, thread)))?;
    let (began, began_at) = (Instant::now() + GET_READY, SystemTime::now() + GET_READY);
    let done = at_once(lanes.into_iter().map(|lane| move || lane.run(began)))?;
    let mut all: Option<All> = None;
    for lane in done {
        // A closed loop keeps all cores busy, so it waits for them all the time.
        let waited_ns = if job.load.offered == Offered::AsAnswered { 0 } else { lane.waited_ns };
        let wanted_ppm = share_ppm(lane.cpu_ns + waited_ns, lane.took_ns);
        match &mut all {
            None => {
                let (cpu_ns, took_ns) = (lane.cpu_ns, lane.took_ns);
                all = Some(All { began_at, tally: lane.tally, threads: job.threads, cpu_ns, took_ns, wanted_ppm });
            }
            Some(all) => {
                all.tally.merge(lane.tally)?;
                all.cpu_ns += lane.cpu_ns;
                all.took_ns += lane.took_ns;
                all.wanted_ppm = all.wanted_ppm.max(wanted_ppm);
            }
        }
    }
    let mut all = all.context("a load has at least one thread")?;
    all.tally.count_repeats();
    Ok(all)
}

/// Each on a thread of its own, results in order.
fn at_once<T: Send, F: FnOnce() -> anyhow::Result<T> + Send>(jobs: impl Iterator<Item = F>) -> anyhow::Result<Vec<T>> {
    thread::scope(|scope| {
        let started: Vec<_> = jobs.map(|job| scope.spawn(job)).collect();
        let ended = started.into_iter().map(|thread| thread.join().unwrap_or_else(|_| anyhow::bail!("it panicked")));
        ended.collect()
    })
}

impl All {
    fn loaded(self, load: &Load, limits: Limits) -> Loaded {
        let All { began_at, tally, threads, cpu_ns, took_ns, wanted_ppm } = self;
        let is_open_loop = matches!(load.offered, Offered::Rate(_));
        let late = is_open_loop.then(|| Late {
            own_p99_us: histogram::p99(&tally.own_lateness),
            latency_p99_us: histogram::p99(&tally.latency),
        });
        let quantiles = |of| if is_open_loop { histogram::quantiles(of) } else { record::Quantiles::default() };
        let by_kind =
            tally.by_kind.iter().flat_map(|by_kind| [Kind::Click, Kind::Order, Kind::Refund].into_iter().zip(by_kind));
        let by_kind: BTreeMap<String, _> = by_kind
            .filter(|(_, of)| is_open_loop && !of.is_empty())
            .map(|(kind, of)| (tally::name(kind).to_owned(), histogram::quantiles(of)))
            .collect();
        Loaded {
            began_at,
            answers: record::Answers {
                requests: tally.requests,
                events_sent: tally.events_sent,
                events_acknowledged: tally.events_acknowledged,
                took_us: tally.last_answer_ns / 1_000,
                by_status: tally.statuses(),
                failed: tally.failed,
                first_failure: tally.first_failure,
                latency: quantiles(&tally.latency),
                latency_by_kind: by_kind,
                lateness: quantiles(&tally.lateness),
                service: histogram::quantiles(&tally.service),
            },
            generator: record::Generator { cpu_us: cpu_ns / 1_000, threads, busy_ppm: share_ppm(cpu_ns, took_ns) },
            discarded: limits.exceeded(late, wanted_ppm),
            acknowledged: tally.acknowledged,
            surprises: tally.surprises,
            first_surprise: tally.first_surprise,
        }
    }
}

fn share_ppm(of: u64, all: u64) -> u32 {
    u32::try_from(u128::from(of) * 1_000_000 / u128::from(all.max(1))).unwrap_or(u32::MAX)
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}
