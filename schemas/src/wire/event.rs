use prost::Message;

use super::{
    WireError, click,
    record::{self, EventBody},
    sound::{amount, count, text, time},
};
use crate::{
    decision::EventKind,
    event::{Body, Claim, Click, Dialect, EdgeCount, EdgeCounts, Event, Refund, Review, ReviewAction, Sale, Settle},
    hashes::{AddressHash, CustomerHash, EmailHash, KeyHash},
    ids::{CompanyId, ConversionId, EventId, KeyId, LinkId, PartnerId, ProgramId},
    money::Currency,
    receipt::Receipt,
    web::{Device, Page, Utm},
};

/// What is written here needs no more than this of its reader. A new kind of event, or a new meaning of a field, counts it up and
/// is written with the new number; all else keeps the number that it has. Clicks are written without it: theirs is 0.
const VERSION: u32 = 0;

pub fn encode_event(event: Event) -> Vec<u8> {
    match &event.body {
        Body::Click(body) => click::encode(&event, body),
        _ => encode_record(event),
    }
}

pub(super) fn encode_record(event: Event) -> Vec<u8> {
    let record = record::Event {
        id: wide(event.id.0),
        stamped_at_ms: event.stamped_at.0,
        resent: event.resent,
        reply_to: event.reply_to,
        key_id: event.key.map_or(0, |key| key.0),
        first_appended_at_ms: event.first_appended_at.map(|at| at.0),
        version: VERSION,
        body: Some(body_record(event.body)),
    };
    record.encode_to_vec()
}

/// Says of an encoded event that it may have been sent before. In Protobuf the last value of a field counts, so this is the
/// same record with that one field set.
pub fn mark_resent(record: &mut Vec<u8>) {
    const RESENT: [u8; 2] = [3 << 3, 1];
    record.extend_from_slice(&RESENT);
}

pub fn decode_event(bytes: &[u8]) -> Result<Event, WireError> {
    match click::decode(bytes) {
        Some(event) => Ok(event),
        None => decode_record(bytes),
    }
}

pub(super) fn decode_record(bytes: &[u8]) -> Result<Event, WireError> {
    let record = record::Event::decode(bytes)?;
    let id = EventId(narrow(&record.id, "id")?);
    // A body that is not known here is passed over by Protobuf: what is left of the record is shorter than it was.
    let has_unknown_body = record.body.is_none() && record.encoded_len() < bytes.len();
    if record.version > VERSION || has_unknown_body {
        return Err(WireError::Newer);
    }
    Ok(Event {
        id,
        stamped_at: time(record.stamped_at_ms, "stamped_at_ms")?,
        resent: record.resent,
        reply_to: record.reply_to,
        key: nonzero(record.key_id).map(KeyId),
        first_appended_at: record.first_appended_at_ms.map(|at| time(at, "first_appended_at_ms")).transpose()?,
        body: body(record.body.ok_or(WireError::Missing("body"))?)?,
    })
}

fn body_record(body: Body) -> EventBody {
    match body {
        Body::Click(click) => EventBody::Click(click_record(*click)),
        Body::Lead(claim) => EventBody::Lead(claim_record(*claim)),
        Body::Sale(sale) => EventBody::Sale(record::Sale {
            claim: Some(claim_record(sale.claim)),
            amount_minor: sale.amount_minor,
            currency: sale.currency.code().to_owned(),
        }),
        Body::Refund(refund) => EventBody::Refund(record::Refund {
            company: refund.company.0,
            conversion: wide(refund.conversion.0),
            key: wide(refund.key.0),
            label: refund.label,
            amount_minor: refund.amount_minor,
            reason: refund.reason.unwrap_or_default(),
            body_hash: wide(refund.body_hash),
        }),
        Body::Review(review) => EventBody::Review(record::Review {
            company: review.company.0,
            conversion: wide(review.conversion.0),
            action: review.action as u32,
        }),
        Body::Settle(settle) => EventBody::Settle(record::Settle {
            company: settle.company.0,
            conversion: wide(settle.conversion.0),
            facts_up_to: settle.facts_up_to,
        }),
        Body::EdgeCounts(counts) => EventBody::EdgeCounts(record::EdgeCounts {
            counts: counts
                .counts
                .into_iter()
                .map(|count| record::EdgeCount {
                    company: count.company.0,
                    kind: count.kind as u32,
                    refused: count.refused,
                })
                .collect(),
        }),
        Body::Tick => EventBody::Tick(record::Tick {}),
    }
}

fn click_record(click: Click) -> record::Click {
    record::Click {
        company: click.company.0,
        program: click.program.0,
        partner: click.partner.0,
        code: click.code.into(),
        receipt: click.receipt.as_bytes().to_vec(),
        address_hash: wide(click.address.0),
        address_hash_before: click.address_before.map(|hash| wide(hash.0)).unwrap_or_default(),
        landing_host: click.landing.host.into(),
        landing_path: click.landing.path.into(),
        referrer_host: click.referrer_host.unwrap_or_default().into(),
        utm_source: click.utm.source.unwrap_or_default().into(),
        utm_medium: click.utm.medium.unwrap_or_default().into(),
        utm_campaign: click.utm.campaign.unwrap_or_default().into(),
        device: click.device as u32,
    }
}

fn claim_record(claim: Claim) -> record::Claim {
    record::Claim {
        company: claim.company.0,
        dialect: claim.dialect as u32,
        conversion: wide(claim.conversion.0),
        keys: claim.keys.into_iter().map(|key| wide(key.0)).collect(),
        label: claim.label,
        program: claim.program.map_or(0, |program| program.0),
        code_link: claim.code_link.map_or(0, |link| link.0),
        receipt: claim.receipt.map(|receipt| receipt.as_bytes().to_vec()).unwrap_or_default(),
        customer_hash: claim.customer.map(|hash| wide(hash.0)).unwrap_or_default(),
        email_hash: claim.email.map(|hash| wide(hash.0)).unwrap_or_default(),
        disposable_email: claim.disposable_email,
        occurred_at_ms: claim.occurred_at.map(|at| at.0),
        body_hash: wide(claim.body_hash),
    }
}

fn body(body: EventBody) -> Result<Body, WireError> {
    Ok(match body {
        EventBody::Click(record) => Body::Click(Box::new(click_from(record)?)),
        EventBody::Lead(record) => Body::Lead(Box::new(claim(record)?)),
        EventBody::Sale(record) => Body::Sale(Box::new(Sale {
            claim: claim(record.claim.ok_or(WireError::Missing("claim"))?)?,
            amount_minor: amount(record.amount_minor)?,
            currency: currency(&record.currency)?,
        })),
        EventBody::Refund(record) => Body::Refund(Box::new(Refund {
            company: CompanyId(record.company),
            conversion: ConversionId(narrow(&record.conversion, "conversion")?),
            key: KeyHash(narrow(&record.key, "key")?),
            label: text(record.label, "label")?,
            amount_minor: record.amount_minor.map(amount).transpose()?,
            reason: present(text(record.reason, "reason")?),
            body_hash: narrow(&record.body_hash, "body_hash")?,
        })),
        EventBody::Review(record) => Body::Review(Review {
            company: CompanyId(record.company),
            conversion: ConversionId(narrow(&record.conversion, "conversion")?),
            action: match record.action {
                0 => ReviewAction::Approve,
                1 => ReviewAction::Reject,
                2 => ReviewAction::ClawBack,
                _ => return Err(WireError::Invalid("action")),
            },
        }),
        EventBody::Settle(record) => Body::Settle(Settle {
            company: CompanyId(record.company),
            conversion: ConversionId(narrow(&record.conversion, "conversion")?),
            facts_up_to: record.facts_up_to,
        }),
        EventBody::EdgeCounts(record) => {
            let counts = record.counts.into_iter().map(|told| {
                let company = CompanyId(told.company);
                Ok(EdgeCount { company, kind: kind(told.kind)?, refused: count(told.refused)? })
            });
            Body::EdgeCounts(EdgeCounts { counts: counts.collect::<Result<_, WireError>>()? })
        }
        EventBody::Tick(_) => Body::Tick,
    })
}

fn click_from(record: record::Click) -> Result<Click, WireError> {
    Ok(Click {
        company: CompanyId(record.company),
        program: ProgramId(record.program),
        partner: PartnerId(record.partner),
        code: text(record.code, "code")?.into(),
        receipt: receipt(&record.receipt)?,
        address: AddressHash(narrow(&record.address_hash, "address_hash")?),
        address_before: some(&record.address_hash_before, "address_hash_before")?.map(AddressHash),
        landing: Page {
            host: text(record.landing_host, "landing_host")?.into(),
            path: text(record.landing_path, "landing_path")?.into(),
        },
        referrer_host: present(text(record.referrer_host, "referrer_host")?).map(Into::into),
        utm: Utm {
            source: present(text(record.utm_source, "utm_source")?).map(Into::into),
            medium: present(text(record.utm_medium, "utm_medium")?).map(Into::into),
            campaign: present(text(record.utm_campaign, "utm_campaign")?).map(Into::into),
        },
        device: *Device::ALL.get(record.device as usize).ok_or(WireError::Invalid("device"))?,
    })
}

fn claim(record: record::Claim) -> Result<Claim, WireError> {
    Ok(Claim {
        company: CompanyId(record.company),
        dialect: match record.dialect {
            0 => Dialect::Refuel,
            1 => Dialect::Refairn,
            2 => Dialect::Reflio,
            3 => Dialect::Refport,
            4 => Dialect::Reditus,
            _ => return Err(WireError::Invalid("dialect")),
        },
        conversion: ConversionId(narrow(&record.conversion, "conversion")?),
        keys: record.keys.iter().map(|key| narrow(key, "keys").map(KeyHash)).collect::<Result<_, _>>()?,
        label: text(record.label, "label")?,
        program: nonzero(record.program).map(ProgramId),
        code_link: nonzero(record.code_link).map(LinkId),
        receipt: if record.receipt.is_empty() { None } else { Some(receipt(&record.receipt)?) },
        customer: some(&record.customer_hash, "customer_hash")?.map(CustomerHash),
        email: some(&record.email_hash, "email_hash")?.map(EmailHash),
        disposable_email: record.disposable_email,
        occurred_at: record.occurred_at_ms.map(|at| time(at, "occurred_at_ms")).transpose()?,
        body_hash: narrow(&record.body_hash, "body_hash")?,
    })
}

pub(super) fn wide(id: u128) -> Vec<u8> {
    id.to_be_bytes().to_vec()
}

pub(super) fn narrow(bytes: &[u8], field: &'static str) -> Result<u128, WireError> {
    if bytes.is_empty() {
        return Err(WireError::Missing(field));
    }
    bytes.try_into().map(u128::from_be_bytes).map_err(|_| WireError::Invalid(field))
}

pub(super) fn kind(number: u32) -> Result<EventKind, WireError> {
    EventKind::ALL.into_iter().find(|kind| *kind as u32 == number).ok_or(WireError::Invalid("kind"))
}

pub(super) fn currency(code: &str) -> Result<Currency, WireError> {
    Currency::parse(code).map_err(|_| WireError::Invalid("currency"))
}

fn some(bytes: &[u8], field: &'static str) -> Result<Option<u128>, WireError> {
    if bytes.is_empty() { Ok(None) } else { narrow(bytes, field).map(Some) }
}

fn receipt(bytes: &[u8]) -> Result<Receipt, WireError> {
    let bytes = bytes.try_into().map_err(|_| WireError::Invalid("receipt"))?;
    Receipt::from_bytes(bytes).map_err(|_| WireError::Invalid("receipt"))
}

fn present(text: String) -> Option<String> {
    if text.is_empty() { None } else { Some(text) }
}

fn nonzero(id: u64) -> Option<u64> {
    if id == 0 { None } else { Some(id) }
}
