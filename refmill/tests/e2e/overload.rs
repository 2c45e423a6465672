//! The log's disk does not finish: what may wait is bounded, clicks are shed first, and all that was taken is there afterwards.

use std::time::Duration;

use serde_json::{Value, json};

use crate::account::{Company, Link, click_body, sale_body, with};
use crate::http::{Connection, Reply, Request};
use crate::server::{Launch, Server};
use crate::site::Site;
use crate::stall::Stall;
use crate::wait::{SETTLED, eventually, holds, within};

const CLICK_DEPTH: usize = 64;
const CONVERSION_DEPTH: usize = 128;
/// Sent beyond a depth.
const MORE: usize = 40;
/// The queue is shared with the process's own events: a tick, a count of refusals.
const OWN_EVENTS: usize = 8;
/// What the process may come to hold however much is sent meanwhile.
const MEMORY_KB: u64 = 160 << 10;
/// One connection each.
const FLOOD_BATCHES: usize = 150;
/// What is kept takes that much memory by far.
const UNBOUNDED_FLOOD_BATCHES: usize = 400;
const BATCH_EVENTS: usize = 1_000;
/// What is said where it holds too much.
const HELD: &str = "it held";
const REFUSED_WITHIN: Duration = Duration::from_secs(10);
/// A flood is much to read for a busy machine. What waits meanwhile is answered after 30 s, whatever it waits for.
const FLOODED_WITHIN: Duration = Duration::from_secs(25);

struct Waiting(Vec<Connection>);

#[test]
fn with_the_log_stalled_clicks_are_shed_first_and_nothing_taken_is_lost() {
    let site = Site::new();
    let stall = Stall::new(&site);
    let server = stall.on(bounded(CLICK_DEPTH, CONVERSION_DEPTH)).start(&site);
    let company = server.company();
    let link = server.link(&company);
    server.click(&company, &link);
    server.dashboard_says(&company, 1, 0);

    stall.begin();
    let mut clicks = shed(&server, &click(&company, &link), CLICK_DEPTH, 0).expect("clicks are shed");
    let taken = CLICK_DEPTH - clicks.0.len();
    assert!(taken <= OWN_EVENTS, "{taken} places of {CLICK_DEPTH} are not clicks");
    goes_on_without_the_log(&server, &company, &link);
    let sales = || sale(&company, &link);
    let mut sales =
        shed_each(&server, sales, CONVERSION_DEPTH - CLICK_DEPTH, OWN_EVENTS).expect("sales are shed later");
    stays_small(&server, &company, &link, FLOOD_BATCHES).expect("memory is bounded");
    stall.end();

    let (clicks, sales) = (taken_of(clicks.answers()), taken_of(sales.answers()));
    let (clicked, sold) = (clicks.len() as u64, sales.len() as u64);
    assert!(clicks.iter().all(|click| click["tracked"] == true));
    for sale in sales {
        server.decided(&company, sale["conversionId"].as_str().expect("an id"));
    }
    server.click(&company, &link);
    let sale = server.sale(&company, &link);
    assert_eq!(sale["affiliatePayout"], 800, "back to normal");
    server.dashboard_says(&company, clicked + 2, sold + 1);
    // What was refused is counted too: all together are what was sent, the visit above among them.
    let sent_clicks = CLICK_DEPTH + MORE + FLOOD_BATCHES * BATCH_EVENTS + 3;
    let sent_sales = CONVERSION_DEPTH - CLICK_DEPTH + MORE + 1;
    eventually(SETTLED, "the outcomes add up to what was sent", || {
        let outcomes = server.read_as(&company, "/companies/outcomes");
        let total = |kind: &str| {
            let of_kind = outcomes["totals"].as_array()?.iter().find(|of| of["kind"] == kind)?;
            of_kind["total"].as_u64()
        };
        let totals = (total("click"), total("sale"));
        holds(totals == (Some(sent_clicks as u64), Some(sent_sales as u64)), (totals, sent_clicks, sent_sales))
    });
    server.stop();
}

#[test]
fn a_queue_without_a_bound_is_caught() {
    let site = Site::new();
    let stall = Stall::new(&site);
    let server = stall.on(bounded(1 << 20, 1 << 20)).start(&site);
    let company = server.company();
    let link = server.link(&company);
    stall.begin();
    assert!(shed(&server, &click(&company, &link), CLICK_DEPTH, 0).is_err(), "nothing was shed");
    let grew = stays_small(&server, &company, &link, UNBOUNDED_FLOOD_BATCHES).expect_err("memory grew");
    assert!(grew.contains(HELD), "{grew}");
    stall.end();
}

fn bounded(clicks: usize, conversions: usize) -> Launch {
    Launch::new().set("--click-queue-depth", clicks).set("--conversion-queue-depth", conversions)
}

fn click(company: &Company, link: &Link) -> Request {
    Request::post("/track/click").json(&click_body(company, link))
}

fn sale(company: &Company, link: &Link) -> Request {
    Request::post("/track/conversion").key(&company.key).json(&sale_body(link))
}

fn shed(server: &Server, request: &Request, depth: usize, slack: usize) -> Result<Waiting, String> {
    shed_each(server, || request.clone(), depth, slack)
}

/// Sends more than may wait: what is beyond the depth is told at once to come back, the rest waits and is given back.
fn shed_each(server: &Server, request: impl Fn() -> Request, depth: usize, slack: usize) -> Result<Waiting, String> {
    let mut waiting: Vec<Connection> = (0..depth + MORE).map(|_| server.connect()).collect();
    for connection in &mut waiting {
        connection.write_request(&request()).map_err(|error| error.to_string())?;
    }
    let mut refused = Vec::new();
    within(REFUSED_WITHIN, || {
        let (answered, still) = waiting.drain(..).partition(|connection| connection.has_answer().expect("open"));
        waiting = still;
        refused.extend(Waiting(answered).answers());
        holds(refused.len() >= MORE, format!("{} of {} were refused", refused.len(), depth + MORE))
    })?;
    for reply in &refused {
        holds(is_shed(reply), reply)?;
    }
    let (least, most) = (depth.saturating_sub(OWN_EVENTS), depth + slack);
    holds((least..=most).contains(&waiting.len()), format!("{} wait, not {least} to {most}", waiting.len()))?;
    Ok(Waiting(waiting))
}

fn is_shed(reply: &Reply) -> bool {
    let after = reply.header("retry-after").and_then(|after| after.parse::<u64>().ok());
    reply.status == 503 && reply.code() == "UNAVAILABLE" && after.is_some_and(|after| after > 0)
}

/// What was taken. The process's own events take places as well, so a few more may have been shed, a moment after the others.
fn taken_of(replies: Vec<Reply>) -> Vec<Value> {
    let (shed, taken): (Vec<Reply>, Vec<Reply>) = replies.into_iter().partition(is_shed);
    assert!(shed.len() <= OWN_EVENTS, "{} of {} were shed late", shed.len(), shed.len() + taken.len());
    taken.iter().map(Reply::good).collect()
}

/// Far more than memory could hold, if it were kept.
fn stays_small(server: &Server, company: &Company, link: &Link, batches: usize) -> Result<(), String> {
    let item = with(click_body(company, link), json!({ "type": "click", "utmCampaign": "x".repeat(60) }));
    let batch = Request::post("/track/batch").json(&Value::Array(vec![item; BATCH_EVENTS]));
    let mut flood: Vec<Connection> = (0..batches).map(|_| server.connect()).collect();
    for connection in &mut flood {
        connection.write_request(&batch).map_err(|error| error.to_string())?;
    }
    let held = || server.memory_kb("VmRSS");
    let mut most = 0;
    within(FLOODED_WITHIN, || {
        most = most.max(held());
        let answered = flood.iter().filter(|connection| connection.has_answer().expect("open")).count();
        let over = held() >= MEMORY_KB;
        holds(answered == flood.len() || over, format!("{answered} of {} were answered, {most} kB held", flood.len()))
    })?;
    most = most.max(held());
    holds(most < MEMORY_KB, format!("{HELD} {most} kB"))
}

/// Reads are answered, and who follows a link arrives, without a receipt.
fn goes_on_without_the_log(server: &Server, company: &Company, link: &Link) {
    assert_eq!(server.send(&Request::get("/healthz")).status, 200);
    assert_eq!(server.read_as(company, "/companies/dashboard")["totalClicks"], 1);
    let visit = server.send(&Request::get(format!("/r/{}", link.code)));
    let to = visit.header("location").unwrap_or_default();
    assert!(visit.status == 302 && to.contains(&company.domain) && !to.contains("rm_click"), "{visit:?}");
}

impl Waiting {
    fn answers(&mut self) -> Vec<Reply> {
        self.0.iter_mut().map(|connection| connection.read(false).expect("an answer")).collect()
    }
}
