//! The settings as somebody meets them: a process, its arguments, its environment and its file.

use std::process::{Command, Output};

#[derive(Default)]
struct Case<'a> {
    args: &'a [&'a str],
    env: &'a [(&'a str, &'a str)],
    file: Option<&'a str>,
}

fn run(case: &Case<'_>) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_refmill"));
    command.arg("config").args(case.args).current_dir(folder.path());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("REFMILL_")) {
        command.env_remove(name);
    }
    command.envs(case.env.iter().copied());
    if let Some(text) = case.file {
        std::fs::write(folder.path().join("refmill.toml"), text).expect("a file");
        command.args(["--config", "refmill.toml"]);
    }
    command.output().expect("refmill starts")
}

fn printed(case: &Case<'_>) -> String {
    let output = run(case);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn refusal(case: &Case<'_>) -> String {
    let output = run(case);
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).expect("UTF-8")
}

fn has_line(text: &str, setting: &str, origin: &str) {
    let found =
        text.lines().find(|line| line.starts_with(setting)).unwrap_or_else(|| panic!("{setting} is not in\n{text}"));
    assert!(found.ends_with(&format!("# {origin}")), "{found} is not said to be from {origin}");
}

#[test]
fn defaults_are_those_of_the_documents() {
    let text = printed(&Case::default());
    for setting in [
        "data-dir = \"./refmill-data\"",
        "listen = \"127.0.0.1:8080\"",
        "metrics-listen = \"127.0.0.1:9090\"",
        "# public-url is not set",
        "no-demo = false",
        "# smtp-url is not set",
        "clicks-per-ip-per-hour = 1000 ",
        "requests-per-key-per-second = 1000 ",
        "decision-wait-ms = 2000 ",
        "trusted-proxies = [\"127.0.0.1/32\", \"::1/128\"]",
        "max-connections = 20000 ",
        "max-waiters = 10000 ",
        "click-queue-depth = 8192 ",
        "conversion-queue-depth = 16384 ",
        "# kafka is not set",
        "# redis is not set",
        "# clickhouse is not set",
        "# postgres is not set",
        "partitions = 12 ",
        "reply-partitions = 12 ",
        "kafka-replication = 1 ",
        "topic-prefix = \"refmill\"",
        "create-topics = true",
        "session-timeout-ms = 10000 ",
        "postgres-connections = 16 ",
        "# spool-dir is not set",
        "spool-max-mib = 1024 ",
        "log-format = \"human\"",
        "log-level = \"info\"",
    ] {
        has_line(&text, setting, "default");
    }
}

#[test]
fn a_flag_beats_the_environment_and_that_the_file() {
    let text = printed(&Case {
        args: &["--max-waiters", "3", "--no-demo"],
        env: &[
            ("REFMILL_MAX_WAITERS", "2"),
            ("REFMILL_MAX_CONNECTIONS", "2"),
            ("REFMILL_TRUSTED_PROXIES", "10.0.0.0/8,192.0.2.7"),
        ],
        file: Some("max-waiters = 1\nmax-connections = 1\nclick-queue-depth = 1\nlog-format = \"json\"\n"),
    });
    has_line(&text, "max-waiters = 3 ", "flag --max-waiters");
    has_line(&text, "no-demo = true", "flag --no-demo");
    has_line(&text, "max-connections = 2 ", "env REFMILL_MAX_CONNECTIONS");
    has_line(&text, "trusted-proxies = [\"10.0.0.0/8\", \"192.0.2.7\"]", "env REFMILL_TRUSTED_PROXIES");
    has_line(&text, "click-queue-depth = 1 ", "file refmill.toml");
    has_line(&text, "log-format = \"json\"", "file refmill.toml");
    has_line(&text, "conversion-queue-depth = 16384 ", "default");
}

#[test]
fn what_is_printed_is_a_file_that_says_the_same() {
    let first =
        printed(&Case { args: &["--listen", "[::1]:0", "--public-url", "https://go.example.com/"], ..Case::default() });
    let again = printed(&Case { file: Some(&first), ..Case::default() });
    let settings = |text: &str| {
        text.lines().map(|line| line.split(" # ").next().map(str::trim).map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(settings(&again), settings(&first));
}

#[test]
fn a_password_is_not_printed() {
    let secret = [("REFMILL_SMTP_URL", "smtps://refmill:hunter2@mail.example.com:465")];
    let text = printed(&Case { env: &secret, ..Case::default() });
    has_line(&text, "smtp-url = \"smtps://refmill:***@mail.example.com:465\"", "env REFMILL_SMTP_URL");
    let help = printed(&Case { args: &["--help"], env: &secret, ..Case::default() });
    let wrong = refusal(&Case { args: &["--smtp-url", "http://refmill:hunter2@mail.example.com"], ..Case::default() });
    for shown in [text, help, wrong] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

const SERVERS: [(&str, &str, &str); 4] = [
    (
        "kafka",
        "kafka://refmill:hunter2@a.example:9092,b.example:9092?tls=true",
        "kafka://refmill:***@a.example:9092,b.example:9092?tls=true",
    ),
    ("redis", "rediss://:hunter2@redis.example:6379/0", "rediss://:***@redis.example:6379/0"),
    ("clickhouse", "https://refmill:hunter2@ch.example:8443/facts", "https://refmill:***@ch.example:8443/facts"),
    (
        "postgres",
        "postgres://refmill:hun@ter2@pg.example/refmill?sslmode=require&password=hunter2",
        "postgres://refmill:***@pg.example/refmill?sslmode=require&password=***",
    ),
];

/// All four, by flag.
fn servers() -> Vec<String> {
    SERVERS.iter().flat_map(|(key, url, _)| [format!("--{key}"), (*url).to_owned()]).collect()
}

#[test]
fn servers_are_shown_without_their_passwords() {
    let by_flag = servers();
    let by_flag: Vec<&str> = by_flag.iter().map(String::as_str).collect();
    let names: Vec<String> = SERVERS.iter().map(|(key, ..)| format!("REFMILL_{}", key.to_uppercase())).collect();
    let by_env: Vec<(&str, &str)> = names.iter().zip(SERVERS).map(|(name, (_, url, _))| (name.as_str(), url)).collect();
    let lines: Vec<String> = SERVERS.iter().map(|(key, url, _)| format!("{key} = \"{url}\"\n")).collect();
    for (case, origin) in [
        (Case { args: &by_flag, ..Case::default() }, "flag --KEY"),
        (Case { env: &by_env, ..Case::default() }, "env REFMILL_KEY"),
        (Case { file: Some(&lines.concat()), ..Case::default() }, "file refmill.toml"),
    ] {
        let text = printed(&case);
        assert!(!text.contains("hunter2") && !text.contains("ter2@"), "{text}");
        for (key, _, shown) in SERVERS {
            let name = if origin.starts_with("env") { key.to_uppercase() } else { key.to_owned() };
            has_line(&text, &format!("{key} = \"{shown}\""), &origin.replace("KEY", &name));
        }
    }
}

#[test]
fn some_of_the_servers_are_refused_and_the_missing_ones_named() {
    for said in 1..15_u32 {
        let is_said = |place: usize| said & (1 << place) != 0;
        let mut args = Vec::new();
        let (mut given, mut missing) = (Vec::new(), Vec::new());
        for (place, (key, url, _)) in SERVERS.iter().enumerate() {
            let flag = format!("--{key}");
            if is_said(place) {
                args.extend([flag.clone(), (*url).to_owned()]);
                given.push(flag);
            } else {
                missing.push(flag);
            }
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let refused = refusal(&Case { args: &args, ..Case::default() });
        let wanted = format!("{} without {}: name all four servers", given.join(", "), missing.join(", "));
        assert!(refused.contains(&wanted), "`{wanted}` is not in: {refused}");
        assert!(!refused.contains("hunter2"), "{refused}");
    }
}

#[test]
fn a_role_of_its_own_needs_the_servers() {
    for role in ["ingest", "process", "api"] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_refmill"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("REFMILL_")) {
            command.env_remove(name);
        }
        let output = command.arg(role).current_dir(folder.path()).output().expect("refmill starts");
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(!output.status.success() && output.stdout.is_empty(), "{role}");
        for part in [format!("`refmill {role}`").as_str(), "--kafka, --redis, --clickhouse and --postgres"] {
            assert!(said.contains(part), "`{part}` is not in: {said}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "{role} left something");
    }
}

#[test]
fn wrong_settings_are_refused_by_name() {
    let flag = |args| Case { args, ..Case::default() };
    let file = |text| Case { file: Some(text), ..Case::default() };
    for (case, parts) in [
        (flag(&["--max-waiters", "1000001"]), &["--max-waiters takes 0 to 1000000, not `1000001`", "flag"] as &[&str]),
        (flag(&["--max-connections=-1"]), &["--max-connections takes 1 to 1000000, not `-1`"]),
        (flag(&["--max-connections", "many"]), &["--max-connections", "many"]),
        (flag(&["--listen", "8080"]), &["--listen takes an address and a port", "8080"]),
        (flag(&["--listen", "127.0.0.1:9090"]), &["--listen and --metrics-listen are both 127.0.0.1:9090"]),
        (flag(&["--trusted-proxies", "10.0.0.0/8,proxy"]), &["--trusted-proxies takes networks", "`proxy`"]),
        (flag(&["--public-url", "ftp://example.com"]), &["--public-url takes an http(s) URL"]),
        (flag(&["--public-url", "https://user@example.com"]), &["--public-url takes an http(s) URL"]),
        (flag(&["--smtp-from", "nobody"]), &["--smtp-from takes a mailbox"]),
        (flag(&["--log-level", "verbose"]), &["--log-level takes off, error, warn"]),
        (flag(&["--data-dir", ""]), &["--data-dir"]),
        (flag(&["--kafka", "http://a:1"]), &["--kafka takes a URL such as kafka://", "`http://a:1`", "flag --kafka"]),
        (flag(&["--kafka", "a.example"]), &["--kafka takes a URL such as kafka://"]),
        (flag(&["--redis", "localhost:6379"]), &["--redis takes a URL such as redis://"]),
        (flag(&["--clickhouse", "tcp://u:hunter2@a:9000"]), &["--clickhouse takes a URL", "`tcp://u:***@a:9000`"]),
        (flag(&["--postgres", "postgres://"]), &["--postgres takes a URL such as postgres://"]),
        (flag(&["--partitions", "0"]), &["--partitions takes 1 to 1024, not `0`"]),
        (flag(&["--reply-partitions", "1025"]), &["--reply-partitions takes 1 to 1024"]),
        (flag(&["--kafka-replication", "0"]), &["--kafka-replication takes 1 to 15"]),
        (flag(&["--session-timeout-ms", "999"]), &["--session-timeout-ms takes 1000 to 1800000"]),
        (flag(&["--postgres-connections", "1"]), &["--postgres-connections takes 2 to 1000"]),
        (flag(&["--spool-max-mib", "0"]), &["--spool-max-mib takes 1 to 1048576"]),
        (flag(&["--spool-dir", ""]), &["--spool-dir"]),
        (flag(&["--topic-prefix", "Ref-mill"]), &["--topic-prefix takes a letter and up to 63 more", "`Ref-mill`"]),
        (flag(&["--topic-prefix", ""]), &["--topic-prefix takes"]),
        (flag(&["--config", "absent.toml"]), &["absent.toml (--config) could not be read"]),
        (
            Case { env: &[("REFMILL_DECISION_WAIT_MS", "60001")], ..Case::default() },
            &["--decision-wait-ms takes 0 to 60000, not `60001` (env REFMILL_DECISION_WAIT_MS)"],
        ),
        (file("max-waiters = 1000001"), &["--max-waiters takes 0 to 1000000", "(file refmill.toml)"]),
        (file("max-waiters = \"many\""), &["--max-waiters", "many", "(file refmill.toml)"]),
        (file("max-waitrs = 5"), &["unknown key `max-waitrs` in refmill.toml", "known are data-dir"]),
        (file("max_waiters = 5"), &["unknown key `max_waiters` in refmill.toml", "did you mean `max-waiters`"]),
        (file("[ingest]\nx = 1"), &["unknown key `ingest`"]),
        (file("max-waiters ="), &["refmill.toml is no TOML"]),
    ] {
        let said = refusal(&case);
        for part in parts {
            assert!(said.contains(part), "`{part}` is not in: {said}");
        }
    }
}
