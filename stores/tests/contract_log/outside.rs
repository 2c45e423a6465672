//! Whoever has the `.proto` can read the topics.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use schemas::{
    decision::{Answer, Decision, EventKind, Refusal},
    event::{Body, EdgeCount, EdgeCounts, Event, Refund, Review, ReviewAction},
    hashes::KeyHash,
    ids::{CompanyId, ConversionId, EventId, KeyId},
    time::TimeMs,
    wire::{encode_decision, encode_event},
};
use serde_json::{Value, json};
use stores::{Servers, log::Class};

use crate::place::{Place, at};

fn event(id: u128, body: Body) -> Event {
    Event {
        id: EventId(id),
        stamped_at: TimeMs(1_700_000_000_000),
        resent: false,
        reply_to: Some(1),
        key: Some(KeyId(9)),
        first_appended_at: None,
        body,
    }
}

fn events() -> [Event; 4] {
    let (company, conversion) = (CompanyId(5), ConversionId(1 << 64));
    let refund = Refund {
        company,
        conversion,
        key: KeyHash(3),
        label: "größte Rückgabe".to_owned(),
        amount_minor: Some(-12),
        reason: None,
        body_hash: 4,
    };
    [
        event(1, Body::Refund(Box::new(refund))),
        event(2, Body::Review(Review { company, conversion, action: ReviewAction::Reject })),
        event(
            3,
            Body::EdgeCounts(EdgeCounts { counts: vec![EdgeCount { company, kind: EventKind::Sale, refused: 7 }] }),
        ),
        event(4, Body::Tick),
    ]
}

/// Reads a whole partition with kcat, and decodes it in Python.
fn read_from_outside(servers: &Servers, topic: &str, message: &str) -> Vec<Value> {
    let mut kcat = Command::new("kcat");
    kcat.args(["-C", "-q", "-e", "-o", "beginning", "-p", "0", "-f", "%R%s", "-b", &servers.kafka, "-t", topic]);
    let records = kcat.stderr(Stdio::inherit()).output().expect("kcat is installed: ./scripts/services install");
    assert!(records.status.success());
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut decode = Command::new("python3");
    decode.arg(here.join("tests/contract_log/decode.py")).arg(here.join("../schemas/proto/refmill.proto")).arg(message);
    if let Ok(modules) = std::env::var("REFMILL_TEST_PYTHONPATH") {
        decode.env("PYTHONPATH", modules);
    }
    let mut decoding = decode.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    decoding.stdin.take().unwrap().write_all(&records.stdout).unwrap();
    let decoded = decoding.wait_with_output().unwrap();
    assert!(
        decoded.status.success(),
        "Python's protobuf and grpcio-tools are needed: eval \"$(./scripts/services up)\""
    );
    String::from_utf8(decoded.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_can_be_read_with_the_proto_alone() {
    let place = Place::distributed(1);
    let Place::Distributed(servers) = &place else { unreachable!("it is distributed") };
    let log = place.open().await;
    let records = events().map(|event| (0, encode_event(event))).to_vec();
    log.enqueue_many(Class::Own, records).unwrap().await.unwrap();
    let decision = Decision {
        event: EventId(1),
        position: at(0),
        reply_to: Some(0),
        company: CompanyId(5),
        kind: EventKind::Refund,
        answer: Answer::Refused(Refusal::UnknownConversion),
    };
    log.publish(vec![(Some(0), encode_decision(&decision))]).await.unwrap();
    log.close().await;

    let common = |last: u8, name: &str, body: Value| {
        let id = data(&[[0; 15].as_slice(), &[last]].concat());
        let mut expected = json!({ "id": id, "stamped_at_ms": "1700000000000", "reply_to": 1, "key_id": "9" });
        expected[name] = body;
        expected
    };
    let sixteen = |high: u64, low: u64| data(&[high.to_be_bytes(), low.to_be_bytes()].concat());
    let refund = json!({
        "company": "5", "conversion": sixteen(1, 0), "key": sixteen(0, 3), "label": "größte Rückgabe",
        "amount_minor": "-12", "body_hash": sixteen(0, 4),
    });
    let expected = [
        common(1, "refund", refund),
        common(2, "review", json!({ "company": "5", "conversion": sixteen(1, 0), "action": 1 })),
        common(3, "edge_counts", json!({ "counts": [{ "company": "5", "kind": 3, "refused": "7" }] })),
        common(4, "tick", json!({})),
    ];
    assert_eq!(read_from_outside(servers, &format!("{}.events", servers.prefix), "refmill.Event"), expected);
    let decisions = read_from_outside(servers, &format!("{}.decisions", servers.prefix), "refmill.Decision");
    assert_eq!(decisions.len(), 1);
    assert_eq!((&decisions[0]["event"], &decisions[0]["company"]), (&json!(sixteen(0, 1)), &json!("5")));
    assert!(decisions[0]["refused"].is_object(), "{decisions:?}");
    place.clear().await;
}

/// Bytes as JSON has them: base64.
fn data(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().chain([&0, &0]).take(3).fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place > chunk.len() { '=' } else { digit.into() });
        }
    }
    text
}
