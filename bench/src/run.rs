//! One load with all around it: prepared, at rest, loaded, settled, counted again.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::ensure;
use tokio::time::Instant;

use crate::{
    audit::{self, Counts},
    cli::{LoadArgs, TargetArgs, offered},
    cost::{self, Idle, Reading},
    load::{self, Hands, prepare::prepare, progress::Progress, world::Names},
    machine,
    place::{Opened, Place},
    record::{AuditLine, Document, Load, Offered, Run, Stage},
    text,
};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    load: LoadArgs,

    /// Requests a second, whatever the answers take; or max: each connection sends its next when the last is answered, which tells
    /// cost and capacity and nothing of latency
    #[arg(long, value_name = "N|max", value_parser = offered)]
    rate: Offered,

    #[command(flatten)]
    target: TargetArgs,
}

/// How a run is made, which changes nothing of what is sent.
#[derive(Debug, Clone)]
pub(crate) struct How {
    pub(crate) hands: Hands,
    /// How long the same kind of load is sent before it.
    pub(crate) warm_seconds: u32,
    pub(crate) rest: Rest,
    /// What ids begin with; another each time where none is given.
    pub(crate) run_id: Option<String>,
}

/// What processes use idle, which is no part of a run's cost.
#[derive(Debug, Clone)]
pub(crate) enum Rest {
    /// They are watched for so long before it.
    Watch(Duration),
    /// They have been, before the first load that counts: what one has left to do is no idling.
    Known(Arc<Idle>),
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let mut document = machine::document();
    let load = args.load.load(args.rate);
    load::requests(&load)?;
    let opened = Opened::of(&args.target).await?;
    let measured = measure(&opened.place, &load, &args.load.how(), &Progress::where_seen()).await;
    document.machine.versions.extend(opened.place.versions.clone());
    opened.close().await;
    let run = measured?;
    print!("{}", text::run(&run));
    document.runs.push(run);
    write(&document, &args.load)?;
    add_up(&document.runs)
}

/// An error where one that counts was counted again and is not as it should be.
pub(crate) fn add_up<'a>(runs: impl IntoIterator<Item = &'a Run>) -> anyhow::Result<()> {
    let broken = runs.into_iter().filter(|run| run.discarded.is_none() && !run.audit.iter().all(AuditLine::holds));
    let broken: Vec<&str> = broken.map(|run| run.target.name.as_str()).collect();
    ensure!(broken.is_empty(), "counted again, this does not add up: {}", broken.join(", "));
    Ok(())
}

/// Whatever came of it, with what each process used from before the first request until all had settled.
pub(crate) async fn measure(place: &Place, load: &Load, how: &How, progress: &Progress) -> anyhow::Result<Run> {
    let run = how.run_id.clone().unwrap_or_else(fresh_run_id);
    warm_up(place, load, how, &run, progress).await?;
    let names = Names { run, ..place.names.clone() };
    let world = prepare(&place.aim, load, load::requests(load)?, names).await?;
    let before = Counts::now(&place.stores).await?;
    let topic = match &place.topic {
        Some(topic) => Some(topic.watch().await?),
        None => None,
    };
    let idle = match (&*place.processes, &how.rest) {
        ([], _) => None,
        (processes, Rest::Watch(Duration::ZERO)) => {
            cost::forget_peaks(processes);
            None
        }
        (processes, Rest::Watch(over)) => Some(Arc::new(Idle::watch(processes, *over).await)),
        (processes, Rest::Known(idle)) => {
            cost::forget_peaks(processes);
            Some(idle.clone())
        }
    };
    let earlier = Reading::now(&place.processes);
    let loaded = load::load(&place.aim, load, &world, how.hands, progress).await?;
    let answered = Instant::now();
    let mut settled =
        audit::settled(&place.stores, &before, &loaded.acknowledged, &loaded.answers, loaded.began_at).await?;
    if let Some(topic) = &topic {
        let came = topic.await_all(&loaded.answers).await?;
        let late = came.at.map_or(Duration::ZERO, |at| at.duration_since(answered));
        let after_us = loaded.answers.took_us.saturating_add(u64::try_from(late.as_micros()).unwrap_or(u64::MAX));
        if settled.stages.iter().all(|stage| stage.name != audit::ENQUEUED) {
            settled.stages.insert(0, Stage::new(audit::ENQUEUED, came.records, after_us));
        }
    }
    let later = Reading::now(&place.processes);
    later.doubts_since(&earlier).iter().for_each(|doubt| eprintln!("{doubt}"));
    if let Some(first) = &loaded.first_surprise {
        eprintln!("{} answers are not what the request deserved; the first: {first}", loaded.surprises);
    }
    let mut audit = audit::recount(&place.stores, &before, &loaded.acknowledged, &loaded.answers, &settled).await?;
    if let Some(topic) = &topic {
        audit.extend(topic.recount(&loaded.answers, load).await?);
    }
    Ok(Run {
        target: place.target.clone(),
        load: load.clone(),
        answers: loaded.answers,
        generator: loaded.generator,
        costs: later.cost_since(&earlier, idle.as_deref()),
        stages: settled.stages,
        audit,
        discarded: loaded.discarded,
    })
}

/// What is compiled, mapped or looked up the first time is no part of what is measured.
pub(crate) async fn warm_up(
    place: &Place,
    load: &Load,
    how: &How,
    run: &str,
    progress: &Progress,
) -> anyhow::Result<()> {
    if how.warm_seconds == 0 {
        return Ok(());
    }
    let load = Load { seconds: how.warm_seconds, seed: !load.seed, ..load.clone() };
    let names = Names { run: format!("{run}-warm"), ..place.names.clone() };
    let world = prepare(&place.aim, &load, load::requests(&load)?, names).await?;
    load::load(&place.aim, &load, &world, how.hands, progress).await.map(drop)
}

pub(crate) fn write(document: &Document, args: &LoadArgs) -> anyhow::Result<()> {
    match &args.json {
        Some(file) => Ok(std::fs::write(file, serde_json::to_string(document)? + "\n")?),
        None => Ok(()),
    }
}

impl LoadArgs {
    pub(crate) fn how(&self) -> How {
        How {
            hands: self.hands(),
            warm_seconds: self.warm_seconds,
            rest: Rest::Watch(Duration::from_secs(self.idle_seconds.into())),
            run_id: self.run_id.clone(),
        }
    }
}

/// No two runs of one machine begin in the same ms.
pub(crate) fn fresh_run_id() -> String {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{:x}", since_1970.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audit::Places,
        load::{Fake, Patience, Reply, saturation::Limits},
        record::{Acknowledges, Scenario, Target},
    };

    #[tokio::test]
    async fn a_run_is_warmed_up_loaded_and_written_down() {
        let fake = Fake::start(|_| Reply::no_content()).await;
        let place = Place {
            target: Target { name: "fake".to_owned(), acknowledges: Acknowledges::Nothing },
            aim: fake.aim.clone(),
            names: Names { codes: ["ADA10".to_owned()].into(), ..Names::default() },
            processes: Vec::new(),
            stores: Places::default(),
            topic: None,
            versions: Default::default(),
        };
        let load = Load {
            scenario: Scenario::Beacon,
            seed: 1,
            offered: Offered::Rate(50),
            seconds: 1,
            connections: 2,
            requests_a_connection: None,
            events_a_request: 1,
            crowd: Default::default(),
        };
        let limits = Limits { late_p99_us: u64::MAX, late_share_ppm: 0, wanted_ppm: u32::MAX };
        let hands = Hands { threads: 1, limits, patience: Patience::default() };
        let how = How { hands, warm_seconds: 1, rest: Rest::Watch(Duration::ZERO), run_id: Some("run".to_owned()) };
        let run = measure(&place, &load, &how, &Progress::hidden()).await.expect("a run");
        assert_eq!((run.answers.requests, run.answers.events_acknowledged), (50, 50));
        let asked = fake.asked();
        let named = |start: &str| {
            let of = |request: &&Vec<u8>| String::from_utf8_lossy(request).contains(&format!("\"eventId\":\"{start}"));
            asked.iter().filter(of).count()
        };
        assert_eq!((asked.len(), named("run-warm-"), named("run-")), (100, 50, 100), "half of it was to warm up");
        let text = text::run(&run);
        assert!(text.contains("beacon at 50/s") && text.contains("50 x 204"), "{text}");
        let document = Document { runs: vec![run], ..machine::document() };
        let json = serde_json::to_string(&document).expect("it can be written");
        assert_eq!(serde_json::from_str::<Document>(&json).expect("it can be read"), document);
    }
}
