//! Nothing is kept in Redis for ever, and nothing for less than it is needed.

use redis::Connection;
use rules::touches::LinkTouch;
use schemas::ids::LinkId;

use crate::{
    home::{Home, Variant},
    samples::{NOON, link, loaded, many, seen_at, touch},
};

const DAY_S: i64 = 86_400;

/// Every key that ends too soon or never.
fn wrong(home: &Home) -> Vec<String> {
    let floor = |name: &str| match name.split(':').nth(4) {
        Some("links" | "progress" | "journal") => 180 * DAY_S,
        Some("recent") => DAY_S,
        _ => 1,
    };
    let keys = home.keys();
    assert!(!keys.is_empty());
    keys.into_iter().filter(|(name, left)| *left < floor(name) - 60).map(|(name, _)| name).collect()
}

async fn filled() -> Home {
    let home = Home::new(Variant::Distributed);
    let store = home.open().await;
    store.save(0, 1, 0, 10, many(300, 50, 1)).await.unwrap();
    store.save(0, 1, 10, 20, many(5_000, 25_000, 2)).await.unwrap();
    store.save_all(1, 1, 20, &loaded(20, &[&many(3_000, 0, 3)]).touches).await.unwrap();
    store.forget(1).await.unwrap();
    home
}

#[tokio::test]
async fn every_key_ends() {
    assert_eq!(wrong(&filled().await), Vec::<String>::new());
}

#[tokio::test]
async fn control_a_key_that_never_ends_or_too_soon_is_caught() {
    let home = filled().await;
    for (command, kind) in [("PERSIST", ":links:"), ("PERSIST", ":progress"), ("EXPIRE", ":recent:")] {
        let (name, left) = home.keys().into_iter().find(|(name, _)| name.contains(kind)).unwrap();
        let mut outside = home.outside();
        let mut change = redis::cmd(command);
        change.arg(&name);
        if command == "EXPIRE" {
            change.arg(3_600);
        }
        change.exec(&mut outside).unwrap();
        assert_eq!(wrong(&home), std::slice::from_ref(&name));
        redis::cmd("EXPIRE").arg(&name).arg(left).exec(&mut outside).unwrap();
    }
}

/// Makes what this quarter's saves brought into what one some quarters ago did.
fn age(home: &Home, quarters: i64) {
    let mut outside = home.outside();
    let names: Vec<String> = home.keys().into_iter().map(|(name, _)| name).collect();
    let mut aged = 0;
    for name in names.iter().filter(|name| name.contains(":links:")) {
        let mut parts: Vec<String> = name.split(':').map(str::to_owned).collect();
        aged = parts[5].parse::<i64>().unwrap() - quarters;
        parts[5] = aged.to_string();
        redis::cmd("RENAME").arg(name).arg(parts.join(":")).exec(&mut outside).unwrap();
    }
    set_periods(home, &mut outside, &aged.to_string());
}

fn set_periods(home: &Home, outside: &mut Connection, periods: &str) {
    let progress = home.keys().into_iter().find(|(name, _)| name.ends_with(":progress")).unwrap().0;
    redis::cmd("HSET").arg(progress).arg("periods").arg(periods).exec(outside).unwrap();
}

#[tokio::test]
async fn a_link_moves_into_the_quarter_in_which_it_changes() {
    let home = Home::new(Variant::Distributed);
    let store = home.open().await;
    let before = many(500, 0, 1);
    store.save(0, 1, 0, 10, before.clone()).await.unwrap();
    age(&home, 2);
    let changed = many(100, 0, 2);
    store.save(0, 1, 10, 20, changed.clone()).await.unwrap();
    assert_eq!(store.load(0).await.unwrap(), loaded(20, &[&before, &changed]), "both quarters are read");
    let mut outside = home.outside();
    let held: u64 = home
        .keys()
        .into_iter()
        .filter(|(name, _)| name.contains(":links:"))
        .map(|(name, _)| redis::cmd("HLEN").arg(name).query::<u64>(&mut outside).unwrap())
        .sum();
    assert_eq!(held, 500, "no link is held twice");
    set_periods(&home, &mut outside, "3");
    let new = link(5, LinkTouch { first: Some(touch(5)), ..LinkTouch::default() });
    store.save(0, 1, 20, 30, new).await.unwrap();
    let known = store.load(0).await.unwrap().touches.links;
    assert!(known.contains_key(&LinkId(5)), "a quarter long gone is let go of");
}

#[tokio::test]
async fn event_ids_that_ended_make_the_partition_be_made_again() {
    let home = Home::new(Variant::Distributed);
    let store = home.open().await;
    store.save(0, 3, 0, 10, seen_at(NOON)).await.unwrap();
    let (recent, _) = home.keys().into_iter().find(|(name, _)| name.contains(":recent:")).unwrap();
    redis::cmd("UNLINK").arg(recent).exec(&mut home.outside()).unwrap();
    assert_eq!(store.load(0).await.unwrap(), Default::default());
    store.save(0, 3, 0, 10, seen_at(NOON)).await.unwrap();
    assert_eq!(store.load(0).await.unwrap(), loaded(10, &[&seen_at(NOON)]));
}
