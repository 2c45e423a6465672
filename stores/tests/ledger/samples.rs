use rules::{
    Effect,
    effect::{KeyTaken, Parked, ParkedUntil},
};
use schemas::{
    accounts::{Account, Transfer, TransferReason},
    conversion::{Conversion, Maturity, ReviewState, Settlement, Standing},
    decision::{EventKind, Outcome},
    event::{Body, Event, Logged},
    explanation::{Candidate, CandidateVerdict, Explanation, Parts, Share, Signal, Step},
    hashes::{KeyHash, KeyKind},
    ids::{CompanyId, ConversionId, EventId, KeyId, LinkId, PartnerId, Position, ProgramId, TransferId},
    money::Currency,
    terms::{EvidenceKey, SignalName},
    time::{Day, TimeMs},
};

pub(crate) const COMPANY: CompanyId = CompanyId(u64::MAX - 1);
pub(crate) const PARTNER: PartnerId = PartnerId(5);
pub(crate) const DAY: Day = Day(20_000);

pub(crate) fn at(offset: u64) -> Position {
    Position { partition: 0, offset }
}

pub(crate) fn conversion(n: u128) -> Conversion {
    Conversion {
        id: ConversionId(n),
        company: COMPANY,
        kind: KeyKind::Sale,
        event: EventId(n << 64),
        position: at(n as u64),
        program: Some(ProgramId(3)),
        partner: Some(PARTNER),
        link: Some(LinkId(4)),
        label: format!("order {n}"),
        amount_minor: 9_999,
        currency: Currency::USD,
        refunded_minor: 0,
        occurred_at: TimeMs(1_000 + n as i64),
        taken_at: TimeMs(2_000 + n as i64),
        standing: Standing::Attributed,
        commission_minor: 1_000,
        partner_minor: 800,
        platform_minor: 200,
        review: ReviewState::AutoApproved,
        maturity: Maturity::Matured,
        settlement: Settlement::Unpaid,
        score_ppm: 520_000,
        signals: vec![SignalName::SharedClick, SignalName::TooFast],
        terms_version: 3,
        body_hash: u128::MAX - n,
        explanation: explanation(),
    }
}

fn explanation() -> Explanation {
    Explanation {
        candidates: vec![Candidate {
            key: EvidenceKey::Code,
            click_id: Some("click".to_owned()),
            partner: Some(PARTNER),
            at: Some("2026-03-30T10:00:00.000Z".to_owned()),
            verdict: CandidateVerdict::Won,
            why: "the newest click of its code".to_owned(),
        }],
        winner: Some(0),
        policy: "refuel/1".to_owned(),
        terms_version: 3,
        arithmetic: vec![
            Step::Commission {
                input: 9_999,
                rate: Some("0.10".to_owned()),
                exact: Some("999.9".to_owned()),
                flat: None,
                result: 1_000,
            },
            Step::Split { fee: "0.20".to_owned(), result: Parts { partner: 800, platform: 200 } },
        ],
        signals: vec![Signal {
            name: SignalName::TooFast,
            weight: Some(Share(200_000)),
            value: "1.2 s".to_owned(),
            threshold: Some("5 s".to_owned()),
            sentence: "The sale came 1.2 s after the click.".to_owned(),
        }],
        score: Some(Share(520_000)),
        review: "auto_approved".to_owned(),
        facts_up_to: Some(9),
    }
}

pub(crate) fn put(conversion: Conversion) -> Effect {
    Effect::PutConversion(Box::new(conversion))
}

pub(crate) fn count(outcome: Outcome, by: i64) -> Effect {
    Effect::Count { company: COMPANY, kind: EventKind::Sale, outcome, day: DAY, by }
}

pub(crate) fn take_key(key: u128, conversion: u128) -> Effect {
    let taken = KeyTaken {
        company: COMPANY,
        conversion: ConversionId(conversion),
        event: EventId(conversion),
        body_hash: conversion,
    };
    Effect::TakeKey { key: KeyHash(key), taken }
}

pub(crate) fn transfer(id: u128, debit: Account, credit: Account, amount_minor: i64) -> Transfer {
    Transfer {
        id: TransferId(id),
        debit,
        credit,
        amount_minor,
        currency: Currency::USD,
        reason: TransferReason::Commission,
        conversion: ConversionId(1),
        event: EventId(2),
        at: TimeMs(3),
    }
}

pub(crate) fn event(body: Body) -> Event {
    Event {
        id: EventId(99),
        stamped_at: TimeMs(500),
        resent: true,
        reply_to: Some(3),
        key: Some(KeyId(8)),
        first_appended_at: Some(TimeMs(600)),
        body,
    }
}

pub(crate) fn parked(n: u128, until: ParkedUntil) -> Parked {
    Parked {
        logged: Logged { position: at(n as u64), appended_at: TimeMs(700), event: event(Body::Tick) },
        company: COMPANY,
        conversion: ConversionId(n),
        link: Some(LinkId(4)),
        at: TimeMs(800),
        until,
        idents: Vec::new(),
    }
}
