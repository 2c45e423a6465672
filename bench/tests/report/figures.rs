//! Which figures are shown, and which never.

use serde_json::{Value, json};

use crate::documents::{Made, compared, each, each_run, made, other_figures, refused, single};

/// Changes the runs that `which` picks, and tells whether the page and the tables are others now.
fn changes(which: impl Fn(&Value) -> bool, change: impl Fn(&mut Value)) -> (bool, bool) {
    let mut documents = [single(), compared()];
    let before = made(&[&documents[0], &documents[1]]);
    let mut changed = 0;
    for document in &mut documents {
        each_run(document, |run| {
            if which(run) {
                change(run);
                changed += 1;
            }
        });
    }
    assert!(changed > 0, "there is such a run");
    let after = made(&[&documents[0], &documents[1]]);
    (before.html != after.html, before.table != after.table)
}

fn is_discarded(run: &Value) -> bool {
    run["discarded"].is_string()
}

fn is_broken(run: &Value) -> bool {
    let lines = run["audit"].as_array().into_iter().flatten();
    lines.into_iter().any(|line| line["expected"] != line["found"])
}

fn latency(run: &mut Value) {
    for point in run["answers"]["latency"]["points"].as_array_mut().expect("it has points") {
        point[1] = json!(point[1].as_u64().expect("µs") + 1_000);
    }
}

#[test]
fn no_figure_of_a_discarded_run_is_anywhere() {
    assert_eq!(changes(is_discarded, other_figures), (false, false));
    // The control: of one that counts they are.
    assert_eq!(changes(|run| !is_discarded(run), other_figures), (true, true));
}

#[test]
fn a_discarded_run_is_named_with_its_reason() {
    let Made { html, .. } = made(&[&single(), &compared()]);
    for why in [
        "busy 98.8 % of its time: it could not send on time",
        "busy 96.1 % of its time",
        "2,310 requests were not answered",
    ] {
        assert!(html.contains(why), "{why}");
    }
    assert!(html.contains(">3 discarded<"));
    let mut quiet = single();
    quiet["runs"].as_array_mut().expect("it has runs").retain(|run| !is_discarded(run));
    assert!(!made(&[&quiet]).html.contains("discarded"));
}

#[test]
fn what_does_not_hold_when_counted_again_is_no_figure_of_a_table() {
    let answers_and_costs = |run: &mut Value| {
        let audit = run["audit"].take();
        other_figures(run);
        run["audit"] = audit;
    };
    assert_eq!(changes(|run| is_broken(run) && !is_discarded(run), answers_and_costs), (true, false));
    let Made { html, table, .. } = made(&[&single()]);
    assert!(html.contains("does not hold, by −3"));
    assert!(html.contains("the audit of 1 run does not hold"));
    assert!(table.contains("1 of 8 does not hold"));
}

#[test]
fn a_closed_loop_says_nothing_of_latency() {
    let is_closed = |run: &Value| run["load"]["offered"] == "as_answered";
    assert_eq!(changes(is_closed, latency), (false, false));
    assert_eq!(changes(|run| !is_closed(run), latency), (true, true));
}

#[test]
fn a_share_is_shown_only_where_an_answer_could_lie_beyond_it() {
    let mut document = single();
    document["runs"].as_array_mut().expect("it has runs").truncate(1);
    let mut check = |count: u64, expected: &str| {
        document["runs"][0]["answers"]["latency"]["count"] = json!(count);
        let Made { table, .. } = made(&[&document]);
        assert!(table.contains(expected), "{count}: {expected} in {table}");
    };
    check(1_000, "| 900 µs, 4.30 ms, 7.12 ms |");
    check(999, "| 900 µs, 4.30 ms, – |");
    check(99, "| 900 µs, –, – |");
    check(0, "| – |");
}

#[test]
fn the_tables_are_those_that_a_readme_holds() {
    let Made { table, .. } = made(&[&single(), &compared()]);
    assert_eq!(table, include_str!("../data/tables.md"), "what is printed now:\n{table}");
}

#[test]
fn several_documents_are_one() {
    let (single, compared) = (single(), compared());
    let both = made(&[&single, &compared]);
    let again = made(&[&both.json]);
    assert_eq!(made(&[&compared, &single]).html, both.html);
    assert!(again.html == both.html && again.table == both.table && again.json == both.json);
    assert!(both.json["runs"] == made(&[&single]).json["runs"]);
    assert!(both.json["comparisons"] == made(&[&compared]).json["comparisons"]);
}

#[test]
fn what_can_not_be_shown_is_refused() {
    let document = single();
    let mut elsewhere = compared();
    elsewhere["machine"]["cores"] = json!(64);
    for (documents, arguments, says) in [
        (vec![&document], vec![], "--html"),
        (vec![], vec!["--table"], "IN.json"),
        (vec![&document, &elsewhere], vec!["--table"], "two machines"),
        (vec![&json!({"runs": []})], vec!["--table"], "holds no measurement"),
        (vec![], vec!["/there/is/none.json", "--table"], "can't be read"),
        (vec![&document], vec!["--html", "/there/is/none.html"], "can't be written"),
    ] {
        let said = refused(&documents, &arguments);
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
}

#[test]
fn any_number_can_be_shown() {
    for extreme in [0, 1, u64::from(u16::MAX), u64::MAX] {
        let mut documents = [single(), compared()];
        for document in &mut documents {
            each(document, &mut |value| {
                let Value::Object(fields) = value else {
                    return;
                };
                for (name, value) in fields {
                    let is_wide =
                        ["_ns", "_us", "_bytes", "count", "keys", "events"].iter().any(|end| name.ends_with(end));
                    if value.is_u64() && (is_wide || extreme <= u64::from(u16::MAX)) && name != "began_at_ms" {
                        *value = json!(extreme);
                    }
                }
            });
        }
        let Made { html, table, .. } = made(&[&documents[0], &documents[1]]);
        for wrong in ["NaN", "inf,", "\"inf\"", "\"-inf\"", "width=\"-"] {
            assert!(!html.contains(wrong) && !table.contains(wrong), "{extreme}: {wrong}");
        }
    }
}
