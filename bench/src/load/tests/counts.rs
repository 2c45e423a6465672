use std::collections::BTreeMap;

use super::*;
use crate::{
    audit::acknowledged::{Kind, Told, Visits},
    load::{fake::Reply, requests},
};

const RECEIPT: &str = "QAABme6_lDAAAAAAAAAAAQAAAAAAAAAAAAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

fn tracked() -> Reply {
    Reply::with("200 OK", &format!(r#"{{"success":true,"data":{{"tracked":true,"clickId":"{RECEIPT}"}}}}"#))
}

#[tokio::test]
async fn every_answer_is_counted_however_it_comes() {
    // Who closes says so before: else the next request may be on its way already.
    let closing = || {
        let answer = String::from_utf8_lossy(&tracked().bytes).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
        Reply { bytes: answer.into_bytes(), then_close: true, ..tracked() }
    };
    for (pieces, then_close, threads) in [(1, false, 1), (7, false, 1), (1, true, 1), (7, true, 2), (1_000, false, 2)] {
        let fake = Fake::start(move |_| Reply { pieces, ..if then_close { closing() } else { tracked() } }).await;
        let loaded = loaded(&fake, &clicks(100), &world(), Hands { threads, ..HANDS }).await;
        let answers = &loaded.answers;
        let what = format!("{pieces} pieces, {then_close}: {answers:?}");
        assert_eq!(answers.by_status, BTreeMap::from([(200, 100)]), "{what}");
        assert_eq!((answers.requests, answers.failed, answers.events_acknowledged), (100, 0, 100), "{what}");
        assert_eq!(loaded.acknowledged.clicks.len(), 100, "{what}");
        assert_eq!(loaded.acknowledged.visits, Visits { people: 100, bots: 0, repeats: 0 }, "{what}");
        assert_eq!(loaded.generator.threads, threads, "{what}");
        assert_eq!(fake.asked().len(), 100, "{what}");
        assert_eq!(fake.connections(), if then_close { 100 } else { 8 }, "{what}");
    }
}

#[tokio::test]
async fn a_connection_takes_as_many_requests_as_it_is_told() {
    // Of four places each may have a connection that is not used up.
    for (most, connections) in [(Some(1), 60..=60), (Some(3), 20..=23), (None, 4..=4)] {
        let fake = Fake::start(|_| Reply::no_content()).await;
        let load = Load { connections: 4, requests_a_connection: most, ..clicks(60) };
        let answers = loaded(&fake, &load, &world(), HANDS).await.answers;
        assert_eq!(answers.by_status, BTreeMap::from([(204, 60)]), "{most:?}");
        assert!(connections.contains(&fake.connections()), "{most:?}: {}", fake.connections());
    }
}

#[tokio::test]
async fn what_is_refused_or_not_answered_is_told_apart() {
    let fake = Fake::start(|asked| match asked.number % 10 {
        0 => Reply::with("429 Too Many Requests", "{}"),
        1 => Reply::with("200 OK", r#"{"data":{"tracked":false}}"#),
        2 => Reply { bytes: b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{".to_vec(), then_close: true, ..tracked() },
        3 => Reply { bytes: b"220 mail\r\n".to_vec(), ..tracked() },
        _ => tracked(),
    })
    .await;
    let loaded = loaded(&fake, &clicks(100), &world(), HANDS).await;
    let answers = &loaded.answers;
    assert_eq!(answers.by_status, BTreeMap::from([(200, 70), (429, 10)]), "{answers:?}");
    assert_eq!((answers.failed, answers.events_acknowledged), (20, 60), "{answers:?}");
    assert_eq!(loaded.surprises, 20, "{:?}", loaded.first_surprise);
    let told = Told { sent: 100, refused: BTreeMap::from([(200, 10), (429, 10)]), unsure: 20 };
    assert_eq!(loaded.acknowledged.told, BTreeMap::from([(Kind::Click, told)]));
    assert_eq!(loaded.acknowledged.clicks.len(), 60);
}

#[tokio::test]
async fn a_batch_is_answered_one_by_one_or_as_a_whole() {
    let one_refused = format!(
        r#"{{"data":{{"results":[{{"status":200,"data":{{"clickId":"{RECEIPT}"}}}},{{"status":429,"error":{{}}}}]}}}}"#
    );
    for (status, reply, taken, refused) in [
        ("200 OK", one_refused, 1, BTreeMap::from([(429, 20)])),
        ("200 OK", String::new(), 2, BTreeMap::new()),
        ("204 No Content", String::new(), 2, BTreeMap::new()),
    ] {
        let body = reply.clone();
        let fake = Fake::start(move |_| Reply::with(status, &body)).await;
        let load = Load { scenario: Scenario::Batch, events_a_request: 2, ..clicks(20) };
        let loaded = loaded(&fake, &load, &world(), HANDS).await;
        let answers = &loaded.answers;
        assert_eq!((answers.events_sent, answers.events_acknowledged), (40, 20 * taken), "{status} {reply}");
        assert_eq!(loaded.acknowledged.told[&Kind::Click].refused, refused, "{status} {reply}");
        assert_eq!(loaded.surprises == 0, taken == 2, "{status} {reply}");
    }
}

#[tokio::test]
async fn who_is_not_there_is_said_at_once() {
    let fake = Fake::start(|_| Reply::no_content()).await;
    let gone = nobody(&fake);
    let error = load(&gone, &clicks(10), &world(), HANDS, &Progress::hidden()).await.expect_err("nobody is there");
    assert!(format!("{error:#}").contains("no connection to"), "{error:#}");
    // Where none is kept, each request finds that out.
    let load = Load { requests_a_connection: Some(1), ..clicks(10) };
    let loaded = super::load(&gone, &load, &world(), HANDS, &Progress::hidden()).await.expect("a load");
    assert_eq!((loaded.answers.failed, loaded.answers.requests), (10, 10), "{:?}", loaded.answers);
    let closed = Load { offered: Offered::AsAnswered, ..load };
    let loaded = super::load(&gone, &closed, &world(), HANDS, &Progress::hidden()).await.expect("a load");
    assert!(loaded.answers.requests < 10_000 && loaded.answers.took_us < 900_000, "{:?}", loaded.answers);
}

#[test]
fn a_load_is_bounded() {
    let of = |offered, seconds, events_a_request, connections| {
        requests(&Load { offered, seconds, events_a_request, connections, ..clicks(1) }).ok()
    };
    for (offered, seconds, events, connections, expected) in [
        (Offered::Rate(1_000), 10, 1, 1, Some(10_000)),
        (Offered::Rate(1_000), 0, 1, 1, None),
        (Offered::Rate(1_000), 10, 0, 1, None),
        (Offered::Rate(1_000), 10, 1_001, 1, None),
        (Offered::Rate(1_000), 10, 1, 0, None),
        (Offered::Rate(1_000_000), 33, 1, 1, Some(33_000_000)),
        (Offered::Rate(1_000_000), 34, 1, 1, None),
        (Offered::Rate(1_000_000), 1, 100, 1, None),
        (Offered::AsAnswered, 1, 1, 1, Some(200_000)),
        (Offered::AsAnswered, 3_600, 100, 1, Some(335_544)),
    ] {
        assert_eq!(of(offered, seconds, events, connections), expected, "{offered:?} {seconds} {events} {connections}");
    }
}
