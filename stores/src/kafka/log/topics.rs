use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    admin::{
        AdminClient, AdminOptions, ConfigResource, ConfigResourceResult, NewTopic, ResourceSpecifier, TopicReplication,
    },
    client::DefaultClientContext,
    error::{KafkaError, RDKafkaErrorCode},
    metadata::Metadata,
    producer::Producer as _,
};
use tokio::{task::spawn_blocking, time::sleep};

use super::delivery::Client;
use crate::{
    OpenError, Servers, StoreError,
    kafka::{Kafka, said},
};

type Admin = AdminClient<DefaultClientContext>;

/// How long Kafka may take to answer at the start, and to make topics.
const ANSWER_WAIT: Duration = Duration::from_secs(5);
const MADE_WAIT: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long after an answer that did not come the client may take to say why.
const REASON_WAIT: Duration = Duration::from_millis(200);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long events are kept: touches that were lost are made again from them.
const EVENTS_KEPT: Duration = DAY.saturating_mul(30);

/// How long decisions are kept, for whoever reads them from outside; an edge reads them at once.
const DECISIONS_KEPT: Duration = DAY;

/// A segment is deleted as a whole, so it must not grow for longer than this.
const DECISIONS_SEGMENT: Duration = Duration::from_secs(60 * 60);

/// From how many replicas on a record must be on two of them.
const REPLICAS_FOR_TWO: u16 = 3;

/// What Kafka takes in a topic's name.
const NAME_CHARS_MAX: usize = 200;

pub(super) struct Topics {
    pub(super) events: String,
    pub(super) decisions: String,
}

/// A topic as it must be.
struct Wanted<'a> {
    name: &'a str,
    partitions: u32,
    flag: &'static str,
    settings: Vec<(&'static str, String)>,
}

impl Topics {
    pub(super) fn of(prefix: &str) -> Result<Topics, OpenError> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if prefix.is_empty() || prefix.len() > NAME_CHARS_MAX || !prefix.chars().all(is_name) {
            let problem = format!("it takes 1 to {NAME_CHARS_MAX} letters, digits, dots, dashes and underscores");
            return Err(OpenError::BadUrl { flag: "topic-prefix", problem });
        }
        Ok(Topics { events: format!("{prefix}.events"), decisions: format!("{prefix}.decisions") })
    }

    /// Makes what is missing, and sees to it that both are fit.
    pub(super) async fn prepare(
        &self,
        kafka: &Kafka,
        servers: &Servers,
        create: bool,
        client: &Arc<Client>,
    ) -> Result<(), OpenError> {
        let wanted = self.wanted(servers);
        let known = metadata(kafka, client).await?;
        let (there, missing): (Vec<_>, Vec<_>) =
            wanted.iter().partition(|topic| partitions(&known, topic.name).is_some());
        let admin: Admin = kafka.admin().create().map_err(|error| kafka.broken(&error))?;
        for topic in there {
            check_partitions(kafka, topic, &known)?;
            check_copies(kafka, topic, servers.replication, &known)?;
        }
        if !missing.is_empty() {
            if !create {
                let names: Vec<_> = missing.iter().map(|topic| topic.name).collect();
                return Err(kafka.unfit(
                    format!("there is no topic {}", names.join(" and no topic ")),
                    "Let them be made with --create-topics, or say which --topic-prefix they have",
                ));
            }
            make(kafka, servers, &admin, &missing).await?;
            await_made(kafka, client, &missing).await?;
        }
        check_settings(kafka, &admin, &wanted, servers.replication >= REPLICAS_FOR_TWO).await
    }

    fn wanted(&self, servers: &Servers) -> [Wanted<'_>; 2] {
        let mut common = vec![
            ("message.timestamp.type", LOG_APPEND_TIME.to_owned()),
            ("cleanup.policy", DELETE.to_owned()),
            ("compression.type", "producer".to_owned()),
            ("retention.bytes", "-1".to_owned()),
        ];
        if servers.replication >= REPLICAS_FOR_TWO {
            common.push(("min.insync.replicas", "2".to_owned()));
            common.push(("unclean.leader.election.enable", "false".to_owned()));
        }
        let kept = |time: Duration| ("retention.ms", time.as_millis().to_string());
        let mut events = common.clone();
        events.push(kept(EVENTS_KEPT));
        let mut decisions = common;
        decisions.push(kept(DECISIONS_KEPT));
        decisions.push(("segment.ms", DECISIONS_SEGMENT.as_millis().to_string()));
        [
            Wanted { name: &self.events, partitions: servers.partitions, flag: "partitions", settings: events },
            Wanted {
                name: &self.decisions,
                partitions: servers.reply_partitions,
                flag: "reply-partitions",
                settings: decisions,
            },
        ]
    }
}

const LOG_APPEND_TIME: &str = "LogAppendTime";
const DELETE: &str = "delete";

/// Asks for all topics: asking for one that is missing may make it, and not as it must be.
async fn metadata(kafka: &Kafka, client: &Arc<Client>) -> Result<Metadata, OpenError> {
    let asking = client.clone();
    let asked = spawn_blocking(move || asking.client().fetch_metadata(None, ANSWER_WAIT)).await;
    match asked.map_err(|_| StoreError::Closed)? {
        Ok(known) => Ok(known),
        Err(error) => {
            sleep(REASON_WAIT).await;
            Err(kafka.unanswered(&error, client.context().said.trouble()))
        }
    }
}

fn partitions(known: &Metadata, name: &str) -> Option<usize> {
    let topic = known.topics().iter().find(|topic| topic.name() == name && topic.error().is_none())?;
    Some(topic.partitions().len()).filter(|count| *count > 0)
}

fn check_partitions(kafka: &Kafka, topic: &Wanted<'_>, known: &Metadata) -> Result<(), OpenError> {
    let found = partitions(known, topic.name).unwrap_or_default();
    let Wanted { name, partitions, flag, .. } = topic;
    if found == *partitions as usize {
        return Ok(());
    }
    Err(kafka.unfit(
        format!("topic {name} has {found} partitions and not {partitions}"),
        format!(
            "The number is fixed when a deployment is made: say --{flag} {found}, or name other topics with --topic-prefix"
        ),
    ))
}

/// An acknowledgement says no more than the topic's weakest partition.
fn check_copies(kafka: &Kafka, topic: &Wanted<'_>, replication: u16, known: &Metadata) -> Result<(), OpenError> {
    let of_topic = known.topics().iter().filter(|known| known.name() == topic.name);
    let copies = of_topic.flat_map(|topic| topic.partitions()).map(|partition| partition.replicas().len()).min();
    match copies {
        Some(copies) if copies < usize::from(replication) => Err(kafka.unfit(
            format!("topic {} keeps a record on {copies} of its brokers and not on {replication}", topic.name),
            format!(
                "Give it more replicas with kafka-reassign-partitions.sh, or say --kafka-replication {copies} if so few will do"
            ),
        )),
        _ => Ok(()),
    }
}

async fn make(kafka: &Kafka, servers: &Servers, admin: &Admin, missing: &[&Wanted<'_>]) -> Result<(), OpenError> {
    let topics: Vec<_> = missing
        .iter()
        .map(|topic| {
            let replication = TopicReplication::Fixed(servers.replication.into());
            let new = NewTopic::new(topic.name, topic.partitions.cast_signed(), replication);
            topic.settings.iter().fold(new, |new, (name, value)| new.set(name, value))
        })
        .collect();
    let options = AdminOptions::new().operation_timeout(Some(MADE_WAIT)).request_timeout(Some(MADE_WAIT));
    let made = admin.create_topics(&topics, &options).await.map_err(|error| kafka.unanswered(&error, None))?;
    for (name, code) in made.into_iter().filter_map(Result::err) {
        match code {
            // Another process was faster.
            RDKafkaErrorCode::TopicAlreadyExists => {}
            RDKafkaErrorCode::InvalidReplicationFactor => {
                return Err(kafka.unfit(
                    format!("it has not the {} brokers that hold a record of {name} each", servers.replication),
                    "Start as many brokers, or say with --kafka-replication how many copies there are to be",
                ));
            }
            code if said::is_of_access(code) => {
                return Err(kafka.unauthorized(format!("it may not make topic {name} ({code})")));
            }
            code => {
                return Err(kafka.unfit(
                    format!("it did not make topic {name} ({code})"),
                    "Make the topics by hand, or put right what it says",
                ));
            }
        }
    }
    Ok(())
}

/// Until every partition of theirs has a leader.
async fn await_made(kafka: &Kafka, client: &Arc<Client>, missing: &[&Wanted<'_>]) -> Result<(), OpenError> {
    let started = Instant::now();
    loop {
        let known = metadata(kafka, client).await?;
        let is_led = |wanted: &Wanted<'_>| {
            let topic = known.topics().iter().find(|topic| topic.name() == wanted.name);
            topic.is_some_and(|topic| {
                !topic.partitions().is_empty() && topic.partitions().iter().all(|partition| partition.leader() >= 0)
            })
        };
        if missing.iter().all(|topic| is_led(topic)) {
            return missing.iter().try_for_each(|topic| check_partitions(kafka, topic, &known));
        }
        if started.elapsed() >= MADE_WAIT {
            return Err(kafka.unfit("new topics have no leaders", "See that its brokers are well"));
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn check_settings(kafka: &Kafka, admin: &Admin, wanted: &[Wanted<'_>], is_on_two: bool) -> Result<(), OpenError> {
    for (topic, described) in wanted.iter().zip(settings_of(kafka, admin, wanted).await?) {
        let settings = described.map_err(|code| match code {
            code if said::is_of_access(code) => {
                kafka.unauthorized(format!("it may not read the settings of topic {} ({code})", topic.name))
            }
            code => kafka.unanswered(&KafkaError::AdminOp(code), None),
        })?;
        check_setting(kafka, topic.name, &settings, "message.timestamp.type", LOG_APPEND_TIME)?;
        check_setting(kafka, topic.name, &settings, "cleanup.policy", DELETE)?;
        if is_on_two {
            let in_sync = value(&settings, "min.insync.replicas").parse().unwrap_or(0);
            if in_sync < 2 {
                check_setting(kafka, topic.name, &settings, "min.insync.replicas", "2")?;
            }
            check_setting(kafka, topic.name, &settings, "unclean.leader.election.enable", "false")?;
        }
    }
    Ok(())
}

/// A broker that has not heard of a new topic yet has nothing to say of it: it is asked again.
async fn settings_of(
    kafka: &Kafka,
    admin: &Admin,
    wanted: &[Wanted<'_>],
) -> Result<Vec<ConfigResourceResult>, OpenError> {
    let topics: Vec<_> = wanted.iter().map(|topic| ResourceSpecifier::Topic(topic.name)).collect();
    let options = AdminOptions::new().request_timeout(Some(ANSWER_WAIT));
    let started = Instant::now();
    loop {
        let asked = admin.describe_configs(&topics, &options).await;
        let described = asked.map_err(|error| kafka.unanswered(&error, None))?;
        if !described.iter().any(is_unknown) || started.elapsed() >= MADE_WAIT {
            return Ok(described);
        }
        sleep(LOOK_EVERY).await;
    }
}

fn is_unknown(described: &ConfigResourceResult) -> bool {
    match described {
        Ok(settings) => settings.entries.is_empty(),
        Err(code) => *code == RDKafkaErrorCode::UnknownTopicOrPartition,
    }
}

fn value<'a>(settings: &'a ConfigResource, name: &str) -> &'a str {
    settings.get(name).and_then(|entry| entry.value.as_deref()).unwrap_or("not said")
}

fn check_setting(
    kafka: &Kafka,
    topic: &str,
    settings: &ConfigResource,
    name: &str,
    wanted: &str,
) -> Result<(), OpenError> {
    let found = value(settings, name);
    if found == wanted {
        return Ok(());
    }
    Err(kafka.unfit(
        format!("topic {topic} has {name}={found}"),
        format!("Set it: kafka-configs.sh --alter --topic {topic} --add-config {name}={wanted}"),
    ))
}
