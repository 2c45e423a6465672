//! A process that cannot do its work ends and says why and what to do, on one line, without a password.

use std::path::Path;
use std::process::Command;

use crate::role::Launch;
use crate::servers::{Own, Place, said};

const SECRET: &str = "hunter2";

/// Settings that are wrong, or servers that are, and what is said of them.
pub(crate) struct Row {
    pub(crate) launch: Launch,
    pub(crate) says: &'static [&'static str],
}

/// All rows at once: who waits for a server that does not come takes its time.
#[track_caller]
pub(crate) fn check(rows: Vec<Row>) {
    let all = rows.len();
    let rows = rows.into_iter().map(|row| std::thread::spawn(move || refused(&row)));
    let wrong: Vec<String> =
        rows.collect::<Vec<_>>().into_iter().filter_map(|row| row.join().expect("a row").err()).collect();
    assert!(wrong.is_empty(), "{} of {all} rows:\n{}", wrong.len(), wrong.join("\n"));
}

fn refused(Row { launch, says }: &Row) -> Result<(), String> {
    let (status, out, errors) = launch.run();
    let last = errors.lines().last().unwrap_or_default();
    let is_said = last.starts_with("refmill: ") && says.iter().all(|part| last.contains(part));
    let is_quiet = out.is_empty() && !errors.contains(SECRET) && !errors.contains("panicked");
    if !status.success() && is_said && is_quiet { Ok(()) } else { Err(format!("{says:?}: {status} {out}{errors}")) }
}

#[test]
fn servers_that_are_not_there() {
    let place = Place::shared();
    let row = |verb: &str, flag: &str, url: &str, says| Row { launch: Launch::new(verb, &place).set(flag, url), says };
    check(vec![
        row(
            "process",
            "--postgres",
            "postgres://refmill:hunter2@127.0.0.1:1/refmill",
            &["Postgres at 127.0.0.1:1/refmill cannot be reached", "See that it runs", "--postgres"],
        ),
        row(
            "ingest",
            "--kafka",
            "kafka://refmill:hunter2@127.0.0.1:1?mechanism=PLAIN",
            &["Kafka at 127.0.0.1:1 cannot be reached", "See that it runs", "--kafka"],
        ),
        row(
            "process",
            "--redis",
            "redis://:hunter2@127.0.0.1:1/0",
            &["Redis at 127.0.0.1:1/0 cannot be reached", "See that it runs", "--redis"],
        ),
        row(
            "api",
            "--clickhouse",
            "http://refmill:hunter2@127.0.0.1:1",
            &["ClickHouse at 127.0.0.1:1 cannot be reached", "See that it runs", "--clickhouse"],
        ),
        row(
            "up",
            "--postgres",
            "postgres://refmill:hunter2@nobody.invalid/refmill",
            &["nobody.invalid", "cannot be reached"],
        ),
    ]);
}

#[test]
fn topics_that_are_not_as_they_must_be() {
    let missing = Place::shared();
    let [by_sender, few, made] = [(); 3].map(|()| Place::shared());
    for name in ["events", "decisions"] {
        make_topic(&by_sender, name, 2);
        make_topic(&few, name, 4);
    }
    Launch::new("api", &made).start().stop();
    let process = |place: &Place| Launch::new("process", place);
    check(vec![
        Row {
            launch: process(&missing).set("--create-topics", false),
            says: &[".events and no topic ", ".decisions", "--create-topics", "--topic-prefix"],
        },
        Row {
            launch: process(&by_sender),
            says: &["message.timestamp.type=CreateTime", "kafka-configs.sh --alter --topic"],
        },
        Row { launch: process(&few), says: &["has 4 partitions and not 2", "--partitions 4", "--topic-prefix"] },
        Row {
            launch: process(&made).set("--partitions", 3),
            says: &["made with 2 partitions, and 3 are asked for", "--partitions 2"],
        },
        Row {
            launch: process(&made).set("--reply-partitions", 3),
            says: &["2 partitions and not 3", "--reply-partitions 2"],
        },
    ]);
}

/// As the brokers make them: with the sender's time.
fn make_topic(place: &Place, name: &str, partitions: u32) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/servers/create_topic.py");
    let mut command = Command::new("python3");
    command
        .arg(script)
        .arg(&place.urls["kafka"])
        .arg(place.topic(name))
        .args(["--partitions", &partitions.to_string()]);
    said(&mut command, "");
}

#[test]
fn a_redis_that_drops_keys() {
    let own = Own::start(&[], &["redis"]);
    let place = Place::on(&own);
    let mut set = Command::new("redis-cli");
    said(set.args(["-u", &place.urls["redis"], "config", "set", "maxmemory-policy", "allkeys-lru"]), "");
    let says = &["maxmemory-policy is allkeys-lru", "Set maxmemory-policy to noeviction"];
    check(vec![Row { launch: Launch::new("process", &place), says }]);
}

#[test]
fn what_a_newer_version_or_another_deployment_made_is_left_alone() {
    let [catalog, ledger, facts, taken] = [(); 4].map(|()| Place::shared());
    for place in [&catalog, &ledger, &facts, &taken] {
        Launch::new("process", place).start().stop();
    }
    for (place, schema) in [(&catalog, "catalog"), (&ledger, "ledger")] {
        let later = "VALUES (1000, 'later', '2026-11-20T12:00:00Z', '1')";
        place.sql(&format!("INSERT INTO {schema}.refinery_schema_history {later}"));
    }
    facts.facts("INSERT INTO schema_versions (version) SELECT 99");
    let other = taken.with_another_postgres();
    let row = |verb: &str, place: &Place, says| Row { launch: Launch::new(verb, place), says };
    check(vec![
        row("ingest", &catalog, &["schema catalog was made by a newer version of Refmill", "Start that version"]),
        row("up", &ledger, &["its ledger was made by a newer version of Refmill", "Start that version"]),
        row("api", &facts, &["has schema version 99", "Start the newer version of Refmill"]),
        row("process", &other, &["holds the facts of another deployment", "--topic-prefix"]),
    ]);
}

#[test]
fn what_an_older_version_made_is_brought_up_to_date() {
    let place = Place::shared();
    Launch::new("process", &place).start().stop();
    let made = place.facts("SELECT toString(id) FROM deployment");
    // As the version before left it.
    place.facts("DROP TABLE deployment");
    place.facts("ALTER TABLE schema_versions DELETE WHERE version > 1");
    Launch::new("api", &place).start().stop();
    assert_eq!(place.facts("SELECT toString(id) FROM deployment"), made);
    assert_eq!(place.facts("SELECT max(version) FROM schema_versions"), "2");
}
