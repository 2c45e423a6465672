//! Every example of Refuel's documentation, run as it is printed: only base URL, token, key and id are put in.

mod document;
mod shape;

use std::process::Command;

use serde_json::{Value, json};

use crate::account::{Company, Link, click_body, with};
use crate::http::Request;
use crate::server::{Launch, Server};
use crate::site::Site;
use crate::wait::{SETTLED, eventually};
use document::{Endpoint, endpoints};

const BASE: &str = "https://api.refuel.dev";
/// Whose mail the examples ask for.
const OWNER: &str = "you@example.com";
const EXAMPLES: usize = 17;

/// What the examples stand on: a company with clicks, sales and one that waits for review.
struct Ground {
    server: Server,
    company: Company,
    company_token: String,
    affiliate_token: String,
    pending: String,
}

#[test]
fn every_example_answers_as_documented() {
    let site = Site::new();
    let mut ground = ground(&site);
    let endpoints = endpoints();
    assert_eq!(endpoints.len(), EXAMPLES);
    for endpoint in &endpoints {
        let answer = run(&ground, endpoint);
        let wrong = shape::differences(&endpoint.response, &answer);
        assert!(wrong.is_empty(), "{}: {wrong:?} in {answer}", endpoint.name);
        match endpoint.name.as_str() {
            // The examples after these are of an active program, and with a key that lives.
            "POST/companies/rotate-key" => {
                ground.company.key = answer["data"]["apiKey"].as_str().expect("a key").to_owned();
            }
            "POST/companies/pause" => assert_eq!(run(&ground, endpoint)["data"]["status"], "active"),
            "POST/track/click" => assert_eq!(answer["data"]["tracked"], true),
            "POST/track/conversion" => {
                let data = &answer["data"];
                assert_eq!((&data["commissionAmount"], &data["affiliatePayout"]), (&json!(1500), &json!(1200)));
            }
            _ => {}
        }
    }
}

fn ground(site: &Site) -> Ground {
    let server = Launch::new().start(site);
    let body = json!({ "name": "Acme Store", "domain": "https://acme.com", "email": OWNER });
    let data = server.send(&Request::post("/companies/register").json(&body)).good();
    let text = |name: &str| data[name].as_str().expect("a text").to_owned();
    let company = Company {
        id: text("id"),
        key: text("apiKey"),
        publishable: text("publishableKey"),
        email: OWNER.to_owned(),
        domain: "acme.com".to_owned(),
    };
    let partner = "aff@example.com";
    let request = Request::post("/companies/links").key(&company.key);
    server.send(&request.json(&json!({ "affiliateEmail": partner, "name": "Jane", "code": "abc123" }))).good();
    let link = Link { code: "abc123".to_owned(), partner_email: partner.to_owned() };
    server.click_with(&with(click_body(&company, &link), json!({ "utmSource": "twitter" }))).good();
    let sale = |more: Value| {
        let body = json!({ "orderValue": 9999, "affiliateCode": "abc123" });
        server.sale_with(&company, &with(body, more)).good()
    };
    sale(json!({ "orderId": "order_123" }));
    let held = sale(json!({ "orderId": "order_124", "customerEmail": partner }));
    assert_eq!(held["status"], "pending", "{held}");
    let pending = held["conversionId"].as_str().expect("an id").to_owned();
    server.dashboard_says(&company, 1, 2);
    // The documented company has dressed its widget before.
    let widget = json!({ "widgetConfig": { "position": "bottom-right", "accentColor": "#F0A500" } });
    server.send(&Request::new("PUT", "/companies/settings").key(&company.key).json(&widget)).good();
    let company_token = server.sign_in(OWNER, "company");
    let affiliate_token = server.sign_in(partner, "affiliate");
    let name = Request::new("PUT", "/affiliates/settings").token(&affiliate_token).json(&json!({ "name": "Jane" }));
    server.send(&name).good();
    eventually(SETTLED, "the partner's earnings follow", || {
        let earned = server.send(&Request::get("/affiliates/earnings").token(&affiliate_token)).good();
        if earned["byCompany"] == json!([]) { Err(earned.to_string()) } else { Ok(()) }
    });
    Ground { server, company, company_token, affiliate_token, pending }
}

/// Runs the printed command in a shell and gives what it answers.
fn run(ground: &Ground, endpoint: &Endpoint) -> Value {
    let token = if endpoint.name.contains("/affiliates/") { &ground.affiliate_token } else { &ground.company_token };
    let mut command = endpoint.example.clone();
    for (printed, own) in [
        (BASE, format!("http://{}", ground.server.address)),
        ("YOUR_JWT_TOKEN", token.clone()),
        ("sk_your_secret_key", ground.company.key.clone()),
        ("conv_xyz", ground.pending.clone()),
    ] {
        command = command.replace(printed, &own);
    }
    if command.contains("your_magic_link_token") {
        command = command.replace("your_magic_link_token", &ground.server.magic_link(OWNER, "company"));
    }
    let output = Command::new("sh").args(["-c", &format!("{command} --silent --show-error --fail-with-body")]).output();
    let output = output.expect("a shell and curl");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}{errors}\n{command}", endpoint.name);
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{}: {error}: {said}", endpoint.name))
}
