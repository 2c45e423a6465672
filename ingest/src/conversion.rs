//! `POST /track/conversion`: authenticate, parse, look up, append, wait for the decision, answer.

use http::{HeaderMap, Response};
use schemas::{
    code::Code,
    decision::{Answer, Decision, EventKind},
    event::{Body, Claim, Dialect, Event, Sale},
    hashes::{KeyKind, KeyType},
    ids::{ConversionId, LinkId},
    money::Currency,
    personal::mask,
    receipt::{Receipt, ReceiptCheck},
    time::{DAY_MS, MINUTE_MS, TimeMs},
};
use serde_json::{Value, json};
use stores::log::Class;

use crate::{
    answer::{Page, ok, processing},
    append::Taken,
    disposable::is_disposable,
    edge::Edge,
    fields::{Fields, missing},
    keys::EdgeKeys,
    refusal::{EdgeRefusal, Invalid},
    snapshot::{Credential, Snapshot},
};

pub(crate) const ORDER_ID_CHARS_MAX: usize = 255;
pub(crate) const ORDER_VALUE_MAX: i64 = 1_000_000_000_000;
pub(crate) const METADATA_BYTES_MAX: usize = 16 << 10;
const CUSTOMER_CHARS_MAX: usize = 320;
const AHEAD_MS_MAX: i64 = 5 * MINUTE_MS;
const BACK_MS_MAX: i64 = 90 * DAY_MS;

/// What a sale says, checked and hashed but not yet looked up.
pub(crate) struct Said {
    pub(crate) order_id: String,
    pub(crate) amount_minor: i64,
    pub(crate) currency: Currency,
    pub(crate) code: Option<Code>,
    pub(crate) receipt: Option<Receipt>,
    /// What the caller calls it.
    pub(crate) receipt_field: &'static str,
    pub(crate) customer_id: Option<String>,
    pub(crate) customer_email: Option<String>,
    pub(crate) occurred_at: Option<TimeMs>,
    pub(crate) metadata: Option<String>,
}

/// The company whose secret key the request holds, within that key's limit.
pub(crate) fn caller(edge: &Edge, headers: &HeaderMap) -> Result<Credential, EdgeRefusal> {
    let secret = headers.get("x-api-key").and_then(|value| value.to_str().ok()).ok_or(EdgeRefusal::NoKey)?;
    let found = edge.follower.current().credential(secret);
    let credential = found
        .filter(|found| found.kind == schemas::catalog::CredentialKind::Secret)
        .ok_or_else(|| edge.follower.bad_key(secret, EdgeRefusal::NoKey))?;
    within_limit(edge, credential, EventKind::Sale)
}

/// Charges the key for an event of this kind.
pub(crate) fn within_limit(edge: &Edge, credential: Credential, kind: EventKind) -> Result<Credential, EdgeRefusal> {
    edge.key_limiter.check(credential.id.0).map_err(|retry| {
        edge.count_refused(credential.company, kind);
        EdgeRefusal::RateLimited { retry_after_s: u32::try_from(retry.seconds).unwrap_or(u32::MAX) }
    })?;
    Ok(credential)
}

/// Reads the sale, looks up what it names, and stamps it.
pub(crate) fn take_in(edge: &Edge, caller: Credential, body: &[u8]) -> Result<(ConversionId, Event), EdgeRefusal> {
    let now = (edge.now)();
    let made = Fields::parse(body)
        .and_then(|fields| from_fields(&fields, now))
        .map_err(EdgeRefusal::from)
        .and_then(|said| stamp(edge, caller, said, now));
    made.inspect_err(|_| edge.count_refused(caller.company, EventKind::Sale))
}

/// Appends the sale, waits for its decision and says what it is.
pub(crate) async fn decide(edge: &Edge, conversion: ConversionId, event: Event) -> Result<Response<Page>, EdgeRefusal> {
    let company = event.body.company();
    let waiting = edge.waiters.register(event.id).await;
    let taken = edge.append(Class::Conversion, event).await.inspect_err(|_| {
        if let Some(company) = company {
            edge.count_refused(company, EventKind::Sale);
        }
    })?;
    let decision = match waiting {
        Ok(_) if taken == Taken::Spool => None,
        Ok(waiting) => waiting.decision(edge.config.decision_wait).await,
        Err(_) => None,
    };
    match decision {
        Some(decision) => render(decision),
        None => Ok(not_decided(conversion)),
    }
}

pub(crate) fn from_fields(fields: &Fields<'_>, now: TimeMs) -> Result<Said, Invalid> {
    let order_id = fields.text("orderId", 1, ORDER_ID_CHARS_MAX)?.ok_or_else(|| missing("orderId"))?;
    let amount_minor = fields.integer("orderValue", 0, ORDER_VALUE_MAX)?.ok_or_else(|| missing("orderValue"))?;
    let currency = match fields.text("currency", 0, 16)? {
        Some(code) => Currency::parse(&code).map_err(|error| Invalid::new("currency", error.to_string()))?,
        None => Currency::USD,
    };
    let code = fields.text("affiliateCode", 0, usize::MAX)?.ok_or_else(|| missing("affiliateCode"))?;
    let code = Code::parse(&code).map_err(|error| Invalid::new("affiliateCode", error.to_string()))?;
    let receipt = fields.text("clickId", 0, usize::MAX)?;
    let receipt = receipt.map(|text| Receipt::parse(&text).map_err(|_| forged("clickId"))).transpose()?;
    Ok(Said {
        order_id,
        amount_minor,
        currency,
        code: Some(code),
        receipt,
        receipt_field: "clickId",
        customer_id: fields.text("customerId", 1, ORDER_ID_CHARS_MAX)?,
        customer_email: email(fields)?,
        occurred_at: occurred_at(fields, now)?,
        metadata: fields.object("metadata", METADATA_BYTES_MAX)?.map(str::to_owned),
    })
}

/// Looks up what the sale names and makes its event.
pub(crate) fn stamp(
    edge: &Edge,
    caller: Credential,
    said: Said,
    now: TimeMs,
) -> Result<(ConversionId, Event), EdgeRefusal> {
    let (keys, snapshot) = (edge.follower.keys(), edge.follower.current());
    let code_link = said.code.as_ref().map(|code| own_link(edge, &snapshot, caller, code)).transpose()?;
    check_receipt(&keys, &snapshot, caller, &said)?;
    let customer = said.customer_id.as_deref().map(|id| keys.persons.customer(caller.company, id));
    let email = said.customer_email.as_deref().map(|address| keys.persons.email(address));
    let key = keys.ids.key_hash(caller.company, KeyKind::Sale, KeyType::Order, &said.order_id);
    let conversion = keys.ids.conversion_id(caller.company, key);
    let told = json!([
        said.amount_minor,
        said.currency,
        code_link.map(|link| link.0),
        said.receipt.map(|receipt| receipt.to_string()),
        customer.map(|hash| hash.0.to_string()),
        email.map(|hash| hash.0.to_string()),
        said.occurred_at,
        said.metadata,
    ]);
    let claim = Claim {
        company: caller.company,
        dialect: Dialect::Refuel,
        conversion,
        keys: vec![key],
        label: mask(&keys.persons, &said.order_id).into_owned(),
        program: None,
        code_link,
        receipt: said.receipt,
        customer,
        email,
        disposable_email: said.customer_email.as_deref().is_some_and(is_disposable),
        occurred_at: said.occurred_at,
        body_hash: keys.ids.body_hash(told.to_string().as_bytes()),
    };
    let sale = Sale { claim, amount_minor: said.amount_minor, currency: said.currency };
    Ok((conversion, edge.stamp(now, Some(caller.id), Body::Sale(Box::new(sale)))))
}

/// The answer to a sale in the house dialect.
fn render(decision: Decision) -> Result<Response<Page>, EdgeRefusal> {
    match decision.answer {
        Answer::Converted(converted) => {
            let mut data = json!({
                "conversionId": converted.conversion,
                "commissionAmount": converted.commission_minor,
                "affiliatePayout": converted.partner_minor,
                "status": converted.status.as_str(),
                "fraudScore": schemas::explanation::Share(converted.score_ppm).hundredths(),
                "outcome": "attributed",
            });
            if let Some(reason) = converted.unattributed {
                data["outcome"] = json!("unattributed");
                data["reason"] = json!(reason.as_str());
            }
            Ok(ok(&data))
        }
        Answer::Duplicate { first, same_body } => Err(EdgeRefusal::Duplicate { first, same_body }),
        Answer::Parked { conversion } => Ok(not_decided(conversion)),
        Answer::Refused(refusal) => Err(EdgeRefusal::Refused(refusal)),
        Answer::Refunded { conversion, .. } | Answer::Reviewed { conversion, .. } => Ok(not_decided(conversion)),
    }
}

fn not_decided(conversion: ConversionId) -> Response<Page> {
    processing(&accepted(conversion), &format!("/conversions/{conversion}"))
}

/// What is said of a sale that the log has and nobody has decided.
pub(crate) fn accepted(conversion: ConversionId) -> Value {
    json!({ "conversionId": conversion, "status": "processing" })
}

fn own_link(edge: &Edge, snapshot: &Snapshot, caller: Credential, code: &Code) -> Result<LinkId, EdgeRefusal> {
    let unknown = EdgeRefusal::UnknownCode { field: "affiliateCode" };
    match snapshot.link_by_code(code) {
        Some(link) if link.company == caller.company => Ok(link.id),
        Some(_) => Err(unknown),
        None => Err(edge.follower.unknown(unknown)),
    }
}

/// Refuses a receipt that is surely not good; what this edge can't tell yet is for the processor to judge.
fn check_receipt(keys: &EdgeKeys, snapshot: &Snapshot, caller: Credential, said: &Said) -> Result<(), Invalid> {
    let Some(receipt) = &said.receipt else { return Ok(()) };
    if receipt.check(keys.receipts()) == ReceiptCheck::Forged {
        return Err(forged(said.receipt_field));
    }
    match snapshot.link(receipt.fields().link) {
        Some(link) if link.company != caller.company => {
            Err(Invalid::new(said.receipt_field, "belongs to another company"))
        }
        _ => Ok(()),
    }
}

pub(crate) fn forged(field: &'static str) -> Invalid {
    Invalid::new(field, "takes a click id that was issued here")
}

fn email(fields: &Fields<'_>) -> Result<Option<String>, Invalid> {
    let Some(address) = fields.text("customerEmail", 1, CUSTOMER_CHARS_MAX)? else { return Ok(None) };
    let well_formed = address.trim().rsplit_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
    if well_formed { Ok(Some(address)) } else { Err(Invalid::new("customerEmail", "takes an e-mail address")) }
}

fn occurred_at(fields: &Fields<'_>, now: TimeMs) -> Result<Option<TimeMs>, Invalid> {
    let Some(text) = fields.text("occurredAt", 0, 64)? else { return Ok(None) };
    let at = TimeMs::parse_rfc3339(&text).ok_or_else(|| Invalid::new("occurredAt", "takes an RFC 3339 time"))?;
    if (-BACK_MS_MAX..=AHEAD_MS_MAX).contains(&at.since_ms(now)) {
        Ok(Some(at))
    } else {
        Err(Invalid::new("occurredAt", "takes a time from 90 days back to 5 minutes ahead"))
    }
}
