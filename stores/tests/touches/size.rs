//! A partition with very many links: that it works, and what it costs.

use std::time::{Duration, Instant};

use crate::{
    home::{Home, Variant, variants},
    samples::{loaded, many},
};

const LINKS: u64 = 100_000;
const IDS: u64 = 200_000;

/// A save of a busy second.
const CHANGED: u64 = 1_500;
const SAVES: u64 = 20;

#[tokio::test]
async fn a_big_partition_is_saved_and_loaded() {
    for variant in variants() {
        let home = Home::new(variant);
        let store = home.open().await;
        let (delta, before) = (many(LINKS, IDS, 1), used(&home));
        let all = loaded(10, &[&delta]);
        let timed = Instant::now();
        store.save(0, 1, 0, 10, delta.clone()).await.unwrap();
        let saved = timed.elapsed();
        let bytes = used(&home).saturating_sub(before);
        let timed = Instant::now();
        assert_eq!(store.load(0).await.unwrap(), all);
        let read = timed.elapsed();
        let timed = Instant::now();
        store.save_all(0, 1, 20, &all.touches).await.unwrap();
        let replaced = timed.elapsed();
        assert_eq!(store.load(0).await.unwrap().next, 20);
        println!(
            "{variant:?}: {LINKS} links and {IDS} ids saved in {saved:?}, loaded in {read:?}, replaced in {replaced:?}"
        );
        if variant == Variant::Distributed {
            println!("{variant:?}: {bytes} bytes of Redis for all of it");
        }
        let (small, cpu) = (many(CHANGED, 0, 2), cpu(&home));
        let timed = Instant::now();
        for n in 0..SAVES {
            store.save(0, 1, 20 + n, 21 + n, small.clone()).await.unwrap();
        }
        let each = |time: Duration| time.as_nanos() / u128::from(CHANGED * SAVES);
        println!(
            "{variant:?}: a save of {CHANGED} links takes {:?}: {} ns a link, {} ns of Redis' CPU",
            timed.elapsed() / SAVES as u32,
            each(timed.elapsed()),
            each(self::cpu(&home).saturating_sub(cpu)),
        );
        store.close().await;
    }
}

#[tokio::test]
async fn what_a_link_takes_in_redis() {
    for (last_is_first, delta) in [(false, many(LINKS, 0, 1)), (true, many(LINKS, 0, 0))] {
        let home = Home::new(Variant::Distributed);
        let store = home.open().await;
        store.save(0, 1, 0, 10, delta).await.unwrap();
        let bytes: u64 = home
            .keys()
            .into_iter()
            .map(|(name, _)| {
                let mut usage = redis::cmd("MEMORY");
                usage.arg("USAGE").arg(name).arg("SAMPLES").arg(0);
                usage.query::<u64>(&mut home.outside()).unwrap()
            })
            .sum();
        println!("{} bytes a link (one click only: {last_is_first})", bytes / LINKS);
        assert!(bytes / LINKS < 400, "{} bytes a link", bytes / LINKS);
    }
}

fn info(home: &Home, section: &str, name: &str) -> Option<String> {
    let text: String = redis::cmd("INFO").arg(section).query(&mut home.outside()).unwrap();
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::to_owned))
}

fn used(home: &Home) -> u64 {
    match home.variant {
        Variant::Embedded => 0,
        Variant::Distributed => info(home, "memory", "used_memory").unwrap().parse().unwrap(),
    }
}

fn cpu(home: &Home) -> Duration {
    let seconds = |name| Duration::try_from_secs_f64(info(home, "cpu", name).unwrap().parse().unwrap()).unwrap();
    match home.variant {
        Variant::Embedded => Duration::ZERO,
        Variant::Distributed => seconds("used_cpu_user") + seconds("used_cpu_sys"),
    }
}
