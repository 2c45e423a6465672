//! A commission is held for the days that the terms say, and a tick lets it mature.

use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::account::Company;
use crate::clock::{Clock, DAY, MINUTE};
use crate::http::Request;
use crate::server::{Launch, Server};
use crate::site::Site;
use crate::wait::{eventually, holds};

const HOLD_DAYS: i64 = 14;
/// A partition's owner appends a tick a minute.
const TICKS_WITHIN: Duration = Duration::from_secs(100);

#[test]
fn a_held_commission_matures_by_a_tick_and_not_before() {
    let site = Site::new();
    let clock = Clock::new(&site);
    let launch = clock.drives(Launch::new());
    let server = launch.start(&site);
    let company = server.company();
    let link = server.link(&company);
    server.stop();
    add_hold(&site, &company);

    let server = launch.start(&site);
    server.click(&company, &link);
    let sale = server.sale(&company, &link);
    assert_eq!((&sale["outcome"], &sale["affiliatePayout"]), (&json!("attributed"), &json!(800)));
    let stands = || {
        let token = server.sign_in(&link.partner_email, "affiliate");
        let all = server.send(&Request::get("/balances").token(&token)).good();
        (all[0]["pending"].as_i64(), all[0]["available"].as_i64())
    };
    assert_eq!(stands(), (Some(800), Some(0)));

    clock.set(HOLD_DAYS * DAY - 10 * MINUTE);
    let before = events(&site);
    eventually(TICKS_WITHIN, "a tick before the hold is over", || {
        let now = events(&site);
        holds(now > before, (before, now))
    });
    settled(&server, &company);
    assert_eq!(stands(), (Some(800), Some(0)), "ten minutes too early");

    clock.set(HOLD_DAYS * DAY + MINUTE);
    let token = server.sign_in(&link.partner_email, "affiliate");
    eventually(TICKS_WITHIN, "the commission matures", || {
        let all = server.send(&Request::get("/balances").token(&token)).good();
        holds(all[0]["pending"] == 0 && all[0]["available"] == 800, all)
    });
}

/// A new version of the company's terms, the same but for the hold: no setting of the house says it yet.
fn add_hold(site: &Site, company: &Company) {
    let catalog = Connection::open(site.data().join("catalog.db")).expect("the catalog");
    let newest = "SELECT t.program, t.version, t.body FROM terms t JOIN companies c ON c.program = t.program \
                  WHERE c.domain LIKE ?1 ORDER BY t.version DESC LIMIT 1";
    let domain = format!("%{}%", company.domain);
    let (program, version, body) = catalog
        .query_row(newest, [domain], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?)))
        .expect("the company's terms");
    let mut terms: Value = serde_json::from_str(&body).expect("terms are JSON");
    assert_eq!(terms["hold_days"], 0, "{terms}");
    terms["hold_days"] = json!(HOLD_DAYS);
    terms["version"] = json!(version + 1);
    let effective_from = terms["effective_from"].as_i64().expect("a time") + 1;
    terms["effective_from"] = json!(effective_from);
    let insert = "INSERT INTO terms (program, version, effective_from_ms, body) VALUES (?1, ?2, ?3, ?4)";
    catalog.execute(insert, (program, version + 1, effective_from, terms.to_string())).expect("new terms");
}

/// Waits until everything that the log holds is decided: a sale is decided after all that was before it.
fn settled(server: &Server, company: &Company) {
    let other = server.link(company);
    server.sale(company, &other);
}

fn events(site: &Site) -> i64 {
    let copy = tempfile::tempdir().expect("a folder");
    let log = Connection::open(site.copy_of("log.db", copy.path())).expect("a copy of the log");
    log.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).expect("events")
}
