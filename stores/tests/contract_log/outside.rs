//! Whoever has the `.proto` can read the topics.

mod records;

use std::{
    collections::BTreeSet,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use schemas::wire::{encode_decision, encode_event};
use serde_json::Value;
use stores::{Servers, log::Class};

use crate::place::Place;

const PROTO: &str = include_str!("../../../schemas/proto/refmill.proto");

/// Fields that no record has a value in as long as no reader needs to know more than the first one did.
const NOT_YET_SET: [&str; 1] = ["version"];

/// A whole partition as kcat reads it, each record after its length.
fn read_from_outside(servers: &Servers, topic: &str) -> Vec<u8> {
    let mut kcat = Command::new("kcat");
    kcat.args(["-C", "-q", "-e", "-o", "beginning", "-p", "0", "-f", "%R%s", "-b", &servers.kafka, "-t", topic]);
    let records = kcat.stderr(Stdio::inherit()).output().expect("kcat is installed: ./scripts/services install");
    assert!(records.status.success());
    records.stdout
}

/// What Python makes of the records with this `.proto`, or nothing where it can make nothing of them.
fn decoded(records: &[u8], proto: &str, message: &str) -> Option<Vec<Value>> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("refmill.proto");
    std::fs::write(&file, proto).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract_log/decode.py");
    let mut decode = Command::new("python3");
    decode.arg(script).arg(file).arg(message);
    if let Ok(modules) = std::env::var("REFMILL_TEST_PYTHONPATH") {
        decode.env("PYTHONPATH", modules);
    }
    let mut decoding = decode.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    decoding.stdin.take().unwrap().write_all(records).unwrap();
    let decoded = decoding.wait_with_output().unwrap();
    let lines = String::from_utf8(decoded.stdout).unwrap();
    decoded.status.success().then(|| lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// The same `.proto` with the tags of two fields of a message exchanged.
fn with_swapped_tags(message: &str, one: &str, other: &str) -> String {
    let start = PROTO.find(&format!("message {message} {{")).unwrap();
    let end = start + PROTO[start..].find("\n}").unwrap();
    let (before, of_message, after) = (&PROTO[..start], &PROTO[start..end], &PROTO[end..]);
    let field = |name: &str| {
        let at = of_message.find(&format!(" {name} = ")).unwrap();
        of_message[at..].split_inclusive(';').next().unwrap()
    };
    let tag = |name: &str| field(name).rsplit_once(' ').unwrap().1.to_owned();
    let swapped = of_message
        .replace(field(one), &format!(" {one} = {}", tag(other)))
        .replace(field(other), &format!(" {other} = {}", tag(one)));
    assert_ne!(swapped, of_message, "{message}");
    format!("{before}{swapped}{after}")
}

/// The names of all fields, those of a `oneof` too.
fn fields() -> BTreeSet<&'static str> {
    let lines = PROTO.lines().filter_map(|line| line.split_once(';'));
    lines.filter_map(|(field, _)| field.rsplit_once(" = ")?.0.rsplit_once(' ')).map(|(_, name)| name).collect()
}

fn note_names(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            into.insert(name.clone());
            note_names(value, into);
        }),
        Value::Array(values) => values.iter().for_each(|value| note_names(value, into)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_can_be_read_with_the_proto_alone() {
    let place = Place::distributed(1);
    let Place::Distributed(servers) = &place else { unreachable!("it is distributed") };
    let log = place.open().await;
    let (events, events_read): (Vec<_>, Vec<_>) = records::events().into_iter().unzip();
    let records: Vec<_> = events.into_iter().map(|event| (0, encode_event(event))).collect();
    log.enqueue_many(Class::Own, records).unwrap().await.unwrap();
    let (decisions, decisions_read): (Vec<_>, Vec<_>) = records::decisions().into_iter().unzip();
    let records = decisions.iter().map(|decision| (Some(0), encode_decision(decision))).collect();
    log.publish(records).await.unwrap();
    log.close().await;

    let events = read_from_outside(servers, &format!("{}.events", servers.prefix));
    let decisions = read_from_outside(servers, &format!("{}.decisions", servers.prefix));
    let needed = "Python's protobuf and grpcio-tools are needed: eval \"$(./scripts/services up)\"";
    assert_eq!(decoded(&events, PROTO, "refmill.Event").expect(needed), events_read);
    assert_eq!(decoded(&decisions, PROTO, "refmill.Decision").expect(needed), decisions_read);
    place.clear().await;

    for (message, one, other) in [
        ("Event", "stamped_at_ms", "first_appended_at_ms"),
        ("Event", "review", "settle"),
        ("Click", "program", "partner"),
        ("Click", "utm_medium", "utm_campaign"),
        ("Claim", "customer_hash", "email_hash"),
        ("Refund", "label", "reason"),
    ] {
        let read = decoded(&events, &with_swapped_tags(message, one, other), "refmill.Event");
        assert_ne!(read, Some(events_read.clone()), "{message}: {one} and {other} are swapped and nobody sees it");
    }
    for (message, one, other) in [("Converted", "commission_minor", "partner_minor"), ("Decision", "partition", "kind")]
    {
        let read = decoded(&decisions, &with_swapped_tags(message, one, other), "refmill.Decision");
        assert_ne!(read, Some(decisions_read.clone()), "{message}: {one} and {other} are swapped and nobody sees it");
    }
}

#[test]
fn no_field_of_the_proto_is_left_out() {
    let mut set = BTreeSet::new();
    records::events().iter().for_each(|(_, read)| note_names(read, &mut set));
    records::decisions().iter().for_each(|(_, read)| note_names(read, &mut set));
    let fields = fields();
    assert!(fields.len() > 50 && fields.contains("occurred_at_ms"), "{fields:?}");
    let left_out: Vec<_> =
        fields.into_iter().filter(|name| !set.contains(*name) && !NOT_YET_SET.contains(name)).collect();
    assert_eq!(left_out, Vec::<&str>::new());
}
