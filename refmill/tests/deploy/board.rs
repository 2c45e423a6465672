//! The board asks for what the product counts, from the source that is provisioned.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::source::{code, json, product, read};

const BOARD: &str = "deploy/grafana/boards/refmill.json";

/// Histograms with other ends have no buckets: they come as quantiles.
const WITH_BUCKETS: [&str; 2] = ["_seconds", "_records"];

/// Names in expressions that begin like this are metrics.
const STARTS: [&str; 2] = ["refmill_", "process_"];

fn metrics(expression: &str) -> BTreeSet<&str> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| STARTS.iter().any(|start| word.starts_with(start))).collect()
}

/// Why the source has no such series.
fn wrong(metric: &str, source: &str) -> Option<String> {
    let name = metric.strip_suffix("_bucket").unwrap_or(metric);
    let is_histogram = name != metric;
    if !source.contains(&format!("\"{name}\"")) {
        return Some(format!("nothing counts {name}"));
    }
    let has_buckets = WITH_BUCKETS.iter().any(|end| name.ends_with(end));
    (is_histogram && !has_buckets).then(|| format!("{name} has no buckets"))
}

fn panels(board: &Value) -> impl Iterator<Item = &Value> {
    let panels = board["panels"].as_array().expect("panels").iter();
    panels.filter(|panel| panel["type"] != "row")
}

#[test]
fn every_metric_of_the_board_is_counted_somewhere() {
    let (board, source) = (json(BOARD), product());
    let mut asked = 0;
    for panel in panels(&board) {
        for target in panel["targets"].as_array().expect("targets") {
            let expression = target["expr"].as_str().expect("an expression");
            let of = metrics(expression);
            assert!(!of.is_empty(), "{expression}");
            for metric in of {
                assert_eq!(wrong(metric, &source), None, "{}", panel["title"]);
                asked += 1;
            }
        }
    }
    assert!(asked > 15, "{asked}");
}

#[test]
fn a_metric_that_nobody_counts_is_caught() {
    let source = product();
    for (metric, why) in [
        ("refmill_events_decidet_total", "nothing counts"),
        ("refmill_ledger_batch_events_bucket", "has no buckets"),
        ("refmill_batch_seconds_sum_bucket", "nothing counts"),
    ] {
        assert!(wrong(metric, &source).is_some_and(|said| said.contains(why)), "{metric}");
    }
    assert_eq!(metrics("sum by (code) (rate(refmill_a_total[1m])) + process_b").len(), 2);
}

#[test]
fn what_only_tests_and_comments_name_is_not_counted() {
    let file = r#"
fn count() {
    // "refmill_in_a_comment_total" is none
    counter!("refmill_counted_total");
    #[cfg(test)]
    counter!("refmill_in_a_line_total");
}

#[cfg(test)]
#[path = "elsewhere.rs"]
mod elsewhere;

#[cfg(test)]
mod tests {
    fn a() {
        "refmill_in_a_test_total"
    }
}

const AFTER: &str = "refmill_after_total";
"#;
    let code = code(file);
    for counted in ["refmill_counted_total", "refmill_after_total"] {
        assert_eq!(wrong(counted, &code), None);
    }
    for not in ["refmill_in_a_comment_total", "refmill_in_a_line_total", "refmill_in_a_test_total"] {
        assert!(file.contains(not) && wrong(not, &code).is_some(), "{not}");
    }
    assert!(!product().contains("#[test]") && product().len() > 500_000, "{}", product().len());
}

#[test]
fn the_board_reads_from_the_source_that_is_provisioned() {
    let board = json(BOARD);
    let uid = panels(&board).next().expect("a panel")["datasource"]["uid"].as_str().expect("a uid").to_owned();
    let mut places = BTreeSet::new();
    for panel in panels(&board) {
        assert_eq!(panel["datasource"]["uid"], uid.as_str(), "{}", panel["title"]);
        assert!(places.insert((panel["gridPos"]["y"].as_u64(), panel["gridPos"]["x"].as_u64())), "{}", panel["title"]);
    }
    let source = read("deploy/grafana/provisioning/datasources/prometheus.yml");
    assert!(source.contains(&format!("uid: {uid}")) && source.contains("url: http://prometheus:9090"), "{source}");
}
