//! What one decision costs: a batch of a thousand clicks, and one of a thousand sales of them.

#[path = "../tests/deciding/scene.rs"]
#[expect(dead_code, reason = "the tests' scene, of which this uses a part")]
mod scene;
#[path = "../tests/deciding/store.rs"]
#[expect(dead_code, reason = "the tests' store, of which this uses a part")]
mod store;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rules::decide;
use schemas::{event::Body, event::Logged};

use crate::{
    scene::{LINKS, NOON, click, coded, customer, receipt, refuel, sale},
    store::{Store, event},
};

const BATCH: u64 = 1_000;

/// A store that has decided the clicks, and a batch of sales to come.
fn with_clicks() -> (Store, Vec<Logged>) {
    let mut store = scene::store(refuel());
    let clicks = (0..BATCH).map(|n| {
        let link = LINKS[usize::from(n % 2 == 1)];
        (n, Body::Click(Box::new(click(receipt(link, NOON.plus_ms(-60_000), n)))))
    });
    for (n, body) in clicks {
        store.append(event(u128::from(n), body), NOON);
    }
    let batch = store.log.clone();
    (store, batch)
}

fn with_sales() -> (Store, Vec<Logged>) {
    let (mut store, _) = with_clicks();
    store.run(decide);
    let decided = store.log.len();
    for n in BATCH..2 * BATCH {
        let mut claim = coded(n, LINKS[usize::from(n % 2 == 1)]);
        claim.customer = customer(u128::from(n % 100));
        store.append(event(u128::from(n), sale(claim, 9_999)), NOON);
    }
    let batch = store.log[decided..].to_vec();
    (store, batch)
}

fn decisions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decide");
    group.throughput(Throughput::Elements(BATCH));
    for (name, (store, batch)) in [("click", with_clicks()), ("sale", with_sales())] {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || store.fetch(&batch),
                |mut known| {
                    for logged in &batch {
                        black_box(decide(&mut known, logged));
                    }
                    known
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, decisions);
criterion_main!(benches);
