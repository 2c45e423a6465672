use std::collections::{HashMap, HashSet};

use super::*;
use crate::{
    audit::acknowledged::{Kind, Visits},
    load::{
        ask::{Ask, Visit},
        day::{CYCLE, Day},
        fake::Reply,
        prepare::prepare,
        render::address,
    },
};

#[test]
fn a_day_is_made_of_what_it_should_be() {
    const CYCLES: u64 = 200;
    let day = Day::new(7, 99, 1_000).expect("a day");
    let (mut clicks, mut orders, mut refunds) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..CYCLE * CYCLES {
        match day.ask(number) {
            Ask::Click(click) => clicks.push(click),
            Ask::Order(order) => orders.push(order),
            Ask::Refund(index) => refunds.push(index),
            other => panic!("{other:?} is not of a day"),
        }
    }
    assert_eq!((clicks.len(), orders.len(), refunds.len()), (200_000, 4_000, 200));
    let in_thousand = |count: usize, of: usize| count * 1_000 / of;
    let is_near = |found: usize, wanted: usize| found.abs_diff(wanted) <= 5;
    let repeats: Vec<_> = clicks.iter().filter(|click| click.repeat).collect();
    assert!(is_near(in_thousand(repeats.len(), clicks.len()), 150), "{} repeats", repeats.len());
    let bots = clicks.iter().filter(|click| click.visit == Visit::Bot).count();
    assert!(is_near(in_thousand(bots, clicks.len()), 50), "{bots} bots");
    let broken: Vec<_> = clicks.iter().filter_map(|click| click.broken).collect();
    assert!(is_near(in_thousand(broken.len(), clicks.len()), 10), "{} invalid", broken.len());
    assert_eq!(broken.into_iter().collect::<HashSet<_>>().len(), 3, "each way to be invalid");

    // A repeat is a click that was sent before, of a person, and valid.
    let firsts: HashMap<u64, _> =
        clicks.iter().filter(|click| !click.repeat).map(|click| (click.event, click)).collect();
    for repeat in repeats {
        let first = firsts.get(&repeat.event).expect("its first");
        assert!(first.visit == Visit::Person && first.broken.is_none(), "{first:?}");
        assert_eq!((first.link, first.visitor), (repeat.link, repeat.visitor));
    }

    // Zipf: the first link has about 1/H(1000) = 13 % of all clicks, the first ten 39 %.
    let to = |links: usize| in_thousand(clicks.iter().filter(|click| click.link < links).count(), clicks.len());
    assert!((120..=147).contains(&to(1)) && (370..=411).contains(&to(10)), "{} {}", to(1), to(10));
    let most = clicks.iter().fold(HashMap::<u64, u32>::new(), |mut seen, click| {
        *seen.entry(click.visitor).or_default() += 1;
        seen
    });
    // The busiest address is far above its share of one two-millionth, and below what an address may.
    let most = most.into_values().max().expect("a visitor");
    assert!((20..1_000).contains(&most), "{most}");

    // An order that is repeated was sent before; refunds and orders are all those that are prepared.
    for order in orders.iter().filter(|order| order.repeat) {
        assert!(orders.iter().any(|first| !first.repeat && !first.broken && first.index == order.index), "{order:?}");
    }
    assert_eq!(orders.iter().map(|order| order.index).max(), Some(3_999));
    assert!(orders.iter().any(|order| order.broken) && orders.iter().any(|order| !order.with_receipt));
    assert!(refunds.iter().copied().eq(0..200));
}

#[test]
fn a_day_comes_from_a_million_addresses() {
    let day = Day::new(7, 99, 10).expect("a day");
    let mut seen = HashSet::new();
    let clicks = (0..5_000_000).filter_map(|number| match day.ask(number) {
        Ask::Click(click) => Some(click.visitor),
        _ => None,
    });
    seen.extend(clicks.map(address));
    assert!(seen.len() >= 1_000_000, "{} addresses", seen.len());
}

/// Takes everything as the house does.
fn house(asked: &crate::load::fake::Asked<'_>) -> Reply {
    const RECEIPT: &str = "QAABme6_lDAAAAAAAAAAAQAAAAAAAAAAAAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
    const FORGED: &str = "QAABme6_lDAAAAAAAAAAAQAAAAAAAAAAAAECAwQFBgcICQoLAA0ODxAREhMUFRYX";
    const CONVERSION: &str = "conv_0000000000000000000000000g";
    let click = format!(r#"{{"tracked":true,"clickId":"{RECEIPT}"}}"#);
    let order = format!(
        r#"{{"conversionId":"{CONVERSION}","commissionAmount":9,"affiliatePayout":7,"status":"approved","outcome":"attributed"}}"#
    );
    let path = asked.head.split(' ').nth(1).unwrap_or_default();
    let body = asked.body;
    match path {
        "/track/batch" => {
            let clicks = body.matches("\"type\":\"click\"").map(|_| format!(r#"{{"status":200,"data":{click}}}"#));
            let orders = body.matches("\"type\":\"conversion\"").map(|_| format!(r#"{{"status":202,"data":{order}}}"#));
            let results: Vec<_> = clicks.chain(orders).collect();
            Reply::with("200 OK", &format!(r#"{{"data":{{"results":[{}]}}}}"#, results.join(",")))
        }
        "/track/click" if body.contains("NOBODYS-0") => Reply::with("404 Not Found", "{}"),
        "/track/click" if body.contains("not a code") || body.contains("ftp://") => {
            Reply::with("400 Bad Request", "{}")
        }
        "/track/click" => Reply::with("200 OK", &format!(r#"{{"data":{click}}}"#)),
        "/track/conversion" if body.contains(FORGED) => Reply::with("400 Bad Request", "{}"),
        "/track/conversion" => Reply::with("200 OK", &format!(r#"{{"data":{order}}}"#)),
        _ if path.starts_with("/conversions/conv_") => {
            Reply::with("200 OK", &format!(r#"{{"data":{{"id":"{CONVERSION}"}}}}"#))
        }
        _ => Reply::with("404 Not Found", "{}"),
    }
}

#[tokio::test]
async fn a_day_is_prepared_and_sent_and_all_of_it_is_as_deserved() {
    let fake = Fake::start(house).await;
    let load = Load { scenario: Scenario::Day, connections: 32, ..clicks(2_042) };
    let names = Names { key: Some("sk_1".to_owned()), ..world().names };
    let world = prepare(&fake.aim, &load, 2_042, names).await.expect("what a day needs");
    assert_eq!((world.receipts.len(), world.orders.len()), (40, 2));
    let prepared = fake.asked().len();
    assert_eq!(prepared, 3, "clicks for orders, clicks for refunds, orders for refunds");
    let loaded = loaded(&fake, &load, &world, Hands { threads: 2, ..HANDS }).await;
    assert_eq!(loaded.surprises, 0, "{:?}", loaded.first_surprise);
    let (told, answers) = (&loaded.acknowledged.told, &loaded.answers);
    let sent = [Kind::Click, Kind::Order, Kind::Refund].map(|kind| told[&kind].sent);
    assert_eq!((answers.requests, answers.failed, sent), (2_042, 0, [2_000, 40, 2]));
    let Visits { people, bots, repeats } = loaded.acknowledged.visits;
    assert!(people > 1_400 && bots > 50 && repeats > 200, "{people} {bots} {repeats}");
    assert_eq!(people + bots + repeats, told[&Kind::Click].taken());
    assert_eq!(loaded.acknowledged.clicks.len() as u64, told[&Kind::Click].taken());
    // Each event once: as many as there are different ids among those of people.
    let ids = fake.asked();
    let ids = ids
        .iter()
        .map(|request| String::from_utf8_lossy(request))
        .filter(|request| request.starts_with("POST /track/click") && !request.contains("+http://"));
    let ids: HashSet<String> = ids
        .filter(|request| !["NOBODYS-0", "not a code", "ftp://"].iter().any(|broken| request.contains(broken)))
        .filter_map(|request| Some(request.split_once("\"eventId\":\"")?.1.to_owned()))
        .collect();
    assert_eq!(ids.len() as u64, people);
    assert_eq!(answers.latency_by_kind.len(), 3, "{:?}", answers.latency_by_kind.keys());
    assert_eq!(loaded.acknowledged.refunds.len(), 2);
    let why = prepare(&fake.aim, &load, 2_042, Names { key: None, ..world.names }).await.expect_err("no key");
    assert!(why.to_string().contains("--key"), "{why}");
}

#[tokio::test]
async fn refunds_go_where_they_are_taken() {
    let (edge, api) = (Fake::start(house).await, Fake::start(house).await);
    let load = Load { scenario: Scenario::Day, connections: 32, ..clicks(3_063) };
    let names = Names { key: Some("sk_1".to_owned()), api: Some(api.aim.clone()), ..world().names };
    let world = prepare(&edge.aim, &load, 3_063, names).await.expect("what a day needs");
    let loaded = loaded(&edge, &load, &world, HANDS).await;
    assert_eq!((loaded.surprises, loaded.answers.failed), (0, 0), "{:?}", loaded.first_surprise);
    let refunds = api.asked();
    let to_the_api = |request: &Vec<u8>| {
        let host = api.aim.host.to_str().expect("a host is text");
        let text = String::from_utf8_lossy(request);
        text.starts_with("POST /conversions/conv_") && text.contains(&format!("host: {host}\r\n"))
    };
    assert!(refunds.len() == 3 && refunds.iter().all(to_the_api), "{} refunds", refunds.len());
    // One connection to it for sixteen to the edge, and one that prepared.
    assert_eq!((api.connections(), edge.connections()), (2, 33));
}
