//! In a process of its own, so that what it measures is the limiter's.

use governor::clock::FakeRelativeClock;
use ingest::limiter::{ClickLimiter, TABLE_BYTES};
use xxhash_rust::xxh3::xxh3_64_with_seed;

const ADDRESSES: u64 = 10_000_000;
const HEAVY: u64 = 1_000;
const LIMIT: u32 = 20;
const SLACK_BYTES: usize = 2 << 20;

#[test]
fn ten_million_addresses_stay_within_the_table() {
    let before = resident();
    let clicks = ClickLimiter::new(LIMIT, FakeRelativeClock::default()).expect("in range");
    let idle = resident() - before;
    assert!(idle < SLACK_BYTES, "an idle limiter takes {idle} bytes");

    // By chance 2.8 share their 44 bits; with another seed each time it would now and then be more than 10.
    let address = |number: u64| xxh3_64_with_seed(&number.to_be_bytes(), 7);
    // The heavy addresses click all the while the others come by once each.
    let mut heavy_passed = 0;
    for number in 0..ADDRESSES {
        let _ = clicks.check(address(number));
        if number % 100 == 0 {
            heavy_passed += u64::from(clicks.check(address(ADDRESSES + number / 100 % HEAVY)).is_ok());
        }
    }
    let heavy_sent = ADDRESSES / 100;
    let heavy_over = heavy_sent - HEAVY * u64::from(LIMIT);
    let slipped = heavy_passed.saturating_sub(HEAVY * u64::from(LIMIT));
    println!(
        "{HEAVY} heavy among {ADDRESSES} single clicks: {slipped} of {heavy_over} clicks over the limit slipped through"
    );

    // The worst case: nobody is heavier than anyone else, and there are more of them than slots.
    let even = ClickLimiter::new(1, FakeRelativeClock::default()).expect("in range");
    let first = (0..ADDRESSES).filter(|number| even.check(address(*number)).is_err()).count();
    let slipped_even = (0..ADDRESSES).filter(|number| even.check(address(*number)).is_ok()).count() as u64;
    println!(
        "{ADDRESSES} equal addresses, one click over the limit each: {slipped_even} slipped through ({} per mille)",
        slipped_even * 1_000 / ADDRESSES
    );
    drop(even);

    let grown = resident() - before;
    println!("idle {idle} bytes, at {ADDRESSES} addresses {grown} bytes");
    assert!(grown <= TABLE_BYTES + SLACK_BYTES, "{grown} bytes for {ADDRESSES} addresses");
    assert!(slipped * 100 <= heavy_over, "{slipped} of {heavy_over} slipped through");
    assert!(first <= 10, "{first} first clicks refused: more than 44 bits of a hash would share");
}

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = statm.split_ascii_whitespace().nth(1).expect("a second field");
    pages.parse::<usize>().expect("a number") * 4_096
}
