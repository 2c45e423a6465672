//! A ledger that was restored from an older copy counts its owners from an older number on than touches remember.

use std::time::Duration;

use processor::Limits;
use schemas::conversion::Standing;

use crate::place::Place;

/// Owners that the copy knows nothing of: more than can follow one another while this test waits.
const OWNERS_LOST: u64 = 1_000;
const EVENTS_LOST: u64 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_whose_number_touches_left_behind_goes_on_above_it() {
    let [folder, servers] = Place::both();
    tokio::join!(check(folder), check(servers));
}

async fn check(place: Place) {
    let road = place.open().await;
    road.append(road.click(place.noon)).await;
    road.decide_all().await;
    road.stop().await;

    let mut road = place.still().await;
    let (ledger, touches) = (road.stores.ledger.clone(), road.stores.touches.clone().expect("there are touches"));
    let kept = touches.load(0).await.expect("loaded");
    let lost = touches.epoch(0).await.expect("an epoch") + OWNERS_LOST;
    touches.save_all(0, lost, kept.next + EVENTS_LOST, &kept.touches).await.expect("saved");
    road.decide_within(Limits { touches_every: Duration::from_millis(50), ..Limits::default() });
    let sale = road.append(road.sale("after", None)).await;
    road.decide_all().await;
    assert_eq!(road.standing(sale).await, Standing::Attributed);
    road.until(async || {
        let saved_by = touches.epoch(0).await.expect("an epoch");
        let at = ledger.progress(0).await.expect("the ledger answers").expect("it was taken");
        saved_by == lost + 1 && touches.load(0).await.is_ok_and(|loaded| loaded.next == at.next)
    })
    .await;
    ledger.check_epoch(0, lost + 1).await.expect("it has had one owner all the while");
    road.stop().await;
}
