//! What must be there before the measured time: a click for each order, and an order for each refund.

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::Full;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    chance::{of_text, spread},
    render::{address, link_of_order},
    stream::value_minor,
    world::{Names, Needs, Prepared, Receipt, World},
};
use crate::{aim::Aim, client::Connection, record::Load};

/// Of one request. As many as an address may click at once, and half as many again.
const AT_ONCE: u64 = 500;
/// Beside those of clicks: an order that is refunded has a place of its own among all.
const REFUNDED_FROM: u64 = 1 << 40;
/// Far from those of the load.
const VISITORS_FROM: u64 = 1 << 23;

/// Sends what the load needs and keeps the names that it was given.
pub(crate) async fn prepare(target: &Aim, load: &Load, requests: u64, names: Names) -> anyhow::Result<World> {
    let needs = Needs::of(load.scenario, requests, load.events_a_request);
    if needs == (Needs { orders: 0, refunds: 0 }) {
        return Ok(World { names, ..World::default() });
    }
    ensure!(names.key.is_some(), "orders need the company's secret key: name it with --key");
    let mut connection = Connection::to(target.clone());
    let mut clicks = Vec::with_capacity(needs.orders as usize);
    for (from, to) in in_parts(needs.orders) {
        clicks.extend(click_ids(&mut connection, &names, from..to, from).await?);
    }
    let mut orders = Vec::with_capacity(needs.refunds as usize);
    for (from, to) in in_parts(needs.refunds) {
        let indices = REFUNDED_FROM + from..REFUNDED_FROM + to;
        let receipts = click_ids(&mut connection, &names, indices.clone(), needs.orders + from).await?;
        orders.extend(conversions(&mut connection, &names, indices, &receipts).await?);
    }
    Ok(World { names, receipts: clicks.into(), orders: orders.into() })
}

fn in_parts(all: u64) -> impl Iterator<Item = (u64, u64)> {
    (0..all).step_by(AT_ONCE as usize).map(move |from| (from, all.min(from + AT_ONCE)))
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    results: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    status: u16,
    data: Option<Ids>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ids {
    click_id: Option<String>,
    conversion_id: Option<String>,
}

/// A click for each order of these, in their order.
async fn click_ids(
    connection: &mut Connection,
    names: &Names,
    orders: std::ops::Range<u64>,
    visitor: u64,
) -> anyhow::Result<Vec<Receipt>> {
    let codes = &names.codes;
    let click = |index| {
        json!({
            "type": "click",
            "code": codes[link_of_order(index, codes.len())],
            "landingPage": format!("https://demo-store.example/p/{}", spread(index) % 500),
        })
    };
    let visitor = of_text(&names.run).wrapping_add(VISITORS_FROM + visitor);
    let answer = send(connection, None, visitor, orders.map(click).collect()).await?;
    let receipt = |line: Line| {
        let id =
            line.data.and_then(|ids| ids.click_id).with_context(|| format!("a click was answered {}", line.status));
        Receipt::try_from(id?.as_bytes()).context("a click id has 64 characters")
    };
    answer.into_iter().map(receipt).collect()
}

async fn conversions(
    connection: &mut Connection,
    names: &Names,
    indices: std::ops::Range<u64>,
    receipts: &[Receipt],
) -> anyhow::Result<Vec<Prepared>> {
    let codes = &names.codes;
    let order = |(index, receipt): (u64, &Receipt)| {
        json!({
            "type": "conversion",
            "orderId": format!("bench-{}-{index}", names.run),
            "orderValue": value_minor(index),
            "currency": "USD",
            "affiliateCode": codes[link_of_order(index, codes.len())],
            "clickId": String::from_utf8_lossy(receipt),
            "customerId": format!("customer-{}-{index}", names.run),
        })
    };
    let lines = indices.clone().zip(receipts).map(order).collect();
    let answer = send(connection, names.key.as_deref(), 0, lines).await?;
    let conversion = |(index, line): (u64, Line)| {
        let id = line.data.and_then(|ids| ids.conversion_id);
        let conversion = id.with_context(|| format!("an order was answered {}", line.status))?;
        Ok(Prepared { conversion, value_minor: value_minor(index) })
    };
    indices.zip(answer).map(conversion).collect()
}

async fn send(
    connection: &mut Connection,
    key: Option<&str>,
    visitor: u64,
    events: Vec<Value>,
) -> anyhow::Result<Vec<Line>> {
    let [a, b, c, d] = address(visitor);
    let count = events.len();
    let mut request = Request::post("/track/batch")
        .header(header::USER_AGENT, "Mozilla/5.0 (X11; Linux x86_64) Chrome/142.0.0.0 Safari/537.36")
        .header("x-forwarded-for", format!("{a}.{b}.{c}.{d}"));
    if let Some(key) = key {
        let mut key = HeaderValue::from_str(key)?;
        key.set_sensitive(true);
        request = request.header("x-api-key", key);
    }
    let body = Full::from(Bytes::from(Value::from(events).to_string()));
    let (status, answer) = connection.ask(request.body(body)?).await?;
    ensure!(status == StatusCode::OK, "a batch was answered {status}: {}", String::from_utf8_lossy(&answer));
    let answer: Answer = serde_json::from_slice(&answer).context("a batch is answered with results")?;
    let lines = answer.data.results;
    ensure!(lines.len() == count, "{count} events were answered with {} results", lines.len());
    Ok(lines)
}
