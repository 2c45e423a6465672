//! The processor over real stores: what it makes of a log, through restarts and what goes wrong around it.

mod around;
mod events;
mod forwarded;
mod held;
mod paced;
mod place;
mod planned;
mod restored;
mod road;
mod silent;
mod way;

use schemas::{
    conversion::Standing,
    decision::{EventKind, Outcome},
    time::{HOUR_MS, MINUTE_MS, TimeMs},
    wire::encode_event,
};

use place::{NOON, Place};

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_nobody_can_read_is_kept_and_passed_over() {
    let place = Place::new();
    let road = place.open().await;
    road.append(road.click(NOON)).await;
    // The owner's first tick may come before it.
    let at = road.append_bytes(0, b"no record at all".to_vec()).await;
    road.decide_all().await;
    let kept = road.stores.ledger.quarantined(0, 10).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].offset, kept[0].record.as_slice()), (at, b"no record at all".as_slice()));
    assert!(kept[0].reason.contains("Protobuf"), "{}", kept[0].reason);
    road.stop().await;

    // It was the last record, so the next start finds nothing to compare its place in the log with.
    let road = place.open().await;
    let sale = road.append(road.sale("after", None)).await;
    road.decide_all().await;
    assert_eq!(road.standing(sale).await, Standing::Attributed);
    road.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_newer_version_wrote_is_left_to_it_with_all_before_it_decided() {
    const VERSION_1: [u8; 2] = [7 << 3, 1];
    let place = Place::new();
    let road = place.open().await;
    road.append(road.click(NOON)).await;
    let before = road.append(road.sale("before", None)).await;
    let newer = [encode_event(road.click(NOON)).as_slice(), &VERSION_1].concat();
    // The owner's first tick may come before it.
    let newer_at = road.append_bytes(0, newer).await;
    let after = road.append(road.sale("after", None)).await;
    road.held(0).await;
    road.facts_hold(0, newer_at).await;
    assert_eq!(road.standing(before).await, Standing::Attributed);
    road.stop().await;

    // Nor does the next start pass it over.
    let road = place.open().await;
    road.held(0).await;
    assert_eq!(road.stores.ledger.progress(0).await.unwrap().map(|at| at.next), Some(newer_at));
    assert!(road.stores.ledger.conversion(after).await.unwrap().is_none());
    assert!(road.stores.ledger.quarantined(0, 10).await.unwrap().is_empty());
    road.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backdated_sale_finds_its_click_behind_many_later_ones() {
    let place = Place::new();
    let road = place.open().await;
    road.append(road.click(NOON)).await;
    for minute in 0..200 {
        road.append(road.click(TimeMs(NOON.0 + HOUR_MS + minute * MINUTE_MS))).await;
    }
    let just_after = TimeMs(NOON.0 + MINUTE_MS);
    let before_all = TimeMs(NOON.0 - MINUTE_MS);
    let won = road.append(road.sale("won", Some(just_after))).await;
    let lost = road.append(road.sale("lost", Some(before_all))).await;
    road.decide_all().await;
    road.settled(won).await;
    road.settled(lost).await;
    assert_eq!(road.standing(won).await, Standing::Attributed);
    assert!(matches!(road.standing(lost).await, Standing::Unattributed(_)));
    road.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_owner_remembers_what_the_old_one_saw() {
    let place = Place::new();
    let road = place.open().await;
    road.append(road.click_with_id(NOON, 7)).await;
    road.decide_all().await;
    road.stop().await;

    // Without its saved touches the owner makes them again from the log.
    place.forget_touches();
    let road = place.open().await;
    road.append(road.click_with_id(NOON, 7)).await;
    let sale = road.append(road.sale("again", None)).await;
    road.decide_all().await;
    assert_eq!(road.counted(EventKind::Click, Outcome::Counted).await, 1);
    assert_eq!(road.standing(sale).await, Standing::Attributed);
    road.stop().await;
}
