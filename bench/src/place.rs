//! A target with all that is known of it: where it takes events, what runs for it, and where it can be looked into.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::Context as _;

use crate::{
    aim::Aim,
    audit,
    cli::TargetArgs,
    contestant::{
        Contestant, Limits, Places, Running, Told,
        broker::{Broker, Brokers},
        topic::Topic,
    },
    cost::Process,
    load::world::Names,
    record,
};

#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) target: record::Target,
    pub(crate) aim: Aim,
    pub(crate) names: Names,
    /// Its own, and what it stands on.
    pub(crate) processes: Vec<Process>,
    pub(crate) stores: audit::Places,
    /// Which has a record for each event, and nothing else.
    pub(crate) topic: Option<Topic>,
    /// Product to version.
    pub(crate) versions: BTreeMap<String, String>,
}

/// A place, and the contestant that was started for it, if one was.
pub(crate) struct Opened {
    pub(crate) place: Place,
    running: Option<(Running, Brokers, tempfile::TempDir)>,
}

impl Opened {
    pub(crate) async fn of(args: &TargetArgs) -> anyhow::Result<Opened> {
        let Some(name) = &args.contestant else {
            return Ok(Opened { place: Place::named(args).await?, running: None });
        };
        let contestant = Contestant::find(&args.places, name, Limits::default()).await?;
        contestant.install().await?;
        Opened::start(&contestant, &args.places, args.anywhere).await
    }

    /// One that is installed, in a folder of its own.
    pub(crate) async fn start(contestant: &Contestant, places: &Places, anywhere: bool) -> anyhow::Result<Opened> {
        let brokers = Brokers::start(places, std::slice::from_ref(contestant)).await?;
        let broker = brokers.of(contestant);
        let folder = places.folder()?;
        let kafka = broker.map(|broker| broker.address.as_str());
        let running = contestant.start(folder.path(), places.partitions, kafka).await?;
        let place = Place::told(contestant, &running.told, broker, anywhere).await?;
        Ok(Opened { place, running: Some((running, brokers, folder)) })
    }

    /// What the contestant has said; nothing where none was started.
    pub(crate) fn told(&self) -> Option<&Told> {
        self.running.as_ref().map(|(running, ..)| &running.told)
    }

    /// Ends what was started; what was measured stands, however that goes.
    pub(crate) async fn close(self) {
        let Some((mut running, brokers, _folder)) = self.running else { return };
        let ended = match running.check() {
            Ok(()) => running.end().await,
            broken => broken,
        };
        if let Err(error) = ended {
            eprintln!("{error:#}");
        }
        brokers.end().await;
    }
}

impl Place {
    /// What a contestant has said of itself, and the broker that it was given.
    pub(crate) async fn told(
        contestant: &Contestant,
        told: &Told,
        broker: Option<&Broker>,
        anywhere: bool,
    ) -> anyhow::Result<Place> {
        let about = &contestant.about;
        let topic = match (&told.topic, broker) {
            (Some(topic), Some(broker)) => Some(Topic::find(&broker.address, topic).await?),
            _ => None,
        };
        let api = match &told.api {
            Some(url) => Some(Aim::find(url, anywhere).await?),
            None => None,
        };
        let path = about.events.split_whitespace().last().map(str::to_owned);
        Ok(Place {
            target: record::Target { name: about.name.clone(), acknowledges: about.acknowledges },
            aim: Aim::find(&told.url, anywhere).await?,
            names: Names { codes: or_any(&told.codes), key: told.key.clone(), path, api, ..Names::default() },
            processes: told
                .processes
                .iter()
                .chain(&told.servers)
                .chain(broker.map(|it| &it.process))
                .cloned()
                .collect(),
            topic,
            stores: audit::Places {
                postgres: told.postgres.clone(),
                clickhouse: told.clickhouse.clone(),
                sqlite: told.sqlite.clone(),
                metrics: told.metrics.clone(),
                folders: told.folders.iter().cloned().chain(broker.map(Broker::kept)).collect(),
            },
            versions: versions(contestant, told, broker),
        })
    }

    async fn named(args: &TargetArgs) -> anyhow::Result<Place> {
        let url = args.url.as_deref().context("a target has a URL")?;
        let api = match &args.api {
            Some(url) => Some(Aim::find(url, args.anywhere).await?),
            None => None,
        };
        let mut codes = args.codes.clone();
        if let Some(file) = &args.codes_file {
            let text = std::fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?;
            codes.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
        }
        Ok(Place {
            target: record::Target { name: args.name.clone(), acknowledges: args.acknowledges },
            aim: Aim::find(url, args.anywhere).await?,
            names: Names {
                codes: or_any(&codes),
                key: args.key.clone(),
                path: args.path.clone(),
                api,
                ..Names::default()
            },
            processes: args.processes.iter().chain(&args.servers).cloned().collect(),
            stores: audit::Places {
                postgres: args.postgres.clone(),
                clickhouse: args.clickhouse.clone(),
                sqlite: args.sqlite.clone(),
                metrics: args.metrics.clone(),
                folders: Vec::new(),
            },
            topic: None,
            versions: BTreeMap::new(),
        })
    }
}

fn versions(contestant: &Contestant, told: &Told, broker: Option<&Broker>) -> BTreeMap<String, String> {
    let about = &contestant.about;
    let mut versions = BTreeMap::from([(about.product.clone(), about.version.clone())]);
    versions.extend(told.versions.iter().cloned());
    versions.extend(broker.and_then(Broker::version).map(|version| ("Kafka".to_owned(), version)));
    versions
}

/// Who looks no code up takes any.
fn or_any(codes: &[String]) -> Arc<[String]> {
    if codes.is_empty() { Arc::from(["ANY10".to_owned()]) } else { Arc::from(codes) }
}
