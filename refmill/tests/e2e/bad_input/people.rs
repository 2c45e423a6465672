//! Rows of what companies and partners call.

use serde_json::{Value, json};

use super::ground::Ground;
use super::{Row, row};
use crate::account::{fresh, with};
use crate::http::Request;

pub(super) fn rows(ground: &Ground) -> Vec<Row> {
    let groups = [register, settings, sign_in, roles, links, lists, reviews, refunds];
    groups.iter().flat_map(|group| group(ground)).collect()
}

fn register(ground: &Ground) -> Vec<Row> {
    let with = |more: Value| {
        let body =
            json!({ "name": "A", "domain": "https://a.example", "email": format!("{}@example.com", fresh("new")) });
        Request::post("/companies/register").json(&with(body, more))
    };
    let bad = |what, more, says| row(what, with(more), 400, says);
    let rate = "commissionRate: takes a number from 0.01 to 1.00 with at most six decimals";
    vec![
        bad("no name", json!({ "name": null }), "name: takes a text of 1 to 255"),
        bad("a name of no characters", json!({ "name": "" }), "name: takes a text of 1 to 255"),
        bad("a name too long", json!({ "name": "x".repeat(256) }), "name: takes a text of 1 to 255"),
        bad("a name that is a number", json!({ "name": 7 }), "name: takes a text"),
        bad("NUL in a name", json!({ "name": "a\0b" }), "name: takes no U+0000"),
        bad("no e-mail", json!({ "email": null }), "email: takes an e-mail address"),
        bad("an e-mail that is none", json!({ "email": "nobody" }), "email: takes an e-mail address"),
        bad("no host", json!({ "domain": "not a host" }), "domain: takes a host"),
        bad("another scheme", json!({ "domain": "ftp://a.example" }), "domain: takes a host"),
        bad("a rate of zero", json!({ "commissionRate": 0 }), rate),
        bad("a rate over one", json!({ "commissionRate": 1.01 }), rate),
        bad("a negative rate", json!({ "commissionRate": -0.1 }), rate),
        bad("a rate as text", json!({ "commissionRate": "0.1" }), rate),
        bad("too many decimals", json!({ "commissionRate": 0.1234567 }), rate),
        row("a second company", with(json!({ "email": ground.company.email })), 409, "registered under this e-mail"),
        row("a company too large", with(json!({ "more": "x".repeat(200_000) })), 413, "bytes"),
        row(
            "a company as XML",
            Request::post("/companies/register").raw("application/xml", "<a/>"),
            415,
            "application/json",
        ),
    ]
}

fn settings(ground: &Ground) -> Vec<Row> {
    // What is good beside what is bad is not applied either.
    let bad = |what, more: Value, says| {
        let body = with(json!({ "commissionRate": 0.5 }), more);
        row(what, Request::new("PUT", "/companies/settings").token(&ground.token).json(&body), 400, says)
    };
    let deep: Value = (0..200).fold(json!(1), |inner, _| json!({ "a": inner }));
    vec![
        bad("no window", json!({ "attributionWindow": 0 }), "attributionWindow: takes a whole number from 1 to 90"),
        bad(
            "too wide a window",
            json!({ "attributionWindow": 91 }),
            "attributionWindow: takes a whole number from 1 to 90",
        ),
        bad("half a day", json!({ "attributionWindow": 1.5 }), "attributionWindow: takes a whole number"),
        bad(
            "too low a minimum",
            json!({ "payoutMinimum": 999 }),
            "payoutMinimum: takes a whole number from 1000 to 50000",
        ),
        bad("too high a minimum", json!({ "payoutMinimum": 50_001 }), "payoutMinimum: takes a whole number"),
        bad("an overflow", json!({ "payoutMinimum": u64::MAX }), "payoutMinimum: takes a whole number"),
        bad("an unknown schedule", json!({ "payoutSchedule": "daily" }), "payoutSchedule: takes \"weekly\""),
        bad("too low a rate", json!({ "commissionRate": 0.001 }), "commissionRate: takes a number from 0.01"),
        bad("a widget that is a list", json!({ "widgetConfig": [] }), "widgetConfig: takes an object"),
        bad(
            "a widget too large",
            json!({ "widgetConfig": { "a": "x".repeat(9000) } }),
            "widgetConfig: takes an object of at most",
        ),
        bad("a widget too deep", json!({ "widgetConfig": deep }), "widgetConfig: takes an object"),
    ]
}

fn sign_in(ground: &Ground) -> Vec<Row> {
    let magic = |body: Value| Request::post("/auth/magic-link").json(&body);
    let verify = |token: Value| Request::post("/auth/verify").json(&json!({ "token": token }));
    let used = "the magic link is unknown, expired or used";
    vec![
        row(
            "a link of no role",
            magic(json!({ "email": "a@example.com", "type": "root" })),
            400,
            "type: takes \"company\"",
        ),
        row("a link without a role", magic(json!({ "email": "a@example.com" })), 400, "type: takes"),
        row("a link to nobody", magic(json!({ "email": "nobody", "type": "company" })), 400, "email: takes an e-mail"),
        row("an invented link", verify(json!("0".repeat(43))), 401, used),
        row("a link used before", verify(json!(ground.used_link)), 401, used),
        row("no link", verify(json!(null)), 400, "token: takes a text"),
    ]
}

fn roles(ground: &Ground) -> Vec<Row> {
    let settings = Request::get("/companies/settings");
    let other_end = if ground.token.ends_with("AAA") { "AAE" } else { "AAA" };
    let broken = format!("{}{other_end}", &ground.token[..ground.token.len() - 3]);
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", ground.token.split('.').nth(1).expect("a token of three parts"));
    let rotate = Request::post("/companies/rotate-key");
    vec![
        row("nobody", settings.clone(), 401, "takes a bearer token"),
        row("a broken token", settings.clone().token(&broken), 401, "the token is invalid"),
        row("an unsigned token", settings.clone().token(&unsigned), 401, "the token is invalid"),
        row("a publishable key", settings.clone().key(&ground.company.publishable), 401, "no secret key"),
        row("a revoked key", settings.clone().key(&ground.revoked_key), 401, "revoked"),
        row("a postback key", settings.clone().key(&ground.postback_key), 401, "no secret key"),
        row("an affiliate's token", settings.token(&ground.affiliate_token), 403, "another role"),
        row("a company's token", Request::get("/affiliates/dashboard").token(&ground.token), 403, "another role"),
        row("a company's key", Request::get("/affiliates/dashboard").key(&ground.company.key), 401, "bearer token"),
        row("a key that makes keys", rotate.key(&ground.company.key), 401, "bearer token"),
        row("an unknown path", Request::get("/companies/nothing").token(&ground.token), 404, "no such path"),
        row("a wrong method", Request::new("DELETE", "/companies/settings").token(&ground.token), 405, "method"),
    ]
}

fn links(ground: &Ground) -> Vec<Row> {
    let make = |more: Value| {
        let body = with(json!({ "affiliateEmail": "a@example.com" }), more);
        Request::post("/companies/links").key(&ground.company.key).json(&body)
    };
    let join = |body: Value| Request::post("/affiliates/programs").token(&ground.affiliate_token).json(&body);
    let mine = json!({ "companyId": ground.company.id });
    let taken = json!({ "companyId": ground.stranger.id, "code": ground.link.code.to_uppercase() });
    let name = Request::new("PUT", "/affiliates/settings").token(&ground.affiliate_token);
    vec![
        row("a code too short", make(json!({ "code": "ab" })), 400, "code: takes 3 to 64"),
        row("a code that is taken", make(json!({ "code": ground.link.code.to_uppercase() })), 409, "taken"),
        row(
            "a link elsewhere",
            make(json!({ "destination": "https://evil.example/" })),
            400,
            "destination: takes an http(s) URL under",
        ),
        row("a link to nobody", make(json!({ "affiliateEmail": "nobody" })), 400, "affiliateEmail: takes an e-mail"),
        row("a program joined before", join(mine), 409, ""),
        row("a program with a taken code", join(taken), 409, "taken"),
        row("a program of nobody", join(json!({ "companyId": "cmp_nothing" })), 404, "no such"),
        row("no program", join(json!({})), 400, "companyId: takes"),
        row("a name too long", name.json(&json!({ "name": "x".repeat(256) })), 400, "name: takes a text of 1 to 255"),
    ]
}

fn lists(ground: &Ground) -> Vec<Row> {
    let get = |path: &str| Request::get(path.to_owned()).key(&ground.company.key);
    let mut rows = Vec::new();
    for query in ["page=0", "page=-1", "page=x", "page=99999999999"] {
        rows.push(row(
            "a page that is none",
            get(&format!("/companies/conversions?{query}")),
            400,
            "page: takes a whole number from 1",
        ));
    }
    for query in ["perPage=0", "perPage=10000", "perPage=-1"] {
        let says = "perPage: takes a whole number from 1 to 100";
        rows.push(row("a page of no such size", get(&format!("/companies/conversions?{query}")), 400, says));
        rows.push(row("a page of no such size", get(&format!("/companies/links?{query}")), 400, says));
        rows.push(row("a page of no such size", Request::get(format!("/programs?{query}")), 400, says));
    }
    for path in ["dashboard", "analytics", "outcomes"] {
        for days in ["0", "-1", "x", "366"] {
            let path = format!("/companies/{path}?days={days}");
            rows.push(row("days that are none", get(&path), 400, "days: takes a whole number from 1 to 365"));
        }
    }
    rows.push(row("an unknown status", get("/companies/conversions?status=paid"), 400, "status: takes"));
    rows.push(row("an unknown currency", get("/companies/dashboard?currency=XXZ"), 400, "currency: takes an ISO 4217"));
    let strangers = Request::get(format!("/links/{}/clicks", ground.link.code)).key(&ground.stranger.key);
    rows.push(row("another company's clicks", strangers, 404, "no such link"));
    rows.push(row("clicks of no code", get("/links/a%20b/clicks"), 400, "code: takes 3 to 64"));
    rows
}

fn reviews(ground: &Ground) -> Vec<Row> {
    let patch = |id: &str, key: &str, body: Value| {
        Request::new("PATCH", format!("/companies/conversions/{id}")).key(key).json(&body)
    };
    let key = &ground.company.key;
    let approve = json!({ "action": "approve" });
    vec![
        row(
            "a conversion resolved twice",
            patch(&ground.resolved, key, json!({ "action": "reject" })),
            409,
            "already approved or rejected",
        )
        .coded("ALREADY_RESOLVED"),
        row(
            "an unknown action",
            patch(&ground.resolved, key, json!({ "action": "maybe" })),
            400,
            "action: takes \"approve\"",
        ),
        row("no action", patch(&ground.resolved, key, json!({})), 400, "action: takes \"approve\""),
        row(
            "another company's conversion",
            patch(&ground.resolved, &ground.stranger.key, approve.clone()),
            404,
            "no such conversion",
        ),
        row("an invented conversion", patch("conv_nothing", key, approve), 404, "no such conversion"),
        row(
            "a look at another company's",
            Request::get(format!("/conversions/{}", ground.sold)).key(&ground.stranger.key),
            404,
            "no such",
        ),
    ]
}

fn refunds(ground: &Ground) -> Vec<Row> {
    let refund = |id: &str, key: &str, more: Value| {
        let body = with(json!({ "refundId": fresh("never") }), more);
        Request::post(format!("/conversions/{id}/refund")).key(key).json(&body)
    };
    let own = |more| refund(&ground.sold, &ground.company.key, more);
    let amount = "amount: takes a whole number from 1";
    vec![
        row("a refund of zero", own(json!({ "amount": 0 })), 400, amount),
        row("a negative refund", own(json!({ "amount": -1 })), 400, amount),
        row("a refund with decimals", own(json!({ "amount": 1.5 })), 400, amount),
        row("a refund as text", own(json!({ "amount": "5" })), 400, amount),
        row("a refund that overflows", own(json!({ "amount": u64::MAX })), 400, amount),
        row("more than is left", own(json!({ "amount": 4001 })), 400, "amount: takes at most what is left"),
        row("no refund id", own(json!({ "refundId": null })), 400, "refundId: takes a text of 1 to 255"),
        row("the same refund again", own(json!({ "refundId": "r-1", "amount": 1000 })), 409, "refund"),
        row(
            "a refund of another company's",
            refund(&ground.sold, &ground.stranger.key, json!({})),
            404,
            "no such conversion",
        ),
        row("a refund of nothing", refund("conv_nothing", &ground.company.key, json!({})), 404, "no such conversion"),
    ]
}
