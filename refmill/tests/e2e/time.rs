//! What takes minutes to months, against the real process under a clock that is moved.

mod address_keys;
mod hold;

use serde_json::{Value, json};

use crate::account::{Company, click_body, sale_body, with};
use crate::clock::{Clock, DAY, HOUR, MINUTE};
use crate::http::Request;
use crate::server::{Launch, Server};
use crate::site::Site;
use crate::wait::{SETTLED, holds, within};

/// Says what is wrong.
type Check = fn(&Server, &Clock) -> Result<(), String>;

const CHECKS: [(&str, Check); 7] = [
    ("a magic link lasts 15 minutes", magic_link),
    ("a token lasts an hour", token),
    ("a click counts for 30 days", |server, clock| window(server, clock, 30)),
    ("a click counts for 90 days", |server, clock| window(server, clock, 90)),
    ("a receipt counts for 30 days", receipt),
    ("the terms at a sale's time decide it", terms),
    ("an event id counts anew after an hour", event_ids),
];

#[test]
fn time_does_what_it_should() {
    for (what, check) in CHECKS {
        run(check, Clock::new).unwrap_or_else(|why| panic!("{what}: {why}"));
    }
}

#[test]
fn a_process_without_time_is_caught_by_every_check() {
    for (what, check) in CHECKS {
        assert!(run(check, Clock::stuck).is_err(), "{what}: not caught");
    }
}

fn run(check: Check, clock: fn(&Site) -> Clock) -> Result<(), String> {
    let site = Site::new();
    let clock = clock(&site);
    let server = clock.drives(Launch::new()).start(&site);
    check(&server, &clock)
}

fn magic_link(server: &Server, clock: &Clock) -> Result<(), String> {
    let company = server.company();
    let first = server.magic_link(&company.email, "company");
    clock.advance(15 * MINUTE - 5);
    status(server, &verify(&first), 200)?;
    let second = server.magic_link(&company.email, "company");
    clock.advance(15 * MINUTE + 5);
    status(server, &verify(&second), 401)
}

fn token(server: &Server, clock: &Clock) -> Result<(), String> {
    let token = server.sign_in(&server.company().email, "company");
    let settings = Request::get("/companies/settings").token(&token);
    clock.advance(HOUR - 5);
    status(server, &settings, 200)?;
    clock.advance(10);
    status(server, &settings, 401)
}

fn window(server: &Server, clock: &Clock, days: i64) -> Result<(), String> {
    let company = server.company();
    if days != 30 {
        settings(server, &company, &json!({ "attributionWindow": days }));
    }
    let link = server.link(&company);
    server.click(&company, &link);
    clock.advance(days * DAY - MINUTE);
    let inside = server.sale(&company, &link);
    holds(inside["outcome"] == "attributed" && inside["commissionAmount"] == 1000, &inside)?;
    clock.advance(2 * MINUTE);
    let outside = server.sale(&company, &link);
    holds(outside["outcome"] == "unattributed" && outside["reason"] == "no_click_in_window", &outside)
}

fn receipt(server: &Server, clock: &Clock) -> Result<(), String> {
    let company = server.company();
    let (link, other) = (server.link(&company), server.link(&company));
    let receipt = server.click(&company, &link);
    clock.advance(30 * DAY - MINUTE);
    let named = |link| server.sale_with(&company, &with(sale_body(link), json!({ "clickId": receipt }))).good();
    let inside = named(&link);
    holds(inside["outcome"] == "attributed", &inside)?;
    clock.advance(2 * MINUTE);
    for link in [&link, &other] {
        let outside = named(link);
        holds(outside["outcome"] == "unattributed", &outside)?;
    }
    Ok(())
}

fn terms(server: &Server, clock: &Clock) -> Result<(), String> {
    let company = server.company();
    let link = server.link(&company);
    server.click(&company, &link);
    clock.advance(HOUR / 2);
    let before = clock.now();
    clock.advance(HOUR / 2);
    settings(server, &company, &json!({ "commissionRate": 0.20 }));
    clock.advance(HOUR);
    let now = server.sale(&company, &link);
    holds(now["commissionAmount"] == 2000, &now)?;
    let body = with(sale_body(&link), json!({ "occurredAt": before.to_string() }));
    let then = server.sale_with(&company, &body);
    holds(then.status == 200, &then)?;
    let then = then.good();
    holds(then["commissionAmount"] == 1000 && then["affiliatePayout"] == 800, &then)?;
    // A refund keeps to the terms of its sale.
    let id = then["conversionId"].as_str().expect("an id");
    let refunded = server.refund_with(&company, id, &json!({ "refundId": "half", "amount": 5000 })).good();
    holds(refunded["commissionAmount"] == 500 && refunded["affiliatePayout"] == 400, &refunded)?;
    let seen = server.decided(&company, id);
    holds(seen["explanation"]["termsVersion"] == 1, &seen)
}

fn event_ids(server: &Server, clock: &Clock) -> Result<(), String> {
    let company = server.company();
    let link = server.link(&company);
    let click = |id: &str| server.click_with(&with(click_body(&company, &link), json!({ "eventId": id }))).good();
    click("soon");
    click("late");
    clock.advance(HOUR - MINUTE);
    click("soon");
    clock.advance(2 * MINUTE);
    click("late");
    // All is counted once facts hold a click that came after.
    server.click(&company, &link);
    let counted = |wanted: u64| {
        let data = server.read_as(&company, "/companies/dashboard");
        holds(data["totalClicks"].as_u64() >= Some(wanted), &data)
    };
    within(SETTLED, || counted(3))?;
    within(SETTLED / 2, || counted(4))?;
    let clicks = server.read_as(&company, &format!("/links/{}/clicks", link.code));
    holds(counted(5).is_err(), format!("a repeated click was counted within the hour: {clicks}"))
}

fn settings(server: &Server, company: &Company, body: &Value) {
    server.send(&Request::new("PUT", "/companies/settings").key(&company.key).json(body)).good();
}

fn verify(token: &str) -> Request {
    Request::post("/auth/verify").json(&json!({ "token": token }))
}

fn status(server: &Server, request: &Request, wanted: u16) -> Result<(), String> {
    let reply = server.send(request);
    holds(reply.status == wanted, reply)
}
