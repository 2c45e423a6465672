//! Three brokers, each record on two of them at least: one may go, and with two gone the edge keeps what it takes.

use serde_json::Value;

use crate::role::{Launch, Role};
use crate::servers::{Own, Place};
use crate::shop::{SETTLED, Shop};

const EACH_TIME: usize = 10;

/// Clicks and as many sales that were acknowledged.
#[derive(Default)]
struct Taken {
    count: usize,
    sales: Vec<Value>,
}

impl Taken {
    /// What was on its way to a broker that went is put off, and may have arrived: then the second try is the copy.
    fn send(&mut self, shop: &Shop, up: &Role) {
        for _ in 0..EACH_TIME {
            let sale = shop.insist(up);
            assert!(matches!(sale.status, 200..300 | 409), "{sale:?}");
            self.count += 1;
            self.sales.extend((sale.status != 409).then(|| sale.good()));
        }
    }

    fn are_decided(&self, shop: &Shop, up: &Role) {
        for sale in &self.sales {
            assert_eq!(shop.decided(up, sale)["commissionAmount"], 1000);
        }
    }
}

#[test]
fn one_broker_may_go_and_with_two_gone_nothing_acknowledged_is_lost() {
    let own = Own::start(&["--brokers", "3"], &["kafka"]);
    let place = Place::on(&own);
    let up = Launch::new("up", &place).set("--kafka-replication", 3).set("--decision-wait-ms", 1_000).start();
    let shop = Shop::open(&up);
    shop.await_known(&up);
    let mut taken = Taken::default();
    taken.send(&shop, &up);

    own.tell("kill", &["kafka-3"]);
    taken.send(&shop, &up);
    up.await_readiness(SETTLED, 200, &[]);
    taken.send(&shop, &up);
    taken.are_decided(&shop, &up);

    own.tell("kill", &["kafka-2"]);
    taken.send(&shop, &up);
    up.await_readiness(SETTLED, 503, &["the log is away"]);
    let spooled = taken.sales.len();
    taken.send(&shop, &up);
    assert!(taken.sales[spooled..].iter().all(|sale| sale["status"] == "processing"), "{:?}", taken.sales);

    own.tell("start", &["kafka-2", "kafka-3"]);
    up.await_readiness(SETTLED, 200, &[]);
    taken.send(&shop, &up);
    taken.are_decided(&shop, &up);
    // Beside the clicks that were sent, one visit.
    shop.dashboard_says(&up, taken.count + 1, taken.count);
    up.stop();
}
