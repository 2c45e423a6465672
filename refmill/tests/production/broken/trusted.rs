//! Touches that are behind the ledger: found so, they are made again; trusted, sales lose the clicks that they are won by.

use rules::touches::Touches;

use crate::audit::{audit, differences};
use crate::books::{Books, settled};
use crate::cluster::{Cluster, Plan};
use crate::drive::Load;
use crate::hands::Hands;
use crate::on_one_thread;
use crate::role::Does;
use crate::stream::{Order, Step, Stream, When};

const LANES: usize = 8;

/// A click on each lane, and a sale that it wins.
fn stream(seed: u64) -> Stream {
    let mut stream = Stream::new(seed, LANES, 1);
    for (number, lane) in stream.lanes.iter_mut().enumerate() {
        let id = format!("order-{seed:x}-{number}");
        let order = Order { id, value_minor: 1_000, when: When::Now, by_partner: false, customer: None };
        lane.steps.push(Step::Sale(order));
    }
    stream
}

#[test]
fn touches_trusted_when_behind_are_seen() {
    on_one_thread(async {
        let mut cluster = Cluster::start(Plan { edges: 1, processors: 1, ..Plan::DISTRIBUTED }).await;
        let hands = Hands::on(&cluster).await;
        let mut runs = Vec::new();
        for says_it_is_not in [false, true] {
            let load = Load::begin(&cluster, stream(121 + u64::from(says_it_is_not))).await;
            load.let_pass(LANES);
            load.until(LANES).await;
            settled(&cluster).await.expect("it settles");
            cluster.stop_all(Does::Process).await;
            lose(&hands, says_it_is_not).await;
            cluster.start_all(Does::Process).await;
            runs.push(load.finish().await);
            if !says_it_is_not {
                audit(&cluster, &runs).await;
            }
        }
        settled(&cluster).await.expect("it settles");
        hands.close().await;
        let found = differences(&runs, &Books::read(&cluster).await.expect("books"));
        assert!(found.iter().any(|wrong| wrong.contains("standing")), "{found:?}");
    });
}

/// All that is kept is gone. What is left says so, or that nothing is missing.
async fn lose(hands: &Hands, says_it_is_not: bool) {
    let store = hands.stores.touches.as_ref().expect("touches");
    for partition in 0..hands.stores.log.partitions() {
        store.forget(partition).await.expect("forgotten");
        if says_it_is_not {
            let taken = hands.stores.ledger.take(partition).await.expect("taken");
            let nothing = Touches::default();
            store.save_all(partition, taken.epoch, taken.progress.next, &nothing).await.expect("saved");
        }
    }
}
