//! What is wrong with the servers is said at the start, and what to do about it.

use std::time::{Duration, Instant};

use rdkafka::{
    admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
};
use stores::{
    OpenError, Servers,
    log::{Log, LogLimits},
};

use crate::{
    broker::three_brokers,
    place::{PATIENCE, admin, delete, eventually, make, servers},
};

async fn refusal(servers: &Servers, create: bool) -> OpenError {
    Log::connect(servers, LogLimits::default(), create).await.map(drop).expect_err("it is refused")
}

fn topics(servers: &Servers) -> [String; 2] {
    [format!("{}.events", servers.prefix), format!("{}.decisions", servers.prefix)]
}

async fn clear(servers: &Servers) {
    delete(&topics(servers).each_ref().map(String::as_str)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_made_as_they_must_be() {
    let servers = servers(3);
    Log::connect(&servers, LogLimits::default(), true).await.unwrap().close().await;
    let topics = topics(&servers);
    let client: BaseConsumer = rdkafka::ClientConfig::new().set("bootstrap.servers", &servers.kafka).create().unwrap();
    let asked = topics.each_ref().map(|topic| ResourceSpecifier::Topic(topic));
    let described = admin().describe_configs(&asked, &AdminOptions::new()).await.unwrap();
    let kept = [Duration::from_secs(30 * 24 * 3_600), Duration::from_secs(24 * 3_600)];
    for ((topic, described), (partitions, kept)) in topics.iter().zip(described).zip([3, 2].into_iter().zip(kept)) {
        let known = client.fetch_metadata(Some(topic), PATIENCE).unwrap();
        assert_eq!(known.topics()[0].partitions().len(), partitions, "{topic}");
        let described = described.unwrap();
        for (name, value) in [
            ("message.timestamp.type", "LogAppendTime"),
            ("cleanup.policy", "delete"),
            ("retention.ms", kept.as_millis().to_string().as_str()),
        ] {
            assert_eq!(described.get(name).unwrap().value.as_deref(), Some(value), "{topic} {name}");
        }
    }
    // Those that are there serve, made or not.
    Log::connect(&servers, LogLimits::default(), false).await.unwrap().close().await;
    clear(&servers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_at_once_make_the_topics_once() {
    let servers = servers(2);
    let opening = || async { Log::connect(&servers, LogLimits::default(), true).await.unwrap() };
    let (one, two, three) = tokio::join!(opening(), opening(), opening());
    for log in [one, two, three] {
        log.close().await;
    }
    clear(&servers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_topic_is_named_where_none_may_be_made() {
    let servers = servers(1);
    let error = refusal(&servers, false).await;
    let [events, decisions] = topics(&servers);
    let text = error.to_string();
    assert!(matches!(error, OpenError::Unfit { .. }), "{text}");
    assert!(text.contains(&events) && text.contains(&decisions) && text.contains("--topic-prefix"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fewer_copies_than_asked_for_are_refused() {
    let made = servers(2);
    Log::connect(&made, LogLimits::default(), true).await.unwrap().close().await;
    let text = refusal(&Servers { replication: 3, ..made.clone() }, true).await.to_string();
    assert!(text.contains("on 1 of its brokers and not on 3") && text.contains("--kafka-replication 1"), "{text}");
    clear(&made).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_one_of_three_copies_acknowledges_is_refused() {
    let brokers = three_brokers();
    let made = Servers { replication: 3, ..brokers.servers(2) };
    Log::connect(&made, LogLimits::default(), true).await.unwrap().close().await;
    let admin: AdminClient<DefaultClientContext> =
        rdkafka::ClientConfig::new().set("bootstrap.servers", &made.kafka).create().unwrap();
    let [events, _] = topics(&made);
    for (name, careless) in [("min.insync.replicas", "1"), ("unclean.leader.election.enable", "true")] {
        let careful = [("min.insync.replicas", "2"), ("unclean.leader.election.enable", "false")];
        for is_careless in [true, false] {
            let mut set = AlterConfig::new(ResourceSpecifier::Topic(&events))
                .set("message.timestamp.type", "LogAppendTime")
                .set("cleanup.policy", "delete");
            for (other, value) in careful {
                set = set.set(other, if is_careless && other == name { careless } else { value });
            }
            for altered in admin.alter_configs([&set], &AdminOptions::new()).await.unwrap() {
                altered.unwrap();
            }
            let told =
                async || Log::connect(&made, LogLimits::default(), false).await.err().map(|error| error.to_string());
            eventually("the brokers know it", async || told().await.is_some() == is_careless).await;
            if is_careless {
                let text = told().await.unwrap();
                assert!(text.contains(&format!("{name}={careless}")), "{text}");
            }
        }
    }
    brokers.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_number_of_partitions_is_refused_with_both() {
    let made = servers(2);
    Log::connect(&made, LogLimits::default(), true).await.unwrap().close().await;
    let cases = [
        (Servers { partitions: 5, ..made.clone() }, ["has 2 partitions and not 5", "--partitions 2"]),
        (Servers { reply_partitions: 7, ..made.clone() }, ["has 2 partitions and not 7", "--reply-partitions 2"]),
    ];
    for (servers, expected) in cases {
        let error = refusal(&servers, true).await;
        let text = error.to_string();
        assert!(matches!(error, OpenError::Unfit { .. }), "{text}");
        assert!(expected.iter().all(|part| text.contains(part)), "{text}");
    }
    clear(&made).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_without_append_times_or_that_is_compacted_is_refused() {
    for (name, value) in [("message.timestamp.type", "CreateTime"), ("cleanup.policy", "compact,delete")] {
        let servers = servers(1);
        let [events, _] = topics(&servers);
        let good = ("message.timestamp.type", "LogAppendTime");
        make(&events, 1, &[good, (name, value)]).await;
        let error = refusal(&servers, true).await;
        let text = error.to_string();
        assert!(matches!(error, OpenError::Unfit { .. }), "{text}");
        assert!(text.contains(name) && text.contains("--alter"), "{text}");
        clear(&servers).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_copies_than_brokers_are_refused() {
    let servers = Servers { replication: 30, ..servers(1) };
    let error = refusal(&servers, true).await;
    let text = error.to_string();
    assert!(matches!(error, OpenError::Unfit { .. }) && text.contains("--kafka-replication"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_reached_is_said_soon_and_without_the_password() {
    const SOON: Duration = Duration::from_secs(10);
    let nowhere = "127.0.0.1:1";
    for url in [format!("kafka://{nowhere}"), format!("kafka://somebody:geheim@{nowhere}?mechanism=PLAIN")] {
        let servers = Servers { kafka: url, ..servers(1) };
        let started = Instant::now();
        let error = refusal(&servers, true).await;
        let text = error.to_string();
        assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
        assert!(matches!(error, OpenError::Unreachable { server: "Kafka", flag: "kafka", .. }), "{text}");
        assert!(text.contains(nowhere) && !text.contains("geheim"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_understood_is_said() {
    let cases = [
        (Servers { kafka: "http://somewhere".to_owned(), ..servers(1) }, "--kafka"),
        (Servers { kafka: "kafka://u:geheim@a:1?ca=/no/such/file.pem".to_owned(), ..servers(1) }, "--kafka"),
        (Servers { kafka: "kafka://u:geheim@a:1?mechanism=NONSENSE".to_owned(), ..servers(1) }, "--kafka"),
        (Servers { prefix: "a b".to_owned(), ..servers(1) }, "--topic-prefix"),
        (Servers { prefix: String::new(), ..servers(1) }, "--topic-prefix"),
    ];
    for (servers, flag) in cases {
        let error = refusal(&servers, true).await;
        let text = error.to_string();
        assert!(matches!(error, OpenError::BadUrl { .. }), "{text}");
        assert!(text.starts_with(flag) && !text.contains("geheim"), "{text}");
    }
}
