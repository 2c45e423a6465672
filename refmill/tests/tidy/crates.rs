//! Rules over the crates: data flows down `schemas`, `rules`, `stores`, `ingest | processor | api`, `refmill` and never back up.

use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::tree;

/// A crate and which others of ours it may know. Whoever adds a crate says its place here.
const MAY_KNOW: [(&str, &[&str]); 8] = [
    ("schemas", &[]),
    ("rules", &["schemas"]),
    ("stores", &["schemas", "rules"]),
    ("ingest", &["schemas", "stores"]),
    ("processor", &["schemas", "rules", "stores"]),
    ("api", &["schemas", "rules", "stores", "ingest"]),
    // It calls an edge from outside, as anybody does.
    ("bench", &[]),
    ("refmill", &["schemas", "rules", "stores", "ingest", "processor", "api"]),
];

/// All that `rules` may use: none of these can do IO on its own.
const PURE: [&str; 5] = ["hashbrown", "schemas", "serde", "serde_json", "thiserror"];

/// Crates that reach a disk, a socket, a thread pool or chance. `schemas` has none of them.
const IO: [&str; 15] = [
    "axum",
    "fs-err",
    "futures",
    "getrandom",
    "hyper",
    "hyper-util",
    "mio",
    "rand",
    "rayon",
    "reqwest",
    "socket2",
    "tempfile",
    "tokio",
    "tokio-util",
    "ureq",
];

/// Crates that speak one vendor's language.
const VENDORS: [&str; 18] = [
    "bb8-postgres",
    "chdb-rust",
    "clickhouse",
    "clickhouse-rs",
    "deadpool-postgres",
    "deadpool-redis",
    "diesel",
    "fred",
    "libsqlite3-sys",
    "postgres",
    "rdkafka",
    "redis",
    "refinery",
    "rskafka",
    "rusqlite",
    "sea-orm",
    "sqlx",
    "tokio-postgres",
];

/// Who reads a vendor's tables without `stores`, and why: it counts again what `stores` wrote, and knows it from outside alone.
const VENDORS_FROM_OUTSIDE: [(&str, &str); 2] = [("bench", "rusqlite"), ("bench", "tokio-postgres")];

/// What a crate's tests prove with the help of one that it does not know itself.
const TESTS_MAY_KNOW: [(&str, &str); 1] = [("ingest", "rules")];

pub(crate) struct Crate {
    name: String,
    dependencies: Vec<(String, Use)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Product,
    Tests,
}

pub(crate) fn of_the_workspace() -> Vec<Crate> {
    let metadata = MetadataCommand::new()
        .manifest_path(tree::root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo reads the workspace");
    let kind = |kind| {
        if kind == DependencyKind::Development { Use::Tests } else { Use::Product }
    };
    let of_package = |package: &cargo_metadata::Package| Crate {
        name: package.name.to_string(),
        dependencies: package
            .dependencies
            .iter()
            .map(|dependency| (dependency.name.clone(), kind(dependency.kind)))
            .collect(),
    };
    metadata.workspace_packages().into_iter().map(of_package).collect()
}

pub(crate) fn broken(of: &Crate) -> Vec<String> {
    let name = of.name.as_str();
    let Some((_, may_know)) = MAY_KNOW.iter().find(|(known, _)| *known == name) else {
        return vec![format!("{name} has no place in the order of the crates: give it one in MAY_KNOW")];
    };
    let against = |(dependency, used): &(String, Use)| {
        let dependency = dependency.as_str();
        let ours = MAY_KNOW.iter().any(|(known, _)| *known == dependency);
        let product = *used == Use::Product;
        let from_outside = VENDORS_FROM_OUTSIDE.contains(&(name, dependency));
        let only_in_tests = !product && TESTS_MAY_KNOW.contains(&(name, dependency));
        let why = if ours && !may_know.contains(&dependency) && !only_in_tests {
            "it lies further down the road"
        } else if product && name == "rules" && !PURE.contains(&dependency) {
            "deciding is pure"
        } else if product && name == "schemas" && IO.contains(&dependency) {
            "what crosses a boundary does no IO itself"
        } else if VENDORS.contains(&dependency) && name != "stores" && !from_outside && (product || name != "refmill") {
            "only `stores` names a vendor"
        } else {
            return None;
        };
        Some(format!("{name} must not depend on {dependency}: {why}"))
    };
    of.dependencies.iter().filter_map(against).collect()
}

fn check(name: &str, dependency: &str, used: Use, expected: Option<&str>) {
    let of = Crate { name: name.to_owned(), dependencies: vec![(dependency.to_owned(), used)] };
    let said = broken(&of);
    match expected {
        Some(why) => assert!(said.len() == 1 && said[0].contains(why), "{name} -> {dependency}: {said:?}"),
        None => assert!(said.is_empty(), "{name} -> {dependency}: {said:?}"),
    }
}

#[test]
fn every_wrong_edge_is_caught() {
    use Use::{Product, Tests};
    for (name, dependency, used, why) in [
        ("schemas", "rules", Product, "further down"),
        ("schemas", "tokio", Product, "no IO"),
        ("rules", "stores", Product, "further down"),
        ("rules", "stores", Tests, "further down"),
        ("rules", "jiff", Product, "pure"),
        ("stores", "processor", Product, "further down"),
        ("ingest", "rules", Product, "further down"),
        ("ingest", "processor", Tests, "further down"),
        ("ingest", "api", Product, "further down"),
        ("api", "processor", Product, "further down"),
        ("processor", "rusqlite", Product, "vendor"),
        ("api", "tokio-postgres", Tests, "vendor"),
        ("refmill", "rusqlite", Product, "vendor"),
        ("bench", "rdkafka", Product, "vendor"),
        ("bench", "schemas", Product, "further down"),
        ("newcomer", "serde", Product, "no place"),
    ] {
        check(name, dependency, used, Some(why));
    }
}

#[test]
fn no_good_edge_is_caught() {
    use Use::{Product, Tests};
    for (name, dependency, used) in [
        ("schemas", "prost", Product),
        ("schemas", "tempfile", Tests),
        ("rules", "schemas", Product),
        ("rules", "criterion", Tests),
        ("stores", "rusqlite", Product),
        ("ingest", "stores", Product),
        ("ingest", "rules", Tests),
        ("processor", "rules", Product),
        ("refmill", "api", Product),
        ("refmill", "rusqlite", Tests),
        ("bench", "rusqlite", Product),
        ("bench", "tokio-postgres", Product),
    ] {
        check(name, dependency, used, None);
    }
}

#[test]
fn all_crates_were_read() {
    let mut names: Vec<String> = of_the_workspace().into_iter().map(|of| of.name).collect();
    names.sort();
    assert!(MAY_KNOW.iter().all(|(name, _)| names.iter().any(|found| found == name)), "{names:?}");
}
