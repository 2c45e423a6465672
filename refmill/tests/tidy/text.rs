//! Rules over one file: its path and its text. This folder is left out of them, as it names what they forbid.

const MAX_LINES: usize = 500;

/// What a rule finds: the number of a line, or 0 for the whole file.
type Rule = fn(path: &str, text: &str) -> Vec<usize>;

const RULES: [(&str, Rule); 12] = [
    ("`rules` and `schemas` read no clock: time comes in with the event, so deciding again gives the same", clock),
    ("`rules` and `schemas` draw no random number and read no environment: the same event decides the same", chance),
    ("no float touches money: it can't hold a cent", float_in_money),
    ("no `mod.rs`: a file has the name of what is in it", mod_file),
    ("no file over 500 lines: split it by responsibility", long_file),
    ("no file or folder named for nothing in particular", empty_name),
    ("nothing unfinished is left in code", unfinished),
    ("every queue has a bound", unbounded),
    ("one reader of the environment: refmill's config", environment),
    ("one writer of the ledger: `processor`, which decides", ledger_writer),
    ("no path of somebody's machine", machine_path),
    ("every crate takes the workspace's lints", lints),
];

pub(crate) fn broken(path: &str, text: &str) -> Vec<String> {
    if path.starts_with("refmill/tests/tidy/") {
        return Vec::new();
    }
    let say = |why: &str, line: usize| format!("{path}:{line}: {why}");
    RULES
        .iter()
        .flat_map(|(why, rule)| rule(path, text).into_iter().map(|line| say(why, line)).collect::<Vec<_>>())
        .collect()
}

fn clock(path: &str, text: &str) -> Vec<usize> {
    const CLOCKS: [&str; 5] = ["SystemTime::now", "Instant::now", "Timestamp::now", "Zoned::now", "UNIX_EPOCH.elapsed"];
    if is_pure(path) { code_with(text, &CLOCKS) } else { Vec::new() }
}

fn chance(path: &str, text: &str) -> Vec<usize> {
    const CHANCE: [&str; 6] = ["getrandom::", "rand::", "RandomState", "thread_rng", "env::var", "thread::current"];
    if is_pure(path) { code_with(text, &CHANCE) } else { Vec::new() }
}

fn float_in_money(path: &str, text: &str) -> Vec<usize> {
    const MONEY: [&str; 3] = ["schemas/src/money", "rules/src/commission", "rules/src/ledger"];
    if !is_rust(path) {
        return Vec::new();
    }
    let all_of_it = MONEY.iter().any(|start| path.starts_with(start));
    let has_float = |line: &str| words(line).any(|word| ["f32", "f64"].iter().any(|float| word.ends_with(float)));
    let has_money = |line: &str| words(line).any(|word| word.ends_with("_minor"));
    lines_where(text, |line| has_float(line) && (all_of_it || has_money(line)))
}

fn mod_file(path: &str, _: &str) -> Vec<usize> {
    whole_file(path == "mod.rs" || path.ends_with("/mod.rs"))
}

fn long_file(path: &str, text: &str) -> Vec<usize> {
    let counted = [".rs", ".sh", ".py"].iter().any(|end| path.ends_with(end)) || text.starts_with("#!");
    whole_file(counted && text.lines().count() > MAX_LINES)
}

fn empty_name(path: &str, _: &str) -> Vec<usize> {
    const EMPTY: [&str; 6] = ["util", "utils", "helper", "helpers", "common", "prelude"];
    whole_file(is_rust(path) && path.trim_end_matches(".rs").split('/').any(|name| EMPTY.contains(&name)))
}

fn unfinished(path: &str, text: &str) -> Vec<usize> {
    if is_rust(path) { code_with(text, &["todo!", "unimplemented!", "#[ignore", "dbg!("]) } else { Vec::new() }
}

fn unbounded(path: &str, text: &str) -> Vec<usize> {
    const UNBOUNDED: [&str; 5] =
        ["unbounded_channel", "mpsc::channel()", "mpsc::unbounded", "channel::unbounded", "sync::mpsc::Sender<"];
    if is_rust(path) { code_with(text, &UNBOUNDED) } else { Vec::new() }
}

fn environment(path: &str, text: &str) -> Vec<usize> {
    let reader = ["refmill/src/config.rs", "refmill/src/cli.rs"].contains(&path);
    let test = ["/tests/", "/benches/"].iter().any(|folder| path.contains(folder));
    if is_rust(path) && !reader && !test {
        code_with(text, &["env::var", "env::set_var", "dotenv"])
    } else {
        Vec::new()
    }
}

/// `stores` is what is called. A verb that other things have too counts only where it is asked of a ledger, on whichever line.
fn ledger_writer(path: &str, text: &str) -> Vec<usize> {
    const ITS_OWN: [&str; 4] = ["begin_incarnation", "commit_locked", "remove_settles", "set_published"];
    const ITS_TOO: [&str; 5] = ["commit", "lock", "mark", "plan", "take"];
    let may = ["processor/", "stores/src/"].iter().any(|start| path.starts_with(start));
    let test = ["/tests/", "/benches/"].iter().any(|folder| path.contains(folder));
    if !is_rust(path) || may || test {
        return Vec::new();
    }
    let code = text.lines().map(without_comment).collect::<Vec<_>>().join("\n");
    let calls = |verb: &str, of_ledgers: bool| {
        let call = format!("{verb}(");
        let found = code.match_indices(&call).filter(|(at, _)| {
            let before = code[..*at].trim_end();
            let path = before.strip_suffix("::").map(|before| before.trim_end().ends_with("Ledger"));
            let asked = before.strip_suffix('.').map(|before| before.trim_end().trim_end_matches("()"));
            let asked = asked.map(|before| !of_ledgers || before.to_lowercase().ends_with("ledger"));
            path.or(asked).unwrap_or(false)
        });
        found.map(|(at, _)| code[..at].lines().count().max(1)).collect::<Vec<_>>()
    };
    let own = ITS_OWN.iter().flat_map(|verb| calls(verb, false));
    let mut found: Vec<usize> = own.chain(ITS_TOO.iter().flat_map(|verb| calls(verb, true))).collect();
    found.sort_unstable();
    found
}

/// Input data is what it is: a web server's log may well name such a path.
fn machine_path(path: &str, text: &str) -> Vec<usize> {
    const MACHINES: [&str; 2] = [concat!("/", "work/"), concat!("/", "root/")];
    if path.split('/').any(|folder| folder == "data") {
        return Vec::new();
    }
    let starts_here = |line: &str, at: usize| {
        !line[..at].ends_with(|before: char| before.is_alphanumeric() || "-_.~*}".contains(before))
    };
    let named =
        |line: &str| MACHINES.iter().any(|machine| line.match_indices(machine).any(|(at, _)| starts_here(line, at)));
    text.lines().zip(1..).filter(|(line, _)| named(line)).map(|(_, number)| number).collect()
}

fn lints(path: &str, text: &str) -> Vec<usize> {
    let package = path.ends_with("/Cargo.toml") && text.contains("[package]");
    whole_file(package && !text.contains("[lints]\nworkspace = true"))
}

fn is_rust(path: &str) -> bool {
    path.ends_with(".rs")
}

fn is_pure(path: &str) -> bool {
    is_rust(path) && (path.starts_with("rules/src/") || path.starts_with("schemas/src/"))
}

fn whole_file(broken: bool) -> Vec<usize> {
    if broken { vec![0] } else { Vec::new() }
}

fn code_with(text: &str, parts: &[&str]) -> Vec<usize> {
    lines_where(text, |line| parts.iter().any(|part| line.contains(part)))
}

fn lines_where(text: &str, broken: impl Fn(&str) -> bool) -> Vec<usize> {
    text.lines().zip(1..).filter(|(line, _)| broken(without_comment(line))).map(|(_, number)| number).collect()
}

/// A `//` right after a colon is a URL's.
fn without_comment(line: &str) -> &str {
    let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
    comment.map_or(line, |(at, _)| &line[..at])
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_alphanumeric() || c == '_'))
}

fn check(rule: Rule, path: &str, text: &str, expected: &[usize]) {
    assert_eq!(rule(path, text), expected, "{path}: {text}");
    let by_its_name = RULES.iter().find(|(_, known)| std::ptr::fn_addr_eq(*known, rule)).expect("a rule of the list").0;
    let said = broken(path, text).iter().any(|line| line.contains(by_its_name));
    assert_eq!(said, !expected.is_empty(), "{path}: the list of rules finds what the rule finds");
}

#[test]
fn every_rule_catches_its_broken_control() {
    let pure = "rules/src/decide.rs";
    check(clock, pure, "fn a() {\n    let now = SystemTime::now();\n}", &[2]);
    check(clock, "schemas/src/ids.rs", "let now = jiff::Timestamp::now();", &[1]);
    check(chance, pure, "getrandom::fill(&mut bytes)", &[1]);
    check(float_in_money, "schemas/src/money/parse.rs", "let rate: f64 = 1;", &[1]);
    check(float_in_money, "rules/src/ledger.rs", "let x = 1f32;", &[1]);
    check(float_in_money, "api/src/dashboard.rs", "let shown = row.amount_minor as f64;", &[1]);
    check(mod_file, "api/src/routes/mod.rs", "", &[0]);
    check(long_file, "api/src/long.rs", &"\n".repeat(501), &[0]);
    check(long_file, "scripts/test", &format!("#!/bin/sh{}", "\n".repeat(501)), &[0]);
    check(empty_name, "api/src/utils.rs", "", &[0]);
    check(empty_name, "api/src/common/ids.rs", "", &[0]);
    check(unfinished, "api/src/a.rs", "fn a() { todo!() }", &[1]);
    check(unfinished, "api/tests/a.rs", "#[test]\n#[ignore = \"slow\"]", &[2]);
    check(unbounded, "ingest/src/a.rs", "let (a, b) = mpsc::unbounded_channel();", &[1]);
    check(unbounded, "ingest/src/a.rs", "let (a, b) = mpsc::channel();", &[1]);
    check(environment, "api/src/a.rs", "let home = std::env::var(\"HOME\");", &[1]);
    check(ledger_writer, "api/src/a.rs", "api.ledger.commit(batch).await", &[1]);
    check(ledger_writer, "refmill/src/a.rs", "let taken = stores\n    .ledger()\n    .take(partition)", &[3]);
    check(ledger_writer, "ingest/src/a.rs", "let a = 1;\nown.mark(p, plan);\nthe_ledger.mark(p, plan);", &[3]);
    check(ledger_writer, "api/src/a.rs", "Ledger::plan(&ledger, p, e, plan)", &[1]);
    check(ledger_writer, "api/src/a.rs", "books.set_published(p, e, up_to)", &[1]);
    check(machine_path, "README.md", concat!("cd /", "work/main"), &[1]);
    check(machine_path, "scripts/test", concat!("x=\"/", "root/.cache\""), &[1]);
    check(lints, "api/Cargo.toml", "[package]\nname = \"api\"\n", &[0]);
}

#[test]
fn no_rule_catches_what_is_good() {
    check(clock, "rules/src/decide.rs", "// no SystemTime::now here\nlet at = event.at;", &[]);
    check(clock, "processor/src/tick.rs", "let now = SystemTime::now();", &[]);
    check(chance, "ingest/src/receipt.rs", "getrandom::fill(&mut bytes)", &[]);
    check(float_in_money, "rules/src/fraud.rs", "let score: f64 = 0.5;", &[]);
    check(float_in_money, "rules/src/ledger.rs", "let amount_minor: i64 = 1; // never an f64", &[]);
    check(ledger_writer, "processor/src/commit.rs", "ledger.commit(batch)", &[]);
    check(ledger_writer, "stores/src/ledger.rs", "ledger.commit(batch)", &[]);
    check(ledger_writer, "api/tests/a.rs", "ledger.commit(batch)", &[]);
    check(
        ledger_writer,
        "api/src/a.rs",
        "api.ledger.conversion(id); // not ledger.commit(b)\nown.take(); take(1);",
        &[],
    );
    check(mod_file, "api/src/routes.rs", "", &[]);
    check(long_file, "api/src/long.rs", &"\n".repeat(500), &[]);
    check(long_file, "refmill/data/access.log", &"\n".repeat(501), &[]);
    check(empty_name, "api/src/commons_license.rs", "", &[]);
    check(unfinished, "README.md", "no todo! in code", &[]);
    check(unbounded, "ingest/src/a.rs", "let (a, b) = mpsc::channel(QUEUE);", &[]);
    check(environment, "refmill/src/config.rs", "let home = std::env::var(\"HOME\");", &[]);
    check(environment, "refmill/tests/a.rs", "let n = std::env::var(\"KILLS\");", &[]);
    check(environment, "refmill/src/a.rs", "env!(\"CARGO_PKG_VERSION\")", &[]);
    check(machine_path, "README.md", concat!("https://example.com/", "work/main and target/", "work/x"), &[]);
    check(machine_path, "refmill/data/access.log", concat!("GET /", "root/ HTTP/1.1"), &[]);
    check(lints, "api/Cargo.toml", "[package]\nname = \"api\"\n\n[lints]\nworkspace = true\n", &[]);
    check(lints, "Cargo.toml", "[workspace.package]\n", &[]);
}
