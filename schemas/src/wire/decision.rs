use prost::Message;

use super::{
    WireError,
    event::{currency, kind, narrow, wide},
    record::{self, DecisionAnswer},
};
use crate::{
    conversion::{HouseStatus, Unattributed},
    decision::{Answer, Converted, Decision, Refusal},
    ids::{CompanyId, ConversionId, EventId, Position},
};

pub fn encode_decision(decision: &Decision) -> Vec<u8> {
    let answer = match &decision.answer {
        Answer::Converted(converted) => DecisionAnswer::Converted(record::Converted {
            conversion: wide(converted.conversion.0),
            unattributed: converted.unattributed.map_or(0, |reason| reason as u32),
            commission_minor: converted.commission_minor,
            partner_minor: converted.partner_minor,
            currency: converted.currency.code().to_owned(),
            status: converted.status as u32,
            score_ppm: converted.score_ppm,
        }),
        Answer::Duplicate { first, same_body } => {
            DecisionAnswer::Duplicate(record::Duplicate { first: wide(first.0), same_body: *same_body })
        }
        Answer::Parked { conversion } => DecisionAnswer::Parked(record::Parked { conversion: wide(conversion.0) }),
        Answer::Refunded { conversion, refunded_minor, commission_minor, partner_minor, currency } => {
            DecisionAnswer::Refunded(record::Refunded {
                conversion: wide(conversion.0),
                refunded_minor: *refunded_minor,
                commission_minor: *commission_minor,
                partner_minor: *partner_minor,
                currency: currency.code().to_owned(),
            })
        }
        Answer::Reviewed { conversion, status } => {
            DecisionAnswer::Reviewed(record::Reviewed { conversion: wide(conversion.0), status: *status as u32 })
        }
        Answer::Refused(refusal) => DecisionAnswer::Refused(record::Refused { refusal: *refusal as u32 }),
    };
    let record = record::Decision {
        event: wide(decision.event.0),
        partition: decision.position.partition,
        offset: decision.position.offset,
        reply_to: decision.reply_to,
        company: decision.company.0,
        kind: decision.kind as u32,
        answer: Some(answer),
    };
    record.encode_to_vec()
}

pub fn decode_decision(bytes: &[u8]) -> Result<Decision, WireError> {
    let record = record::Decision::decode(bytes)?;
    Ok(Decision {
        event: EventId(narrow(&record.event, "event")?),
        position: Position { partition: record.partition, offset: record.offset },
        reply_to: record.reply_to,
        company: CompanyId(record.company),
        kind: kind(record.kind)?,
        answer: answer(record.answer.ok_or(WireError::Missing("answer"))?)?,
    })
}

fn answer(answer: DecisionAnswer) -> Result<Answer, WireError> {
    Ok(match answer {
        DecisionAnswer::Converted(record) => Answer::Converted(Converted {
            conversion: conversion(&record.conversion)?,
            unattributed: unattributed(record.unattributed)?,
            commission_minor: record.commission_minor,
            partner_minor: record.partner_minor,
            currency: currency(&record.currency)?,
            status: status(record.status)?,
            score_ppm: record.score_ppm,
        }),
        DecisionAnswer::Duplicate(record) => {
            Answer::Duplicate { first: conversion(&record.first)?, same_body: record.same_body }
        }
        DecisionAnswer::Parked(record) => Answer::Parked { conversion: conversion(&record.conversion)? },
        DecisionAnswer::Refunded(record) => Answer::Refunded {
            conversion: conversion(&record.conversion)?,
            refunded_minor: record.refunded_minor,
            commission_minor: record.commission_minor,
            partner_minor: record.partner_minor,
            currency: currency(&record.currency)?,
        },
        DecisionAnswer::Reviewed(record) => {
            Answer::Reviewed { conversion: conversion(&record.conversion)?, status: status(record.status)? }
        }
        DecisionAnswer::Refused(record) => Answer::Refused(
            Refusal::ALL
                .into_iter()
                .find(|refusal| *refusal as u32 == record.refusal)
                .ok_or(WireError::Invalid("refusal"))?,
        ),
    })
}

fn conversion(bytes: &[u8]) -> Result<ConversionId, WireError> {
    narrow(bytes, "conversion").map(ConversionId)
}

fn unattributed(number: u32) -> Result<Option<Unattributed>, WireError> {
    if number == 0 {
        return Ok(None);
    }
    let found = Unattributed::ALL.into_iter().find(|reason| *reason as u32 == number);
    found.map(Some).ok_or(WireError::Invalid("unattributed"))
}

fn status(number: u32) -> Result<HouseStatus, WireError> {
    HouseStatus::ALL.into_iter().find(|status| *status as u32 == number).ok_or(WireError::Invalid("status"))
}
