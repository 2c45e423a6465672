//! `POST /track/batch`: up to [`EVENTS_MAX`] clicks and conversions in one request, answered one by one and taken all or none.

use std::{net::SocketAddr, sync::Arc};

use http::{HeaderMap, Response, header};
use schemas::{
    code::Code,
    decision::EventKind,
    event::{Body, Event},
    ids::{ConversionId, KeyId},
    receipt::Receipt,
};
use serde_json::{json, value::RawValue};
use stores::log::Class;

use crate::{
    answer::{BATCH_BEGIN, Page, begin_batch, end_batch, error, push_tracked},
    click, conversion,
    edge::Edge,
    fields::{Fields, missing},
    in_place::in_place,
    refusal::{EdgeRefusal, Invalid},
    snapshot::{Credential, Link, Snapshot},
};

pub(crate) const EVENTS_MAX: usize = 1_000;

/// Arrays and objects that are followed within one another; a batch of clicks needs one for each and one for all.
const OPENINGS_MAX: usize = 2 * EVENTS_MAX;

/// What all items of a batch share.
struct Sender<'a> {
    edge: &'a Edge,
    snapshot: Arc<Snapshot>,
    /// The company whose secret key came with the batch, or why a conversion in it is refused.
    caller: Result<Credential, EdgeRefusal>,
    visitor: click::Visitor,
}

/// What an item that is not refused is answered.
enum Answered {
    Tracked(Receipt),
    NotTracked,
    Processing(ConversionId),
}

/// The answer so far, an item's behind the other's, and the events of those that are taken.
pub(crate) struct Taken {
    answer: String,
    events: Vec<Event>,
}

/// About as long as a click's answer.
const RESULT_CHARS: usize = 128;

/// Appends what was taken and says what became of each item.
pub(crate) async fn answer(edge: &Edge, taken: Taken) -> Result<Response<Page>, EdgeRefusal> {
    append(edge, taken.events).await?;
    Ok(end_batch(taken.answer))
}

/// Reads a batch, looks up what its items name, and stamps those that are taken.
pub(crate) fn take_all(edge: &Edge, headers: &HeaderMap, peer: SocketAddr, body: &[u8]) -> Result<Taken, EdgeRefusal> {
    let is_lines = content_type(headers).eq_ignore_ascii_case("application/x-ndjson");
    if !is_lines
        && let Some(taken) = clicks_alone(body, |clicks| take_clicks(&Sender::of(edge, headers, peer)?, clicks))
    {
        return taken;
    }
    let items = if is_lines { lines(body)? } else { array(body)? };
    if items.len() > EVENTS_MAX {
        return Err(EdgeRefusal::TooManyEvents { limit: EVENTS_MAX });
    }
    let sender = Sender::of(edge, headers, peer)?;
    let mut taken = Taken::of(items.len());
    for item in items {
        taken.add(take(&sender, item));
    }
    Ok(taken)
}

impl<'a> Sender<'a> {
    fn of(edge: &'a Edge, headers: &HeaderMap, peer: SocketAddr) -> Result<Sender<'a>, EdgeRefusal> {
        let now = (edge.now)();
        let snapshot = edge.follower.current();
        let secret = headers.get("x-api-key").and_then(|value| value.to_str().ok());
        let caller = secret.and_then(|secret| snapshot.credential(secret));
        let caller = caller.filter(|caller| caller.kind == schemas::catalog::CredentialKind::Secret);
        let visitor = click::visitor(edge, headers, peer, now)?;
        let no_key = || secret.map_or(EdgeRefusal::NoKey, |secret| edge.follower.bad_key(secret, EdgeRefusal::NoKey));
        let caller = caller.ok_or_else(no_key);
        Ok(Sender { edge, snapshot, caller, visitor })
    }

    fn named(&self, code: &Code) -> Result<Option<Named<'_>>, EdgeRefusal> {
        let unknown = || self.edge.follower.unknown(EdgeRefusal::UnknownCode { field: "code" });
        let link = self.snapshot.link_by_code(code).ok_or_else(unknown)?;
        if self.snapshot.company(link.company).is_none_or(|company| company.paused) {
            self.edge.count_refused(link.company, EventKind::Click);
            return Ok(None);
        }
        let vouched = self.caller.as_ref().ok().filter(|caller| caller.company == link.company);
        Ok(Some(Named { link, vouched: vouched.map(|caller| caller.id) }))
    }
}

impl Taken {
    fn of(items: usize) -> Taken {
        Taken { answer: begin_batch(items * RESULT_CHARS), events: Vec::with_capacity(items) }
    }

    fn add(&mut self, item: Result<(Answered, Option<Event>), EdgeRefusal>) {
        let text = &mut self.answer;
        if text.len() > BATCH_BEGIN.len() {
            text.push(',');
        }
        match item {
            Ok((answered, event)) => {
                answered.push_to(text);
                self.events.extend(event);
            }
            Err(refusal) => {
                text.push_str(&json!({ "status": refusal.status().as_u16(), "error": error(&refusal) }).to_string());
            }
        }
    }
}

impl Answered {
    fn push_to(&self, text: &mut String) {
        match self {
            Answered::Tracked(receipt) => {
                text.push_str(r#"{"status":200,"data":"#);
                push_tracked(text, receipt);
                text.push('}');
            }
            Answered::NotTracked => text.push_str(r#"{"status":200,"data":{"tracked":false}}"#),
            Answered::Processing(conversion) => {
                text.push_str(&json!({ "status": 202, "data": conversion::accepted(*conversion) }).to_string());
            }
        }
    }
}

/// Nothing but sound clicks, which is what browsers send: read in one go. None where anything is amiss or not a click; then it is
/// looked at one by one.
fn clicks_alone<R>(body: &[u8], then: impl FnOnce(&[click::Said<'_>]) -> R) -> Option<R> {
    in_place(body, OPENINGS_MAX, |copy, buffers| {
        let raws: Vec<click::Raw<'_>> = simd_json::serde::from_slice_with_buffers(copy, buffers).ok()?;
        if raws.len() > EVENTS_MAX {
            return None;
        }
        let mut clicks = Vec::with_capacity(raws.len());
        for raw in &raws {
            if raw.kind != Some("click") {
                return None;
            }
            clicks.push(raw.said()?);
        }
        Some(then(&clicks))
    })
}

/// What an item says of its link, once that is known; none of a paused company.
struct Named<'a> {
    link: Link<'a>,
    /// With its key the link's company has vouched for its own clicks; they count against the key and not against their address.
    vouched: Option<KeyId>,
}

/// The links are looked up one behind the other, so that the memory of many is asked for at once, and all clicks that are within a limit
/// are counted in one go; where not all of them are, one by one.
fn take_clicks(sender: &Sender<'_>, clicks: &[click::Said<'_>]) -> Result<Taken, EdgeRefusal> {
    let edge = sender.edge;
    let is_charged = sender.caller.as_ref().is_ok_and(|key| edge.key_limiter.takes_all(key.id.0, clicks.len()));
    let charged = || if is_charged { Ok(()) } else { charge(sender, EventKind::Click) };
    let named: Vec<_> = clicks.iter().map(|said| charged().and_then(|()| sender.named(&said.code))).collect();
    let is_of_address = |named: &&Result<Option<Named<'_>>, _>| matches!(named, Ok(Some(Named { vouched: None, .. })));
    let of_address = named.iter().filter(is_of_address).count();
    let is_within = edge.clicks.takes_all(sender.visitor.address_key, of_address);
    let mut taken = Taken::of(clicks.len());
    for (said, named) in clicks.iter().zip(named) {
        taken.add(named.and_then(|named| take_click(sender, said, named, is_within)));
    }
    Ok(taken)
}

fn content_type(headers: &HeaderMap) -> &str {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim()
}

/// The items' texts.
fn array(body: &[u8]) -> Result<Vec<&str>, Invalid> {
    let items: Vec<&RawValue> =
        serde_json::from_str(text(body)?).map_err(|_| Invalid::new("body", "takes an array of events"))?;
    Ok(items.into_iter().map(RawValue::get).collect())
}

fn lines(body: &[u8]) -> Result<Vec<&str>, Invalid> {
    Ok(text(body)?.lines().filter(|line| !line.trim().is_empty()).collect())
}

fn text(body: &[u8]) -> Result<&str, Invalid> {
    std::str::from_utf8(body).map_err(|_| Invalid::new("body", "takes JSON in UTF-8"))
}

fn take(sender: &Sender<'_>, item: &str) -> Result<(Answered, Option<Event>), EdgeRefusal> {
    let fields = Fields::parse(item.as_bytes())?;
    let kind = fields.text("type", 0, 64)?;
    charge(sender, if kind.as_deref() == Some("click") { EventKind::Click } else { EventKind::Sale })?;
    match kind.as_deref() {
        Some("click") => {
            let given = click::Given::of(&fields)?;
            let said = given.said()?;
            take_click(sender, &said, sender.named(&said.code)?, false)
        }
        Some("conversion") => take_conversion(sender, &fields),
        Some(_) => Err(Invalid::new("type", "takes \"click\" or \"conversion\"").into()),
        None => Err(missing("type").into()),
    }
}

/// Each item counts against the key that came with it.
fn charge(sender: &Sender<'_>, kind: EventKind) -> Result<(), EdgeRefusal> {
    match sender.caller {
        Ok(caller) => conversion::within_limit(sender.edge, caller, kind).map(drop),
        Err(_) => Ok(()),
    }
}

fn take_click(
    sender: &Sender<'_>,
    said: &click::Said<'_>,
    named: Option<Named<'_>>,
    is_within: bool,
) -> Result<(Answered, Option<Event>), EdgeRefusal> {
    let edge = sender.edge;
    let Some(Named { link, vouched }) = named else { return Ok((Answered::NotTracked, None)) };
    if vouched.is_none() && !is_within {
        let checked = edge.clicks.check(sender.visitor.address_key).map_err(click::rate_limited);
        checked.inspect_err(|_| edge.count_refused(link.company, EventKind::Click))?;
    }
    let (receipt, event) = click::stamp(edge, said, &link, &sender.visitor, vouched);
    Ok((Answered::Tracked(receipt), Some(event)))
}

fn take_conversion(sender: &Sender<'_>, fields: &Fields<'_>) -> Result<(Answered, Option<Event>), EdgeRefusal> {
    let caller = sender.caller.clone()?;
    let made = conversion::from_fields(fields, sender.visitor.now)
        .map_err(EdgeRefusal::from)
        .and_then(|said| conversion::stamp(sender.edge, caller, said, sender.visitor.now));
    let (conversion, event) = made.inspect_err(|_| sender.edge.count_refused(caller.company, EventKind::Sale))?;
    Ok((Answered::Processing(conversion), Some(event)))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Threads that answer have 2 MiB.
    const HALF_A_STACK_BYTES: usize = 1 << 20;

    #[test]
    fn the_deepest_that_is_followed_fits_into_half_a_stack() {
        let read = || {
            for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
                let nested = |depth: usize| {
                    let deep = [open.repeat(depth), "1".to_owned(), close.repeat(depth)].concat();
                    let click = r#"{"type":"click","code":"ADA10","landingPage":"https://a.example/","x":"#;
                    clicks_alone(format!("[{click}{deep}}}]").as_bytes(), |clicks| clicks.len())
                };
                // From some depth on it is left to the reading one by one; down to there it is followed.
                let followed: Vec<usize> = (100..OPENINGS_MAX).step_by(50).filter(|n| nested(*n) == Some(1)).collect();
                assert!(followed.contains(&900), "{open}: {followed:?}");
                assert_eq!(nested(OPENINGS_MAX - 1), None, "{open}");
            }
        };
        let thread = std::thread::Builder::new().stack_size(HALF_A_STACK_BYTES).spawn(read).expect("a thread starts");
        thread.join().expect("it reads them");
    }
}
