use compact_str::CompactString;
use proptest::prelude::*;

use super::*;
use crate::{
    decision::EventKind,
    event::{Body, Click, EdgeCount, EdgeCounts, Event, Refund},
    hashes::{AddressHash, KeyHash},
    ids::{CompanyId, ConversionId, EventId, KeyId, LinkId, PartnerId, ProgramId},
    receipt::{Receipt, ReceiptFields, ReceiptKey, ReceiptKeyId, Visit},
    time::TimeMs,
    web::{Device, Page, Utm},
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

fn text() -> impl Strategy<Value = CompactString> {
    prop_oneof![Just(String::new()), "[a-z0-9./-]{1,40}", "\\PC{0,200}"].prop_map(CompactString::from)
}

fn some_text() -> impl Strategy<Value = Option<CompactString>> {
    text().prop_map(|text| Some(text).filter(|text| !text.is_empty()))
}

fn signed(client_event_id: bool, at_ms: i64, hashes: [u64; 4]) -> Receipt {
    let (visit, at, [link, visitor, address_cut, event_id_hash]) = (Visit::Person, TimeMs(at_ms), hashes);
    let link = LinkId(link);
    let fields = ReceiptFields { visit, client_event_id, at, link, visitor, address_cut, event_id_hash };
    Receipt::sign(&ReceiptKey { id: ReceiptKeyId(1), secret: [7; 16] }, &fields)
}

prop_compose! {
    fn click()(
        ids in any::<[u64; 3]>(),
        hashes in (any::<u128>(), any::<Option<u128>>()),
        fields in (any::<bool>(), 0..1_i64 << 48, any::<[u64; 4]>()),
        texts in [text(), text(), text()],
        optional in [some_text(), some_text(), some_text(), some_text()],
        device in 0..Device::ALL.len(),
    ) -> Click {
        let ([company, program, partner], [code, host, path]) = (ids, texts);
        let [referrer_host, source, medium, campaign] = optional;
        let (client_event_id, at, hashes_of_it) = fields;
        Click {
            company: CompanyId(company),
            program: ProgramId(program),
            partner: PartnerId(partner),
            code,
            receipt: signed(client_event_id, at, hashes_of_it),
            address: AddressHash(hashes.0),
            address_before: hashes.1.map(AddressHash),
            landing: Page { host, path },
            referrer_host,
            utm: Utm { source, medium, campaign },
            device: Device::ALL[device],
        }
    }
}

prop_compose! {
    fn clicked()(
        click in click(),
        id in any::<u128>(),
        times in (0..1_i64 << 42, any::<Option<u32>>()),
        marks in (any::<bool>(), any::<Option<u32>>(), any::<u64>()),
    ) -> Event {
        let ((stamped_at, first), (resent, reply_to, key)) = (times, marks);
        Event {
            id: EventId(id),
            stamped_at: TimeMs(stamped_at),
            resent,
            reply_to,
            key: Some(KeyId(key)).filter(|key| key.0 != 0),
            first_appended_at: first.map(|at| TimeMs(at.into())),
            body: Body::Click(Box::new(click)),
        }
    }
}

/// The length of a click's body takes one byte, two or three.
#[test]
fn clicks_of_every_length_are_written_as_prost_does() {
    let shortest = event(Body::Click(Box::new(Click {
        company: CompanyId(0),
        program: ProgramId(0),
        partner: PartnerId(0),
        code: CompactString::default(),
        receipt: signed(false, 0, [0; 4]),
        address: AddressHash(0),
        address_before: None,
        landing: Page { host: CompactString::default(), path: CompactString::default() },
        referrer_host: None,
        utm: Utm { source: None, medium: None, campaign: None },
        device: Device::ALL[0],
    })));
    for length in (0..200).chain(16_200..16_500) {
        let mut event = shortest.clone();
        let Body::Click(click) = &mut event.body else { panic!("a click") };
        click.landing.path = "p".repeat(length).into();
        assert_eq!(encode_event(event.clone()), event::encode_record(event), "{length}");
    }
}

proptest! {
    /// What is quick about a click must not show: neither in its bytes, nor in what is taken for one, however it is spoilt.
    #[test]
    fn clicks_are_written_and_read_as_prost_does(event in clicked(), spoilt in any::<(prop::sample::Index, u8)>(), cut: prop::sample::Index) {
        let bytes = encode_event(event.clone());
        prop_assert_eq!(&bytes, &event::encode_record(event.clone()));
        prop_assert_eq!(click::decode(&bytes), Some(event.clone()), "the quick way takes it");
        prop_assert_eq!(decode_event(&bytes), Ok(event.clone()));
        prop_assert!(is_click(&bytes) && !is_click(&tick()));
        let mut resent = bytes.clone();
        mark_resent(&mut resent);
        prop_assert_eq!(decode_event(&resent), Ok(Event { resent: true, ..event }));
        let mut other = resent.clone();
        other[spoilt.0.index(resent.len())] ^= spoilt.1;
        for bytes in [&other[..], &resent[..cut.index(resent.len())], &[&bytes[..], &bytes[..]].concat()] {
            prop_assert_eq!(decode_event(bytes), event::decode_record(bytes));
        }
    }
}
