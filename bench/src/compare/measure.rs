//! One contestant's turn: started, warmed, measured and ended.

use std::collections::BTreeMap;

use crate::contestant::{Contestant, Places, Running, broker::Broker};
use crate::load::progress::Progress;
use crate::place::Place;
use crate::record::{Answers, Generator, Load, Quantiles, Run, Target};
use crate::run::{How, measure};

/// What came of it, and of whom.
pub(super) struct Turn {
    pub(super) run: Run,
    /// Names of those processes that are the contestant's own.
    pub(super) processes: Vec<String>,
    pub(super) versions: BTreeMap<String, String>,
}

pub(super) async fn once(
    contestant: &Contestant,
    places: &Places,
    broker: Option<&Broker>,
    load: &Load,
    how: &How,
) -> anyhow::Result<Turn> {
    let folder = places.folder()?;
    let kafka = broker.map(|broker| broker.address.as_str());
    let mut running = contestant.start(folder.path(), places.partitions, kafka).await?;
    let processes = running.told.processes.iter().map(|process| process.name.clone()).collect();
    let run = measured(contestant, &mut running, broker, load, how).await;
    // What was measured stands, however it ends.
    if let Err(error) = running.end().await {
        eprintln!("{error:#}");
    }
    let (run, versions) = run?;
    Ok(Turn { run, processes, versions })
}

/// In place of a run that there was none of.
pub(crate) fn none(target: Target, load: Load, why: String) -> Run {
    let answers = Answers {
        requests: 0,
        events_sent: 0,
        events_acknowledged: 0,
        took_us: 0,
        by_status: BTreeMap::new(),
        failed: 0,
        first_failure: None,
        latency: Quantiles::default(),
        latency_by_kind: BTreeMap::new(),
        lateness: Quantiles::default(),
        service: Quantiles::default(),
    };
    let generator = Generator { cpu_us: 0, threads: 0, busy_ppm: 0 };
    let (costs, stages, audit) = (Vec::new(), Vec::new(), Vec::new());
    Run { target, load, answers, generator, costs, stages, audit, discarded: Some(why) }
}

async fn measured(
    contestant: &Contestant,
    running: &mut Running,
    broker: Option<&Broker>,
    load: &Load,
    how: &How,
) -> anyhow::Result<(Run, BTreeMap<String, String>)> {
    let place = Place::told(contestant, &running.told, broker, false).await?;
    let run = measure(&place, load, how, &Progress::where_seen()).await?;
    running.check()?;
    Ok((run, place.versions))
}
