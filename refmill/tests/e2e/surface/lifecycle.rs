//! The end of a process with requests under way, and the next one on the same folder.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use crate::account::{click_body, sale_body};
use crate::http::{Connection, Request};
use crate::server::Launch;
use crate::site::Site;
use crate::stall::Stall;
use crate::wait::{eventually, holds};

const UNDER_WAY: usize = 24;
const REFUSES_WITHIN: Duration = Duration::from_secs(5);

#[test]
fn sigterm_finishes_what_is_under_way() {
    let site = Site::new();
    let stall = Stall::new(&site);
    let mut server = stall.on(Launch::new()).start(&site);
    let company = server.company();
    let link = server.link(&company);
    server.click(&company, &link);
    stall.begin();
    let requests = (0..UNDER_WAY).map(|n| {
        let mut connection = server.connect();
        let sale = Request::post("/track/conversion").key(&company.key).json(&sale_body(&link));
        let click = Request::post("/track/click").json(&click_body(&company, &link));
        connection.write_request(if n % 2 == 0 { &click } else { &sale }).expect("sent");
        connection
    });
    let mut requests: Vec<Connection> = requests.collect();
    eventually(REFUSES_WITHIN, "all requests are read", || holds(unread(server.address) == 0, unread(server.address)));
    server.signal("-TERM");
    let address = server.address;
    eventually(REFUSES_WITHIN, "nobody new is let in", || {
        let newcomer =
            Connection::open(address, None).and_then(|mut connection| connection.send(&Request::get("/healthz")));
        holds(newcomer.is_err(), newcomer)
    });
    stall.end();
    for connection in &mut requests {
        let reply = connection.read(false).expect("an answer before the end");
        assert!(matches!(reply.status, 200 | 202), "{reply:?}");
    }
    assert!(server.ended().success());

    let server = Launch::new().start(&site);
    let half = UNDER_WAY as u64 / 2;
    server.dashboard_says(&company, half + 1, half);
}

#[test]
fn the_next_start_knows_everything() {
    let site = Site::new();
    // Links name it, whatever port a process gets.
    let launch = Launch::new().set("--public-url", "https://go.example.com");
    let server = launch.start(&site);
    let company = server.company();
    let link = server.link(&company);
    let receipt = server.click(&company, &link);
    let token = server.sign_in(&company.email, "company");
    let sale = server.sale(&company, &link);
    let id = sale["conversionId"].as_str().expect("an id").to_owned();
    server.refund_with(&company, &id, &json!({ "refundId": "r-1", "amount": 3333 })).good();
    // Facts come in the log's order: with this click they have the refund too.
    server.click(&company, &link);
    server.dashboard_says(&company, 2, 1);
    let paths = [
        "/companies/dashboard",
        "/companies/analytics?days=2",
        "/companies/settings",
        "/companies/conversions",
        "/companies/links",
        "/companies/outcomes",
        "/balances",
        &format!("/conversions/{id}"),
        &format!("/links/{}/clicks", link.code),
    ]
    .map(str::to_owned);
    let all = |server: &crate::server::Server| paths.clone().map(|path| server.read_as(&company, &path));
    let before = all(&server);
    server.stop();

    let server = launch.start(&site);
    for ((path, before), after) in paths.iter().zip(&before).zip(all(&server)) {
        assert_eq!(without_clock(before), without_clock(&after), "{path}");
    }
    assert_eq!(server.send(&Request::get("/companies/settings").token(&token)).status, 200, "the token is good still");
    let body = crate::account::with(sale_body(&link), json!({ "clickId": receipt }));
    assert_eq!(server.sale_with(&company, &body).good()["affiliatePayout"], 800, "the receipt is good still");
    let again = json!({ "refundId": "r-1", "amount": 3333 });
    assert_eq!(server.refund_with(&company, &id, &again).status, 409, "the refund is known still");
    server.dashboard_says(&company, 2, 2);
    server.stop();
}

/// Bytes that were sent to this address and that its process has not read, as the kernel tells.
fn unread(address: SocketAddr) -> u64 {
    let sockets = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's sockets");
    let own = format!("0100007F:{:04X}", address.port());
    let of_server =
        sockets.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).filter(|fields| fields[1] == own);
    let waiting = of_server.filter_map(|fields| u64::from_str_radix(fields[4].split_once(':')?.1, 16).ok());
    waiting.sum()
}

/// As it is, but for the days of a day's end between two looks.
fn without_clock(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(fields) = value.as_object_mut() {
        fields.remove("daily");
        fields.remove("outcomes");
    }
    value
}
