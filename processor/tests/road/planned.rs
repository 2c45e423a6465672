//! A block of facts is planned and nobody hears so, as where the answer to a COMMIT is lost.

use processor::Stage;
use schemas::conversion::Standing;
use stores::ledger::{CommitError, Plan};

use crate::{place::Place, road::Road};

const PARTITIONS: u32 = 2;

/// The owner that it belongs to finds its own plan out of order, and is followed by one that goes by what the ledger has.
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_its_owner_does_not_know_of_ends_that_owner_alone() {
    tokio::join!(check(Place::new()), check(Place::around(PARTITIONS)));
}

async fn check(place: Place) {
    let mut road = place.still().await;
    let mut epochs = Vec::new();
    for partition in 0..place.partitions {
        // Owners are numbered from here on.
        epochs.push(road.stores.ledger.take(partition).await.expect("taken").epoch + 1);
    }
    road.decide();
    road.decide_all().await;
    plan_for(&road, &place, epochs[0]).await;
    let ledger = road.stores.ledger.clone();
    road.until(async || ledger.check_epoch(0, epochs[0] + 1).await.is_ok()).await;
    let sale = road.append(road.sale("after", None)).await;
    road.decided(0).await;
    assert_eq!(road.standing(sale).await, Standing::Attributed);
    let end = ledger.progress(0).await.expect("the ledger answers").expect("it was taken").next;
    road.facts_hold(0, end).await;
    for (partition, epoch) in (0..).zip(&epochs).skip(1) {
        road.until(async || road.stage(partition) == Some(Stage::Deciding)).await;
        ledger.check_epoch(partition, *epoch).await.expect("it has the owner that it had");
    }
    road.stop().await;
}

/// Plans what was decided last, before its owner does: where that was sooner, once more.
async fn plan_for(road: &Road, place: &Place, epoch: u64) {
    loop {
        road.append(road.click(place.noon)).await;
        road.decided(0).await;
        let at = road.stores.ledger.progress(0).await.expect("the ledger answers").expect("it was taken");
        match road.stores.ledger.plan(0, epoch, Plan { from: at.planned_up_to, to: at.next }).await {
            Err(CommitError::PlanOutOfOrder { .. }) => {}
            planned => return planned.expect("planned"),
        }
    }
}
