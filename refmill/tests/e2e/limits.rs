//! How often an address may click and a key may ask: each click of a batch counts, whichever way the batch is read.

use serde_json::{Value, json};

use crate::account::{Company, Link, click_body, with};
use crate::http::{Request, fresh_address};
use crate::server::{Launch, Server};
use crate::site::Site;
use crate::wait::{SETTLED, eventually, holds};

const CLICKS_PER_HOUR: usize = 6;
const REQUESTS_PER_SECOND: usize = 20;

/// How a batch is written. Where all of it is sound clicks, the first is read in one go; the second is read line by line.
#[derive(Clone, Copy, Debug)]
enum Form {
    Array,
    Lines,
}

fn click(company: &Company, link: &Link) -> Value {
    with(click_body(company, link), json!({ "type": "click" }))
}

fn statuses(server: &Server, form: Form, batch: Request, items: &[&Value]) -> Vec<u64> {
    let lines = || items.iter().map(|item| format!("{item}\n")).collect::<String>();
    let batch = match form {
        Form::Array => batch.json(&json!(items)),
        Form::Lines => batch.raw("application/x-ndjson", lines()),
    };
    let data = server.send(&batch).good();
    let results = data["results"].as_array().expect("results").iter();
    results.map(|result| result["status"].as_u64().expect("a status")).collect()
}

/// All clicks of a company that have an outcome, refused ones among them.
fn clicks_of(server: &Server, company: &Company, wanted: u64) {
    eventually(SETTLED, "every click has its outcome", || {
        let outcomes = server.read_as(company, "/companies/outcomes");
        let clicks = outcomes["totals"].as_array().and_then(|all| all.iter().find(|of| of["kind"] == "click"));
        holds(clicks.is_some_and(|clicks| clicks["total"] == wanted), format!("{outcomes}, not {wanted}"))
    });
}

#[test]
fn an_addresss_clicks_count_one_by_one() {
    let site = Site::new();
    let server = Launch::new().set("--clicks-per-ip-per-hour", CLICKS_PER_HOUR).start(&site);
    for form in [Form::Array, Form::Lines] {
        let (company, other) = (server.company(), server.company());
        let (link, others_link) = (server.link(&company), server.link(&other));
        let (own, others) = (click(&company, &link), click(&other, &others_link));
        let unknown = with(own.clone(), json!({ "code": "nobodys-code" }));
        let address = fresh_address();
        let batch = || Request::post("/track/batch").from(address);
        let check = |what: &str, batch: Request, items: &[&Value], wanted: &[u64]| {
            assert_eq!(statuses(&server, form, batch, items), wanted, "{form:?}: {what}");
        };
        let vouched = || batch().key(&company.key);
        check("the company vouches", vouched(), &[&own; 2 * CLICKS_PER_HOUR], &[200; 2 * CLICKS_PER_HOUR]);
        check("nothing", batch(), &[], &[]);
        check("all within the limit", batch(), &[&own; 3], &[200; 3]);
        let over = [&own, &unknown, &own, &own, &own, &own];
        check("the first within it", batch(), &over, &[200, 404, 200, 200, 429, 429]);
        check("it vouches for its own", vouched(), &[&own, &others, &own], &[200, 429, 200]);
        server.send(&Request::post("/companies/pause").key(&other.key)).good();
        eventually(SETTLED, "the edge knows of the pause", || {
            let of_paused = statuses(&server, form, batch(), &[&others]);
            holds(of_paused == [200], format!("{of_paused:?}"))
        });
        let one = server.send(&Request::post("/track/click").from(address).json(&click_body(&company, &link)));
        assert!(one.status == 429 && one.code() == "RATE_LIMITED", "{one:?}");
        server.dashboard_says(&company, 2 * CLICKS_PER_HOUR as u64 + 8, 0);
        clicks_of(&server, &company, 2 * CLICKS_PER_HOUR as u64 + 8 + 3);
    }
    server.stop();
}

#[test]
fn a_keys_clicks_count_one_by_one() {
    let site = Site::new();
    let server = Launch::new().set("--requests-per-key-per-second", REQUESTS_PER_SECOND).start(&site);
    for form in [Form::Array, Form::Lines] {
        let company = server.company();
        let own = click(&company, &server.link(&company));
        let batch = Request::post("/track/batch").key(&company.key);
        let statuses = statuses(&server, form, batch, &[&own; 10 * REQUESTS_PER_SECOND]);
        let taken = statuses.iter().filter(|status| **status == 200).count();
        // The link has taken one, and a slow machine gives some back meanwhile.
        assert!((REQUESTS_PER_SECOND - 1..5 * REQUESTS_PER_SECOND).contains(&taken), "{form:?}: {taken}");
        let refused = statuses.iter().filter(|status| **status == 429).count();
        assert_eq!((statuses[0], taken + refused), (200, statuses.len()), "{form:?}");
    }
    server.stop();
}
