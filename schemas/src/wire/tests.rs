use super::*;
use crate::{
    decision::EventKind,
    event::{Body, EdgeCount, EdgeCounts, Event, Refund},
    hashes::KeyHash,
    ids::{CompanyId, ConversionId, EventId},
    time::TimeMs,
};

fn event(body: Body) -> Event {
    let (reply_to, key, first_appended_at) = (None, None, None);
    Event { id: EventId(7), stamped_at: TimeMs(1), resent: false, reply_to, key, first_appended_at, body }
}

fn tick() -> Vec<u8> {
    encode_event(event(Body::Tick))
}

fn refund(label: &str, amount_minor: i64) -> Body {
    Body::Refund(Box::new(Refund {
        company: CompanyId(7),
        conversion: ConversionId(7),
        key: KeyHash(7),
        label: label.to_owned(),
        amount_minor: Some(amount_minor),
        reason: None,
        body_hash: 7,
    }))
}

fn counts(refused: u64) -> Body {
    let count = EdgeCount { company: CompanyId(7), kind: EventKind::Click, refused };
    Body::EdgeCounts(EdgeCounts { counts: vec![count] })
}

fn with(record: Vec<u8>, more: &[u8]) -> Vec<u8> {
    [record.as_slice(), more].concat()
}

/// A tick without what says that it is one.
fn bodiless() -> Vec<u8> {
    let tick = tick();
    tick[..tick.len() - 3].to_vec()
}

#[test]
fn garbage_is_told_from_what_a_newer_version_wrote() {
    let version = |number: u8| vec![7 << 3, number];
    let unknown_field = [0xf2, 0x02, 0x02, 0x08, 0x01];
    let late = Event { stamped_at: TimeMs(i64::MAX), ..event(Body::Tick) };
    for (what, record, wanted) in [
        ("an event", tick(), Ok(())),
        ("one with a field that need not be known", with(tick(), &unknown_field), Ok(())),
        ("one of the first version, which says so", with(tick(), &version(0)), Ok(())),
        ("one that says it must be known", with(tick(), &version(1)), Err(WireError::Newer)),
        ("a kind of event that is not known", with(bodiless(), &unknown_field), Err(WireError::Newer)),
        ("nothing", Vec::new(), Err(WireError::Missing("id"))),
        ("a version without an id", version(9), Err(WireError::Missing("id"))),
        ("an id of another length", vec![0x0a, 1, 7], Err(WireError::Invalid("id"))),
        ("an event of no kind", bodiless(), Err(WireError::Missing("body"))),
        ("U+0000", encode_event(event(refund("nul\0", 1))), Err(WireError::Invalid("label"))),
        ("less than nothing", encode_event(event(refund("r", -1))), Err(WireError::Invalid("amount_minor"))),
        ("all there is", encode_event(event(refund("r", i64::MAX))), Err(WireError::Invalid("amount_minor"))),
        ("a time that no store knows", encode_event(late), Err(WireError::Invalid("stamped_at_ms"))),
        ("more than can be counted", encode_event(event(counts(u64::MAX))), Err(WireError::Invalid("refused"))),
    ] {
        assert_eq!(decode_event(&record).map(drop), wanted, "{what}");
    }
    let noise: Vec<u8> = (0..100_u8).map(|n| n.wrapping_mul(37) | 0x80).collect();
    assert!(matches!(decode_event(&noise), Err(WireError::NotProtobuf(_))));
}
