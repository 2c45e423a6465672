use std::collections::HashSet;

use super::*;
use crate::load::{
    fake::Reply,
    world::{Needs, Prepared},
};

const SCENARIOS: [(Scenario, u32); 7] = [
    (Scenario::Click, 1),
    (Scenario::Beacon, 1),
    (Scenario::Batch, 3),
    (Scenario::Redirect, 1),
    (Scenario::Conversion, 1),
    (Scenario::Conversion, 2),
    (Scenario::Day, 1),
];

fn prepared(run: &str) -> World {
    let orders = (0..3).map(|index| Prepared { conversion: format!("conv_{index:026}"), value_minor: 900 + index });
    let mut world = World { receipts: vec![[b'a'; 64]; 500].into(), orders: orders.collect(), ..world() };
    run.clone_into(&mut world.names.run);
    world
}

async fn sent(load: &Load, world: &World, threads: u32) -> Vec<Vec<u8>> {
    let fake = Fake::start(|_| Reply::no_content()).await;
    loaded(&fake, load, world, Hands { threads, ..HANDS }).await;
    let host = fake.aim.host.to_str().expect("a host is text").to_owned();
    let same_host = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).replace(&host, "host").into_bytes();
    let mut asked: Vec<_> = fake.asked().into_iter().map(same_host).collect();
    asked.sort();
    asked
}

async fn check(scenario: Scenario, events_a_request: u32) {
    let load = Load { scenario, events_a_request, ..clicks(200) };
    let (one, two) = (prepared("r1"), prepared("r2"));
    let other_seed = Load { seed: 8, ..load.clone() };
    let (first, again, seed, run) =
        tokio::join!(sent(&load, &one, 1), sent(&load, &one, 3), sent(&other_seed, &one, 1), sent(&load, &two, 1));
    assert_eq!(first.len(), 200, "{scenario:?}");
    assert!(first == again, "{scenario:?}: another load, by other threads, sends the same");
    // An order is what its receipt and its number say.
    assert!(first != seed || scenario == Scenario::Conversion, "{scenario:?}: another seed sends something else");
    let run: HashSet<Vec<u8>> = run.into_iter().collect();
    let named = first.iter().filter(|request| !run.contains(*request)).count();
    assert_eq!(named, 200, "{scenario:?}: ids and visitors are of their run alone");
}

#[tokio::test]
async fn the_same_seed_is_the_same_requests_byte_for_byte() {
    let mut checks = tokio::task::JoinSet::new();
    for (scenario, events_a_request) in SCENARIOS {
        checks.spawn(check(scenario, events_a_request));
    }
    checks.join_all().await;
}

#[tokio::test]
async fn clicks_of_a_batch_have_ids_where_it_is_said() {
    for named in [false, true] {
        let mut load = Load { scenario: Scenario::Batch, events_a_request: 50, ..clicks(20) };
        load.crowd.named = named;
        let sent: String = sent(&load, &prepared("r1"), 1).await.iter().map(|it| String::from_utf8_lossy(it)).collect();
        let ids = sent.split("\"eventId\":\"").skip(1).filter_map(|rest| rest.split('"').next());
        let wanted = if named { 1_000 } else { 0 };
        assert_eq!(ids.collect::<HashSet<_>>().len(), wanted, "{named}");
        assert_eq!(sent.matches("\"fingerprint\"").count(), wanted, "{named}");
    }
}

#[test]
fn as_much_is_prepared_as_is_named() {
    for (scenario, requests, events, orders, refunds) in [
        (Scenario::Click, 1_000, 1, 0, 0),
        (Scenario::Conversion, 1_000, 1, 1_000, 0),
        (Scenario::Conversion, 10, 100, 1_000, 0),
        (Scenario::Day, 1_021, 1, 20, 1),
        (Scenario::Day, 1_022, 1, 40, 2),
    ] {
        assert_eq!(Needs::of(scenario, requests, events), Needs { orders, refunds }, "{scenario:?} {requests}");
    }
}
