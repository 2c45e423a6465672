//! Controls: damage of every kind that the check of `kill -9` has to see.

use std::collections::BTreeMap;

use rusqlite::Connection as Database;
use serde_json::Value;

use super::journal::{Click, Journal, Order, Refund};
use super::observed::Observed;
use super::{Field, UNANSWERED};

fn sent() -> Journal {
    let click = |acknowledged| Click { round: 0, acknowledged };
    let order = |value, attributed, refund| Order {
        round: 0,
        body: Value::Null,
        value,
        attributed,
        conversion: Some(format!("conv_{value}")),
        decided: true,
        refund,
    };
    let refund = Refund { id: "back".to_owned(), amount: 3333, acknowledged: true };
    Journal {
        clicks: BTreeMap::from([
            ("/a".to_owned(), click(true)),
            ("/b".to_owned(), click(false)),
            ("/c".to_owned(), click(false)),
        ]),
        orders: BTreeMap::from([
            ("o-1".to_owned(), order(9999, true, None)),
            ("o-2".to_owned(), order(10_000, true, Some(refund))),
            ("o-3".to_owned(), order(700, false, None)),
        ]),
        repeated_sales: 1,
        ..Journal::default()
    }
}

fn seen() -> Observed {
    let order = |value: i64, commission: i64| vec![(format!("conv_{value}"), value, commission)];
    let mut seen = Observed {
        clicks: BTreeMap::from([("/a".to_owned(), 1), ("/b".to_owned(), 1)]),
        orders: BTreeMap::from([
            ("o-1".to_owned(), order(9999, 1000)),
            ("o-2".to_owned(), order(10_000, 667)),
            ("o-3".to_owned(), order(700, 0)),
        ]),
        dashboard_clicks: 2,
        dashboard_conversions: 2,
        owed: 800 + 534,
        fees: 200 + 133,
        ..Observed::default()
    };
    seen.set_outcome("click", "counted", 2);
    seen.set_outcome("sale", "attributed", 2);
    seen.set_outcome("sale", "unattributed", 1);
    seen.set_outcome("sale", "duplicate", 1);
    seen.set_outcome("refund", "applied", 1);
    seen
}

#[test]
fn every_kind_of_damage_is_seen() {
    assert_eq!(sent().differences(&seen()), Vec::<String>::new());
    let check = |what: &str, damage: &dyn Fn(&mut Observed)| {
        let mut seen = seen();
        damage(&mut seen);
        assert!(!sent().differences(&seen).is_empty(), "{what}: not seen");
    };
    check("an acknowledged click is gone", &|seen| seen.clicks.retain(|page, _| page != "/a"));
    check("a click is there twice", &|seen| seen.clicks.extend([("/b".to_owned(), 2)]));
    check("a click that nobody sent", &|seen| seen.clicks.extend([("/x".to_owned(), 1)]));
    check("an order is gone", &|seen| drop(seen.orders.remove("o-1")));
    check("an order is there twice", &|seen| {
        let orders = seen.orders.get_mut("o-1").expect("it is there");
        orders.push(orders[0].clone());
    });
    check("an order under another id", &|seen| {
        seen.orders.get_mut("o-1").expect("it is there")[0].0 = "conv_1".to_owned()
    });
    check("another commission", &|seen| seen.orders.get_mut("o-2").expect("it is there")[0].2 += 1);
    check("an order that nobody sent", &|seen| drop(seen.orders.insert("o-9".to_owned(), Vec::new())));
    check("too much is owed", &|seen| seen.owed += 800);
    check("a fee twice", &|seen| seen.fees += 200);
    check("a click counted twice", &|seen| seen.set_outcome("click", "counted", 3));
    check("a click on the dashboard twice", &|seen| seen.dashboard_clicks += 1);
    check("a sale on the dashboard twice", &|seen| seen.dashboard_conversions += 1);
    check("a sale decided twice", &|seen| seen.set_outcome("sale", "attributed", 3));
    check("a sale left parked", &|seen| seen.set_outcome("sale", "parked", 1));
    check("a sale taken for its own duplicate", &|seen| seen.set_outcome("sale", "duplicate", 2));
    check("a refund applied twice", &|seen| seen.set_outcome("refund", "applied", 2));
    check("a click taken for its own duplicate", &|seen| seen.set_outcome("click", "duplicate", 1));
}

/// Decisions stay, and the offset that belongs to them is set back: as if it were committed apart.
#[test]
fn an_offset_behind_its_decisions_is_caught() {
    let mut field = Field::new();
    let (next, last) = progress(&field.ledger());
    field.load_and_kill(0);
    let ledger = field.ledger();
    assert!(progress(&ledger).0 > next, "something was decided meanwhile");
    ledger.execute("UPDATE progress SET next = ?1, last_event = ?2", (next, last)).expect("set back");
    ledger.close().expect("closed");
    caught(field.start_and_check(0), &["clicks"], "decided twice");
}

/// The offset is ahead of the decisions: what is between was taken and is never decided.
#[test]
fn an_offset_ahead_of_its_decisions_is_caught() {
    let mut field = Field::new();
    let undecided = (0..5).any(|round| {
        let killed = field.load_and_kill(round);
        let log = Database::open(field.site.data().join("log.db")).expect("the log");
        let end = "SELECT offset + 1, record FROM events ORDER BY offset DESC LIMIT 1";
        let (end, record) =
            log.query_row(end, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))).expect("an event");
        let ledger = field.ledger();
        let (next, _) = progress(&ledger);
        if next == end || killed.unanswered < UNANSWERED {
            field.start_and_check(round).expect("all was decided");
            return false;
        }
        ledger.execute("UPDATE progress SET next = ?1, last_event = ?2", (end, id_of(&record))).expect("set ahead");
        ledger.close().expect("closed");
        caught(field.start_and_check(round), &["clicks", "processing"], "events were left out");
        true
    });
    assert!(undecided, "nothing was ever left to be decided");
}

/// What was parked is decided; put back, it is decided again: as by a `settle` that does not look whether it is still parked.
#[test]
fn a_settle_that_does_not_look_is_caught() {
    // A kill may come while nothing is parked that money will come of.
    assert!((0..KILLS_MAX).any(|_| what_is_settled_twice_is_caught()), "nothing was ever parked and attributed");
}

const KILLS_MAX: usize = 5;

/// False where nothing could be settled twice.
fn what_is_settled_twice_is_caught() -> bool {
    let mut field = Field::new();
    field.load_and_kill(0);
    let copy = tempfile::tempdir().expect("a folder");
    let before = field.site.copy_of("ledger.db", copy.path());
    if field.parked() == 0 {
        return false;
    }
    assert_eq!(field.start_and_check(0), Ok(()));
    field.stop();
    let ledger = field.ledger();
    ledger.execute("ATTACH ?1 AS before", [before.to_string_lossy()]).expect("attached");
    // Only what was settled into money: those no click counts for move none.
    ledger
        .execute_batch(
            "CREATE TEMP TABLE again AS SELECT conversion FROM before.parked WHERE conversion IN (SELECT conversion FROM transfers);
             INSERT INTO parked SELECT * FROM before.parked WHERE conversion IN again;
             REPLACE INTO conversions SELECT * FROM before.conversions WHERE id IN again;",
        )
        .expect("put back");
    let again: i64 = ledger.query_row("SELECT count(*) FROM again", [], |row| row.get(0)).expect("a count");
    ledger.close().expect("closed");
    if again == 0 {
        return false;
    }
    field.journal.clicks_before = 0;
    caught(field.start_and_check(0), &["sales attributed"], "settled twice");
    true
}

/// A control is caught by what it breaks, not by something else.
fn caught(checked: Result<(), String>, by: &[&str], what: &str) {
    match checked {
        Ok(()) => panic!("{what}, and nobody noticed"),
        Err(said) => assert!(by.iter().any(|part| said.contains(part)), "{what}: {said}"),
    }
}

fn progress(ledger: &Database) -> (i64, Option<Vec<u8>>) {
    ledger
        .query_row("SELECT next, last_event FROM progress", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("progress")
}

/// The id that an event's record begins with: field 1, 16 bytes.
fn id_of(record: &[u8]) -> Vec<u8> {
    assert_eq!(record[..2], [0x0a, 16], "{record:?}");
    record[2..18].to_vec()
}
