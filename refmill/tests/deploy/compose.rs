//! The compose file is one, and its servers are set up as those that the tests run against.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::source::{compose, read, root};

/// Properties of the broker that say how it works: the same for both.
const KAFKA_SAME: [&str; 12] = [
    "process.roles",
    "controller.listener.names",
    "listener.security.protocol.map",
    "auto.create.topics.enable",
    "num.partitions",
    "default.replication.factor",
    "min.insync.replicas",
    "offsets.topic.replication.factor",
    "transaction.state.log.replication.factor",
    "transaction.state.log.min.isr",
    "share.coordinator.state.topic.replication.factor",
    "share.coordinator.state.topic.min.isr",
];

/// Where it is.
const KAFKA_PLACE: [&str; 5] = ["node.id", "controller.quorum.voters", "listeners", "advertised.listeners", "log.dirs"];

/// What makes tests short and small.
const KAFKA_TESTS: [&str; 10] = [
    "offsets.topic.num.partitions",
    "transaction.state.log.num.partitions",
    "share.coordinator.state.topic.num.partitions",
    "group.initial.rebalance.delay.ms",
    "group.min.session.timeout.ms",
    "group.consumer.min.session.timeout.ms",
    "group.consumer.min.heartbeat.interval.ms",
    "broker.heartbeat.interval.ms",
    "broker.session.timeout.ms",
    "log.cleaner.dedupe.buffer.size",
];

/// What only several brokers could go wrong with.
const KAFKA_DEPLOYED: [&str; 1] = ["unclean.leader.election.enable"];

const REDIS_SAME: [&str; 3] = ["maxmemory-policy", "appendonly", "save"];
const REDIS_TESTS: [&str; 5] = ["bind", "port", "dir", "databases", "appendfsync"];

const POSTGRES_SAME: [&str; 3] = ["max_connections", "timezone", "log_timezone"];
const POSTGRES_TESTS: [&str; 5] = ["listen_addresses", "unix_socket_directories", "port", "fsync", "full_page_writes"];

/// Processes of each role that the servers' connections must be enough for.
const PROCESSES: u64 = 12;

type Settings = BTreeMap<String, String>;

fn file() -> Value {
    compose(&root().join("docker-compose.yml")).expect("the specification takes it")
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn service<'a>(file: &'a Value, name: &str) -> &'a Value {
    let found = &file["services"][name];
    assert!(found.is_object(), "there is no service {name}");
    found
}

fn environment(service: &Value) -> Settings {
    let all = service["environment"].as_object().expect("an environment");
    all.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

fn words(list: &Value) -> Vec<String> {
    list.as_array().expect("a list").iter().map(text).collect()
}

/// What stands between the two lines that begin and end a text in a script.
fn here_document<'a>(script: &'a str, mark: &str) -> &'a str {
    let begin = format!("<<{mark}\n");
    let after = script.split_once(&begin).unwrap_or_else(|| panic!("no {begin}")).1;
    after.split_once(&format!("\n{mark}\n")).expect("its end").0
}

/// `NAME=value` of a script.
fn variable(script: &str, name: &str) -> String {
    let start = format!("{name}=");
    script.lines().find_map(|line| line.strip_prefix(&start)).expect("the variable").to_owned()
}

/// The same where it says how the server works, and nothing on either side that nobody has sorted.
fn check(scripts: &Settings, deployed: &Settings, same: &[&str], only_tests: &[&str], only_deployed: &[&str]) {
    for name in same {
        assert_eq!(deployed.get(*name), scripts.get(*name), "{name}: the compose file and the scripts differ");
        assert!(scripts.contains_key(*name), "{name} is nowhere");
    }
    let unsorted = |all: &Settings, sorted: &[&str]| {
        let left = all.keys().filter(|name| !same.contains(&name.as_str()) && !sorted.contains(&name.as_str()));
        left.cloned().collect::<Vec<_>>()
    };
    assert_eq!(unsorted(scripts, only_tests), Vec::<String>::new(), "of the scripts: the same, or for tests alone?");
    assert_eq!(unsorted(deployed, only_deployed), Vec::<String>::new(), "of the compose file: the same, or its own?");
}

#[test]
fn the_specification_is_asked_and_says_no() {
    let folder = tempfile::tempdir().expect("a folder");
    for (wrong, named) in [
        ("services:\n  kafka:\n    image: 5\n", "services.kafka.image"),
        ("services:\n  kafka:\n    imgae: kafka\n", "imgae"),
        ("services: []\n", "services"),
    ] {
        let path = folder.path().join("compose.yml");
        std::fs::write(&path, wrong).expect("a file");
        let said = compose(&path).expect_err("it is refused");
        assert!(said.contains(named), "`{named}` is not in: {said}");
    }
}

#[test]
fn every_service_is_pinned_checked_and_complete() {
    let file = file();
    let services = file["services"].as_object().expect("services");
    let names: BTreeSet<&str> = services.keys().map(String::as_str).collect();
    let wanted = "entry ingest process api kafka postgres redis clickhouse prometheus grafana"
        .split(' ')
        .collect::<BTreeSet<_>>();
    assert_eq!(names, wanted);
    let volumes = file["volumes"].as_object().expect("volumes");
    let mut used = BTreeSet::new();
    for (name, service) in services {
        let image = service["image"].as_str().expect("an image");
        let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
        let is_own = service.get("build").is_some();
        assert!(is_own || tag.contains('.') && tag.contains(|c: char| c.is_ascii_digit()), "{image} is not pinned");
        assert!(service["healthcheck"]["test"].is_array(), "{name} is not checked");
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let source = text(volume).split(':').next().unwrap_or_default().to_owned();
            match source.strip_prefix("./") {
                Some(path) => assert!(root().join(path).exists(), "{name}: there is no {path}"),
                None => assert!(volumes.contains_key(&source), "{name}: {source} is no volume"),
            }
            used.insert(source);
        }
        let on = &service["depends_on"];
        let on = on.as_object().map(|on| on.keys().cloned().collect()).or(on.as_array().map(|_| words(on)));
        for other in on.unwrap_or_default() {
            assert!(services.contains_key(&other), "{name} waits for {other}, which is none");
        }
    }
    assert!(volumes.keys().all(|name| used.contains(name)), "{volumes:?} are not all used");
}

#[test]
fn the_roles_are_given_settings_that_there_are() {
    let file = file();
    let help =
        std::process::Command::new(env!("CARGO_BIN_EXE_refmill")).arg("--help").output().expect("refmill starts");
    let help = String::from_utf8(help.stdout).expect("UTF-8");
    for role in ["ingest", "process", "api"] {
        let service = service(&file, role);
        assert_eq!(words(&service["command"]), [role]);
        assert!(help.lines().any(|line| line.trim() == role), "there is no `refmill {role}`");
        let settings = environment(service);
        for name in settings.keys() {
            assert!(help.contains(&format!("{name}=")) || help.contains(&format!("{name}]")), "{name} is no setting");
        }
        for server in ["KAFKA", "REDIS", "CLICKHOUSE", "POSTGRES"] {
            let url = &settings[&format!("REFMILL_{server}")];
            assert!(url.contains(&server.to_lowercase()), "{role} looks for {server} at {url}");
        }
        let subnet = text(&file["networks"]["default"]["ipam"]["config"][0]["subnet"]);
        assert_eq!(settings["REFMILL_TRUSTED_PROXIES"], subnet, "the entry is believed");
    }
}

#[test]
fn kafka_is_that_of_the_tests() {
    let (file, script) = (file(), read("scripts/servers/kafka.sh"));
    let kafka = service(&file, "kafka");
    // One broker in both: one copy, one in sync.
    let properties = here_document(&script, "PROPERTIES").replace("$copies", "1").replace("$in_sync", "1");
    let properties = properties.lines().filter_map(|line| line.split_once('='));
    let scripts: Settings = properties.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let named = environment(kafka)
        .into_iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("KAFKA_")?.to_lowercase().replace('_', "."), value)));
    let deployed: Settings = named.collect();
    let only_tests = [&KAFKA_PLACE[..], &KAFKA_TESTS].concat();
    let only_deployed = [&KAFKA_PLACE[..], &KAFKA_DEPLOYED].concat();
    check(&scripts, &deployed, &KAFKA_SAME, &only_tests, &only_deployed);
    assert_eq!(deployed["unclean.leader.election.enable"], "false");
    let version = variable(&read("scripts/servers/install.sh"), "KAFKA_VERSION");
    assert_eq!(text(&kafka["image"]), format!("apache/kafka:{version}"));
}

#[test]
fn redis_is_that_of_the_tests() {
    let (file, script) = (file(), read("scripts/servers/redis.sh"));
    let lines = here_document(&script, "CONF").lines().filter_map(|line| line.split_once(' '));
    let scripts: Settings = lines.map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned())).collect();
    let command = words(&service(&file, "redis")["command"]);
    let pairs = command[1..].chunks(2).map(|pair| (pair[0].trim_start_matches('-').to_owned(), pair[1].clone()));
    let deployed: Settings = pairs.collect();
    check(&scripts, &deployed, &REDIS_SAME, &REDIS_TESTS, &["appendfsync", "requirepass"]);
    assert_eq!(deployed["maxmemory-policy"], "noeviction");
    assert!(["everysec", "always"].contains(&deployed["appendfsync"].as_str()));
}

#[test]
fn postgres_is_that_of_the_tests() {
    let (file, script) = (file(), read("scripts/servers/postgres.sh"));
    let postgres = service(&file, "postgres");
    let script = script.replace("$(<\"$folder/postgres/port\")", "PORT");
    let lists = script.split("settings=(").skip(1).chain(script.split("settings+=(").skip(1));
    let lists = lists.filter_map(|rest| rest.split_once(')').map(|(list, _)| list.replace(['"', '\n'], " ")));
    let scripts: Settings = lists
        .flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|setting| setting.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())))
        .filter(|(name, _)| name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        .collect();
    let command = words(&postgres["command"]);
    let deployed: Settings = command
        .iter()
        .filter_map(|word| word.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    check(&scripts, &deployed, &POSTGRES_SAME, &POSTGRES_TESTS, &[]);
    let made = &environment(postgres)["POSTGRES_INITDB_ARGS"];
    assert!(script.contains("-E UTF8 --locale=C.UTF-8") && made == "--encoding=UTF8 --locale=C.UTF-8", "{made}");
    let connections: u64 = deployed["max_connections"].parse().expect("a number");
    assert!(connections >= PROCESSES * 16, "{connections} are not enough");
}

/// The settings that facts rely on stand in their tables, so that every server has them.
#[test]
fn clickhouse_is_that_of_the_tests() {
    let (file, install) = (file(), read("scripts/servers/install.sh"));
    let clickhouse = service(&file, "clickhouse");
    let version = variable(&install, "CHDB_VERSION");
    let (minor, _) = version.rsplit_once('.').expect("a patch version");
    assert_eq!(text(&clickhouse["image"]), format!("clickhouse/clickhouse-server:{minor}"));
    let mounted = words(&clickhouse["volumes"]);
    assert_eq!(mounted, ["clickhouse:/var/lib/clickhouse"], "a mounted configuration could say otherwise");
    let user = &environment(clickhouse)["CLICKHOUSE_USER"];
    assert!(read("scripts/servers/clickhouse.sh").contains(&format!("--user {user} ")));

    let mut windows = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("schemas/sql/facts_clickhouse")).expect("the tables").flatten() {
        let sql = std::fs::read_to_string(entry.path()).expect("a readable file");
        // No block goes to the one that says whose the database is.
        let tables = sql.split(';').filter(|statement| !statement.contains("EXISTS deployment ("));
        for statement in tables.filter(|statement| {
            let engine = statement.split("ENGINE = ").nth(1).and_then(|table| table.split(['(', '\n']).next());
            engine.is_some_and(|engine| engine.trim().ends_with("MergeTree"))
        }) {
            let window = statement.split("non_replicated_deduplication_window = ").nth(1);
            let window = window.unwrap_or_else(|| panic!("no window: a retried block would double in {statement}"));
            let digits = window.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
            windows.insert(digits.parse::<u64>().expect("a number"));
        }
    }
    assert!(windows.len() == 1 && !windows.contains(&0), "one window for all tables: {windows:?}");
}
