//! `POST /track/batch`: up to [`EVENTS_MAX`] clicks and conversions in one request, answered one by one and taken all or none.

use std::net::SocketAddr;

use http::{HeaderMap, Response, header};
use schemas::{
    decision::EventKind,
    event::{Body, Event},
    time::TimeMs,
};
use serde_json::{Value, json, value::RawValue};
use stores::log::Class;

use crate::{
    answer::{Page, error, ok},
    click, conversion,
    edge::Edge,
    fields::{Fields, missing},
    limiter::RetryAfter,
    refusal::{EdgeRefusal, Invalid},
    snapshot::{Credential, Snapshot},
};

pub(crate) const EVENTS_MAX: usize = 1_000;

/// What all items of a batch share.
struct Sender<'a> {
    edge: &'a Edge,
    snapshot: &'a Snapshot,
    /// The company whose secret key came with the batch, or why a conversion in it is refused.
    caller: Result<Credential, EdgeRefusal>,
    visitor: click::Visitor,
    now: TimeMs,
}

/// An item's answer, and its event if it is taken.
struct Taken {
    status: u16,
    data: Value,
    event: Option<Event>,
}

pub(crate) async fn answer(
    edge: &Edge,
    headers: &HeaderMap,
    peer: SocketAddr,
    body: &[u8],
) -> Result<Response<Page>, EdgeRefusal> {
    let items = split(headers, body)?;
    if items.len() > EVENTS_MAX {
        return Err(EdgeRefusal::TooManyEvents { limit: EVENTS_MAX });
    }
    let now = (edge.now)();
    let snapshot = edge.follower.current();
    let secret = headers.get("x-api-key").and_then(|value| value.to_str().ok());
    let caller = secret.and_then(|secret| snapshot.credential(secret));
    let caller = caller.filter(|caller| caller.kind == schemas::catalog::CredentialKind::Secret);
    let visitor = click::visitor(edge, headers, peer, now)?;
    let no_key = secret.map_or(EdgeRefusal::NoKey, |secret| edge.follower.bad_key(secret, EdgeRefusal::NoKey));
    let caller = caller.ok_or(no_key);
    let sender = Sender { edge, snapshot: &snapshot, caller, visitor, now };

    let mut results = Vec::with_capacity(items.len());
    let mut events = Vec::with_capacity(items.len());
    for item in items {
        match take(&sender, item) {
            Ok(taken) => {
                results.push(json!({ "status": taken.status, "data": taken.data }));
                events.extend(taken.event);
            }
            Err(refusal) => results.push(json!({ "status": refusal.status().as_u16(), "error": error(&refusal) })),
        }
    }
    append(edge, events).await?;
    Ok(ok(&json!({ "results": results })))
}

/// The items' texts: a JSON array's, or NDJSON's lines.
fn split<'a>(headers: &HeaderMap, body: &'a [u8]) -> Result<Vec<&'a str>, Invalid> {
    let body = std::str::from_utf8(body).map_err(|_| Invalid::new("body", "takes JSON in UTF-8"))?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/x-ndjson") {
        return Ok(body.lines().filter(|line| !line.trim().is_empty()).collect());
    }
    let items: Vec<&RawValue> =
        serde_json::from_str(body).map_err(|_| Invalid::new("body", "takes an array of events"))?;
    Ok(items.into_iter().map(RawValue::get).collect())
}

fn take(sender: &Sender<'_>, item: &str) -> Result<Taken, EdgeRefusal> {
    let fields = Fields::parse(item.as_bytes())?;
    let kind = fields.text("type", 0, 64)?;
    if let Ok(caller) = sender.caller {
        let kind = if kind.as_deref() == Some("click") { EventKind::Click } else { EventKind::Sale };
        conversion::within_limit(sender.edge, caller, kind)?;
    }
    match kind.as_deref() {
        Some("click") => take_click(sender, &fields),
        Some("conversion") => take_conversion(sender, &fields),
        Some(_) => Err(Invalid::new("type", "takes \"click\" or \"conversion\"").into()),
        None => Err(missing("type").into()),
    }
}

fn take_click(sender: &Sender<'_>, fields: &Fields<'_>) -> Result<Taken, EdgeRefusal> {
    let edge = sender.edge;
    let said = click::from_fields(fields).and_then(click::checked)?;
    let unknown = || edge.follower.unknown(EdgeRefusal::UnknownCode { field: "code" });
    let link = sender.snapshot.link_by_code(&said.code).ok_or_else(unknown)?;
    if sender.snapshot.company(link.company).is_none_or(|company| company.paused) {
        edge.count_refused(link.company, EventKind::Click);
        return Ok(Taken { status: 200, data: json!({ "tracked": false }), event: None });
    }
    // With its key the link's company has vouched for its own clicks; they count against the key, which was charged above.
    let vouched = sender.caller.as_ref().ok().filter(|caller| caller.company == link.company);
    if vouched.is_none() {
        edge.clicks.check(sender.visitor.address_key).map_err(|RetryAfter { seconds }| {
            edge.count_refused(link.company, EventKind::Click);
            EdgeRefusal::RateLimited { retry_after_s: u32::try_from(seconds).unwrap_or(u32::MAX) }
        })?;
    }
    let key = vouched.map(|caller| caller.id);
    let (receipt, event) = click::stamp(edge, &said, &link, sender.visitor, key, sender.now)
        .inspect_err(|_| edge.count_refused(link.company, EventKind::Click))?;
    Ok(Taken { status: 200, data: json!({ "tracked": true, "clickId": receipt.to_string() }), event: Some(event) })
}

fn take_conversion(sender: &Sender<'_>, fields: &Fields<'_>) -> Result<Taken, EdgeRefusal> {
    let caller = sender.caller.clone()?;
    let made = conversion::from_fields(fields, sender.now)
        .map_err(EdgeRefusal::from)
        .and_then(|said| conversion::stamp(sender.edge, caller, said, sender.now));
    let (conversion, event) = made.inspect_err(|_| sender.edge.count_refused(caller.company, EventKind::Sale))?;
    Ok(Taken { status: 202, data: conversion::accepted(conversion), event: Some(event) })
}

/// Appends all of them or none.
async fn append(edge: &Edge, events: Vec<Event>) -> Result<(), EdgeRefusal> {
    if events.is_empty() {
        return Ok(());
    }
    let class =
        if events.iter().any(|event| matches!(event.body, Body::Sale(_))) { Class::Conversion } else { Class::Click };
    let owners: Vec<_> =
        events.iter().map(|event| (event.body.company(), matches!(event.body, Body::Click(_)))).collect();
    let outcome = edge.append_all(class, events).await.map(drop);
    if outcome.is_err() {
        for (company, is_click) in owners {
            let kind = if is_click { EventKind::Click } else { EventKind::Sale };
            if let Some(company) = company {
                edge.count_refused(company, kind);
            }
        }
    }
    outcome
}
