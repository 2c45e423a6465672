//! `POST /track/click`: parse, look up, limit, hash, stamp, append, answer.

use std::{borrow::Cow, net::SocketAddr, sync::Arc};

use arc_swap::Guard;
use http::{HeaderMap, Response, header};
use schemas::{
    CompactString,
    code::Code,
    decision::EventKind,
    event::{Body, Click, Event},
    hashes::PersonKey,
    ids::{CompanyId, KeyId},
    personal::mask,
    receipt::{Receipt, ReceiptFields, ReceiptKey, Visit},
    time::TimeMs,
    web::Utm,
};
use serde::Deserialize;
use stores::log::Class;
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    agent::is_prefetch,
    answer::{Page, not_tracked, tracked},
    edge::Edge,
    fields::{Fields, missing},
    in_place::in_place,
    keys::{AddressHashes, EdgeKeys},
    limiter::RetryAfter,
    page::{URL_CHARS_MAX, host_and_path, page, referrer_host},
    refusal::{EdgeRefusal, Invalid},
    snapshot::Link,
};

const EVENT_ID_CHARS_MAX: usize = 64;

/// Arrays and objects within one another that a click's body may hold; it needs one.
const OPENINGS_MAX: usize = 64;

/// What a click says, as it came in.
pub struct Said<'a> {
    pub(crate) code: Code,
    pub(crate) landing: Landing<'a>,
    pub(crate) referrer: Option<&'a str>,
    pub(crate) fingerprint: Option<&'a str>,
    pub(crate) event_id: Option<&'a str>,
    pub(crate) utm: [Option<&'a str>; 3],
}

/// Host and path of a landing page, as they came in.
pub(crate) struct Landing<'a> {
    host: &'a str,
    path: &'a str,
}

impl<'a> Landing<'a> {
    pub(crate) fn of(url: &'a str) -> Result<Landing<'a>, Invalid> {
        let bad = || Invalid::new("landingPage", format!("takes an http(s) URL of at most {URL_CHARS_MAX} characters"));
        let (host, path) = host_and_path(url).ok_or_else(bad)?;
        Ok(Landing { host, path })
    }
}

/// Who made a request, as far as it is kept, and what its clicks are signed with.
pub(crate) struct Visitor {
    keys: Guard<Arc<EdgeKeys>>,
    signing: ReceiptKey,
    pub(crate) now: TimeMs,
    pub(crate) address: AddressHashes,
    /// The address under this process's own key, which lasts over midnight: its place in the limiter.
    pub(crate) address_key: u64,
    pub(crate) visit: Visit,
    pub(crate) device: schemas::web::Device,
}

/// A click that is to be recorded: whose it is, its receipt and its event. None of a paused company.
pub(crate) type Stamped = Option<(CompanyId, Receipt, Event)>;

/// Reads the click, looks up what it names, and stamps it.
pub(crate) fn take_in(edge: &Edge, headers: &HeaderMap, peer: SocketAddr, body: &[u8]) -> Result<Stamped, EdgeRefusal> {
    let now = (edge.now)();
    read(body, |said| take(edge, said, headers, peer, now))?
}

/// Appends it, and answers with its receipt.
pub(crate) async fn answer(edge: &Edge, stamped: Stamped) -> Result<Response<Page>, EdgeRefusal> {
    let Some((company, receipt, event)) = stamped else { return Ok(not_tracked()) };
    edge.append(Class::Click, event).await.inspect_err(|_| edge.count_refused(company, EventKind::Click))?;
    Ok(tracked(&receipt))
}

fn take(
    edge: &Edge,
    said: &Said<'_>,
    headers: &HeaderMap,
    peer: SocketAddr,
    now: TimeMs,
) -> Result<Stamped, EdgeRefusal> {
    let snapshot = edge.follower.look();
    let unknown = || edge.follower.unknown(EdgeRefusal::UnknownCode { field: "code" });
    let link = snapshot.link_by_code(&said.code).ok_or_else(unknown)?;
    if snapshot.company(link.company).is_none_or(|company| company.paused) {
        edge.count_refused(link.company, EventKind::Click);
        return Ok(None);
    }
    let stamped = visitor(edge, headers, peer, now).and_then(|visitor| {
        edge.clicks.check(visitor.address_key).map_err(rate_limited)?;
        Ok(stamp(edge, said, &link, &visitor, None))
    });
    let (receipt, event) = stamped.inspect_err(|_| edge.count_refused(link.company, EventKind::Click))?;
    Ok(Some((link.company, receipt, event)))
}

pub(crate) fn rate_limited(RetryAfter { seconds }: RetryAfter) -> EdgeRefusal {
    EdgeRefusal::RateLimited { retry_after_s: u32::try_from(seconds).unwrap_or(u32::MAX) }
}

/// Reads the body quickly; only one that can't be read is read again to name what is wrong.
pub fn read<R>(body: &[u8], then: impl FnOnce(&Said<'_>) -> R) -> Result<R, Invalid> {
    let mut then = Some(then);
    let quick = in_place(body, OPENINGS_MAX, |copy, buffers| {
        let raw: Raw<'_> = simd_json::serde::from_slice_with_buffers(copy, buffers).ok()?;
        let said = raw.said()?;
        then.take().map(|then| then(&said))
    });
    match (quick, then) {
        (Some(done), _) => Ok(done),
        (None, Some(then)) => Ok(then(&Given::of(&Fields::parse(body)?)?.said()?)),
        (None, None) => Err(Invalid::new("body", "takes one JSON object")),
    }
}

/// A click as JSON has it: texts borrowed from the parser's own copy of the body.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Raw<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: Option<&'a str>,
    code: &'a str,
    landing_page: &'a str,
    referrer: Option<&'a str>,
    fingerprint: Option<&'a str>,
    event_id: Option<&'a str>,
    utm_source: Option<&'a str>,
    utm_medium: Option<&'a str>,
    utm_campaign: Option<&'a str>,
}

impl<'a> Raw<'a> {
    /// None where something in it is not as it must be.
    pub(crate) fn said(&self) -> Option<Said<'a>> {
        check_event_id(self.event_id).ok()?;
        Some(Said {
            code: Code::parse(self.code).ok()?,
            landing: Landing::of(self.landing_page).ok()?,
            referrer: self.referrer,
            fingerprint: self.fingerprint,
            event_id: self.event_id,
            utm: [self.utm_source, self.utm_medium, self.utm_campaign],
        })
    }
}

/// A click's texts, read one by one.
pub(crate) struct Given {
    code: Code,
    landing_page: String,
    referrer: Option<String>,
    fingerprint: Option<String>,
    event_id: Option<String>,
    utm: [Option<String>; 3],
}

impl Given {
    /// Reads them, naming the first that is wrong.
    pub(crate) fn of(fields: &Fields<'_>) -> Result<Given, Invalid> {
        let text = |name| fields.text(name, 0, usize::MAX);
        let code = text("code")?.ok_or_else(|| missing("code"))?;
        Ok(Given {
            code: Code::parse(&code).map_err(|error| Invalid::new("code", error.to_string()))?,
            landing_page: text("landingPage")?.ok_or_else(|| missing("landingPage"))?,
            referrer: text("referrer")?,
            fingerprint: text("fingerprint")?,
            event_id: text("eventId")?,
            utm: [text("utmSource")?, text("utmMedium")?, text("utmCampaign")?],
        })
    }

    pub(crate) fn said(&self) -> Result<Said<'_>, Invalid> {
        check_event_id(self.event_id.as_deref())?;
        Ok(Said {
            code: self.code.clone(),
            landing: Landing::of(&self.landing_page)?,
            referrer: self.referrer.as_deref(),
            fingerprint: self.fingerprint.as_deref(),
            event_id: self.event_id.as_deref(),
            utm: self.utm.each_ref().map(Option::as_deref),
        })
    }
}

fn check_event_id(event_id: Option<&str>) -> Result<(), Invalid> {
    let too_long = |id: &str| id.len() > EVENT_ID_CHARS_MAX && id.chars().count() > EVENT_ID_CHARS_MAX;
    if event_id.is_some_and(too_long) {
        return Err(Invalid::new("eventId", format!("takes a text of at most {EVENT_ID_CHARS_MAX} characters")));
    }
    Ok(())
}

pub(crate) fn visitor(edge: &Edge, headers: &HeaderMap, peer: SocketAddr, now: TimeMs) -> Result<Visitor, EdgeRefusal> {
    let address = edge.address(headers, peer);
    let address_key = (address.hash(&edge.config.limiter_key) >> 64) as u64;
    let keys = edge.follower.keys();
    let address = keys.hash(address, now).ok_or(EdgeRefusal::KeysNotReady)?;
    let signing = keys.signing(now).ok_or(EdgeRefusal::KeysNotReady)?;
    let agent = edge.agents.classify(headers.get(header::USER_AGENT).map(header::HeaderValue::as_bytes));
    let visit = match (is_prefetch(headers), agent.bot) {
        (true, _) => Visit::Prefetch,
        (false, true) => Visit::Bot,
        (false, false) => Visit::Person,
    };
    Ok(Visitor { keys, signing, now, address, address_key, visit, device: agent.device })
}

/// Makes the click's event and signs its receipt.
pub(crate) fn stamp(
    edge: &Edge,
    said: &Said<'_>,
    link: &Link<'_>,
    visitor: &Visitor,
    key: Option<KeyId>,
) -> (Receipt, Event) {
    let persons = &visitor.keys.persons;
    let id = edge.ids.next();
    let event_id_hash = match said.event_id {
        Some(given) => persons.event_id(given),
        None => xxh3_64(&id.0.to_be_bytes()),
    };
    let receipt = Receipt::sign(
        &visitor.signing,
        &ReceiptFields {
            visit: visitor.visit,
            client_event_id: said.event_id.is_some(),
            at: visitor.now,
            link: link.id,
            visitor: said.fingerprint.map_or(0, |fingerprint| persons.visitor(fingerprint)),
            address_cut: visitor.address.today.cut(),
            event_id_hash,
        },
    );
    let [source, medium, campaign] = said.utm;
    let mut code = CompactString::from(link.code);
    code.make_ascii_lowercase();
    let click = Click {
        company: link.company,
        program: link.program,
        partner: link.partner,
        code,
        receipt,
        address: visitor.address.today,
        address_before: visitor.address.before,
        landing: page(persons, said.landing.host, said.landing.path),
        referrer_host: said.referrer.and_then(|referrer| referrer_host(persons, referrer)),
        utm: Utm { source: kept(persons, source), medium: kept(persons, medium), campaign: kept(persons, campaign) },
        device: visitor.device,
    };
    (receipt, edge.stamp_as(id, visitor.now, key, Body::Click(Box::new(click))))
}

/// A campaign parameter as it is kept: masked, cut, and none if empty. U+0000, which no store takes, is left out.
fn kept(persons: &PersonKey, text: Option<&str>) -> Option<CompactString> {
    let text = text?;
    let sound = if text.contains('\0') { Cow::Owned(text.replace('\0', "")) } else { Cow::Borrowed(text) };
    let masked = mask(persons, Some(&*sound).filter(|text| !text.is_empty())?);
    if masked.len() > Utm::MAX_CHARS
        && let Some((end, _)) = masked.char_indices().nth(Utm::MAX_CHARS)
    {
        return Some(CompactString::from(&masked[..end]));
    }
    Some(masked.into())
}
