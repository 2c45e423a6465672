//! Every accepted event has exactly one outcome, copies have none, and refusals come in their order.

use rules::{Effect, decide};
use schemas::{
    conversion::{ReviewState, Standing},
    decision::{
        Answer,
        EventKind::{self, *},
        Outcome, Refusal,
    },
    event::{Body, Claim, EdgeCount, EdgeCounts, Event, Refund, Review, ReviewAction},
    hashes::KeyHash,
    ids::{LinkId, Position, ProgramId},
    receipt::{Receipt, ReceiptKey, ReceiptKeyId, Visit},
    time::{HOUR_MS, TimeMs},
};

use crate::{
    scene::{
        COMPANY, KEY, LINKS, NOON, PARTNERS, REVOKED, STRANGER, STRANGERS_LINK, claim, click, coded, conversion_id,
        hours, partners_email, receipt, receipt_of, refuel, refund, review, sale, store,
    },
    store::{Store, event},
};

fn ready() -> Store {
    let mut store = store(refuel());
    store.clicked(receipt(LINKS[0], hours(-1), 1));
    store
}

fn deciding(store: &mut Store, event: Event, at: TimeMs) -> Vec<Effect> {
    store.append(event, at);
    store.run(decide)
}

fn outcomes(effects: &[Effect]) -> Vec<(EventKind, Outcome, i64)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Count { kind, outcome, by, .. } => Some((*kind, *outcome, *by)),
            _ => None,
        })
        .collect()
}

fn by_revoked(body: Body) -> Event {
    Event { key: Some(REVOKED), ..event(77, body) }
}

/// Broken in one way more than the row before: the refusal is that of the first in the order.
fn check_refused(broken: Claim, expected: Refusal) {
    for body in [sale(broken.clone(), 1000), Body::Lead(Box::new(broken.clone()))] {
        let mut store = ready();
        let kind = if matches!(body, Body::Sale(_)) { Sale } else { Lead };
        let effects = store.take_event(body.clone(), NOON);
        assert_eq!(outcomes(&effects), [(kind, Outcome::Refused, 1)], "{expected:?}");
        assert_eq!(*store.last_answer(kind), Answer::Refused(expected));
        assert_eq!(store.standing(1), Standing::Refused(expected));
        assert!(store.kept.keys.is_empty() && store.kept.transfers.is_empty() && store.kept.changes.is_empty());
        let effects = deciding(&mut store, by_revoked(body), NOON);
        assert!(effects.iter().any(
            |effect| matches!(effect, Effect::Reply(reply) if reply.answer == Answer::Refused(Refusal::KeyRevoked))
        ));
        assert_eq!(store.standing(1), Standing::Refused(expected), "the first refusal stands");

        let good = Claim { conversion: conversion_id(1), ..coded(1, LINKS[0]) };
        store.happens(sale(good, 1000), NOON);
        assert_eq!(store.standing(1), Standing::Attributed, "the order is free again");
    }
}

#[test]
fn refused_conversions() {
    let forged = receipt(LINKS[0], hours(-1), 1);
    let mut bytes = *forged.as_bytes();
    bytes[40] ^= 1;
    let forged = Receipt::from_bytes(bytes).unwrap();
    let unknown_key = Receipt::sign(&ReceiptKey { id: ReceiptKeyId(9), ..KEY }, &forged.fields());
    let foreign = receipt(STRANGERS_LINK, hours(-1), 1);
    let of_no_link = receipt(LinkId(99), hours(-1), 1);
    check_refused(Claim { receipt: Some(forged), ..coded(1, LinkId(99)) }, Refusal::ReceiptForged);
    check_refused(Claim { receipt: Some(unknown_key), ..claim(1) }, Refusal::ReceiptForged);
    check_refused(Claim { receipt: Some(foreign), ..coded(1, LinkId(99)) }, Refusal::ReceiptForeign);
    check_refused(Claim { receipt: Some(of_no_link), ..claim(1) }, Refusal::UnknownLink);
    check_refused(coded(1, LinkId(99)), Refusal::UnknownLink);
    check_refused(coded(1, STRANGERS_LINK), Refusal::UnknownLink);
    check_refused(Claim { program: None, ..claim(1) }, Refusal::UnknownLink);
    check_refused(Claim { program: Some(ProgramId(99)), ..claim(1) }, Refusal::UnknownLink);
}

#[test]
fn a_key_counts_until_it_is_revoked() {
    for (at, taken) in [(NOON.plus_ms(-1), true), (NOON, false)] {
        let mut store = ready();
        let bodies = [sale(coded(1, LINKS[0]), 1000), Body::Click(Box::new(click(receipt(LINKS[0], NOON, 2))))];
        for (body, n) in bodies.into_iter().zip(50..) {
            let effects = deciding(&mut store, Event { key: Some(REVOKED), ..event(n, body) }, at);
            let refused = outcomes(&effects).iter().any(|(_, outcome, _)| *outcome == Outcome::Refused);
            assert_eq!(refused, !taken, "{at:?}");
        }
        assert_eq!(store.clicks.len(), if taken { 2 } else { 1 });
        assert_eq!(store.kept.except_clicks.len(), usize::from(!taken));
    }
}

#[test]
fn the_same_order_again() {
    let mut store = ready();
    store.happens(sale(coded(1, LINKS[0]), 1000), NOON);
    let answer = |store: &mut Store, claim: Claim| {
        let effects = store.take_event(sale(claim, 1000), NOON);
        assert_eq!(outcomes(&effects), [(Sale, Outcome::Duplicate, 1)]);
        store.last_answer(Sale).clone()
    };
    let first = conversion_id(1);
    assert_eq!(answer(&mut store, coded(1, LINKS[0])), Answer::Duplicate { first, same_body: true });
    let other_body = Claim { body_hash: 99, ..coded(1, LinkId(99)) };
    assert_eq!(answer(&mut store, other_body), Answer::Duplicate { first, same_body: false });
    let two_names = Claim { keys: vec![KeyHash(2), KeyHash(1)], ..coded(2, LINKS[0]) };
    assert_eq!(answer(&mut store, two_names), Answer::Duplicate { first, same_body: false });
    let its_other_name = coded(2, LINKS[0]);
    assert_eq!(answer(&mut store, its_other_name), Answer::Duplicate { first, same_body: true });
    assert_eq!(store.kept.conversions.len(), 1);
    let revoked = deciding(&mut store, by_revoked(sale(coded(1, LINKS[0]), 1000)), NOON);
    assert_eq!(outcomes(&revoked), [(Sale, Outcome::Refused, 1)], "a revoked key learns nothing");
    assert_eq!(store.standing(1), Standing::Attributed);
}

fn check_copy(body: Body, first_resent: bool, wait_ms: i64, expected: usize) {
    let mut store = ready();
    store.happens(sale(Claim { email: Some(partners_email(PARTNERS[0])), ..coded(1, LINKS[0]) }, 1000), NOON);
    let sent = |resent| Event { resent, ..event(500, body.clone()) };
    assert_eq!(outcomes(&deciding(&mut store, sent(first_resent), NOON)).len(), 1, "{body:?}");
    let before = store.kept.clone();
    let again = deciding(&mut store, sent(true), NOON.plus_ms(wait_ms));
    assert_eq!(outcomes(&again).len(), expected, "{body:?}");
    if expected == 0 {
        assert_eq!(store.kept.replies, before.replies);
        assert_eq!(store.kept.transfers, before.transfers);
        assert!(again.iter().all(|effect| matches!(effect, Effect::ExceptClick { outcome: None, .. })), "{again:?}");
    }
}

#[test]
fn a_second_record_of_an_event_is_a_copy() {
    let counts = EdgeCounts { counts: vec![EdgeCount { company: COMPANY, kind: Click, refused: 3 }] };
    check_copy(sale(coded(2, LINKS[0]), 1000), false, HOUR_MS, 0);
    check_copy(sale(coded(2, LINKS[0]), 1000), false, 90 * HOUR_MS, 0);
    check_copy(Body::Lead(Box::new(coded(2, LINKS[0]))), false, 90 * HOUR_MS, 0);
    check_copy(sale(coded(2, LinkId(99)), 1000), false, 90 * HOUR_MS, 0);
    check_copy(sale(Claim { keys: vec![KeyHash(1), KeyHash(2)], ..coded(2, LINKS[0]) }, 1000), false, 90 * HOUR_MS, 0);
    check_copy(refund(1, 1, Some(10)), false, 90 * HOUR_MS, 0);
    check_copy(refund(1, 1, Some(2000)), false, HOUR_MS, 0);
    check_copy(review(1, ReviewAction::Reject), false, HOUR_MS, 0);
    check_copy(Body::EdgeCounts(counts), false, HOUR_MS, 0);
    check_copy(Body::Click(Box::new(click(receipt(LINKS[0], NOON, 2)))), true, HOUR_MS, 0);
    check_copy(Body::Click(Box::new(click(receipt(LINKS[0], NOON, 2)))), true, HOUR_MS + 1, 1);
    check_copy(Body::Click(Box::new(click(receipt_of(LINKS[0], NOON, 2, Visit::Bot)))), true, HOUR_MS, 0);
}

#[test]
fn a_retried_click_is_one_click_for_an_hour() {
    for (wait_ms, outcome) in [(0, Outcome::Duplicate), (HOUR_MS, Outcome::Duplicate), (HOUR_MS + 1, Outcome::Counted)]
    {
        let mut store = store(refuel());
        let mut fields = receipt(LINKS[0], NOON, 1).fields();
        fields.client_event_id = true;
        let first = Receipt::sign(&KEY, &fields);
        fields.at = NOON.plus_ms(wait_ms);
        let retried = Receipt::sign(&KEY, &fields);
        store.clicked(first);
        let effects = store.take_event(Body::Click(Box::new(click(retried))), fields.at);
        assert_eq!(outcomes(&effects), [(Click, outcome, 1)], "after {wait_ms} ms");
        fields.link = LINKS[1];
        let elsewhere = Receipt::sign(&KEY, &fields);
        let effects = store.take_event(Body::Click(Box::new(click(elsewhere))), fields.at);
        assert_eq!(outcomes(&effects), [(Click, Outcome::Counted, 1)], "on another code it is another click");

        let duplicate = outcome == Outcome::Duplicate;
        let excepted = (Position { partition: 0, offset: 1 }, Some(Outcome::Duplicate));
        assert_eq!(store.kept.except_clicks, if duplicate { vec![excepted] } else { vec![] });
        store.happens(sale(Claim { receipt: Some(retried), ..claim(1) }, 1000), NOON.plus_ms(2 * HOUR_MS));
        assert_eq!(store.standing(1), Standing::Attributed, "any of its receipts names it");
    }
}

#[test]
fn a_bots_retry_is_a_duplicate_and_a_persons_click_never_a_bots() {
    let mut store = store(refuel());
    let mut fields = receipt(LINKS[0], NOON, 1).fields();
    fields.client_event_id = true;
    let visits = [
        (Visit::Prefetch, Outcome::Bot),
        (Visit::Bot, Outcome::Duplicate),
        (Visit::Person, Outcome::Counted),
        (Visit::Person, Outcome::Duplicate),
        (Visit::Head, Outcome::Duplicate),
    ];
    for (visit, outcome) in visits {
        fields.visit = visit;
        let effects = store.take_event(Body::Click(Box::new(click(Receipt::sign(&KEY, &fields)))), NOON);
        assert_eq!(outcomes(&effects), [(Click, outcome, 1)], "{visit:?}");
    }
}

fn check_resolution(bodies: &[Body], expected: Result<ReviewState, Refusal>) {
    let mut store = ready();
    let own_email = Claim { email: Some(partners_email(PARTNERS[0])), ..coded(1, LINKS[0]) };
    store.happens(sale(own_email, 1000), NOON);
    store.happens(sale(coded(2, LINKS[0]), 1000), NOON);
    store.happens(sale(coded(3, LINKS[1]), 1000), NOON);
    store.happens(sale(coded(4, LinkId(99)), 1000), NOON);
    store.clicked(receipt(LINKS[0], NOON.plus_ms(1), 2));
    store.take_event(sale(Claim { occurred_at: Some(NOON), ..coded(5, LINKS[0]) }, 1000), NOON.plus_ms(2));
    assert_eq!(store.standing(5), Standing::Parked);
    for body in bodies {
        store.take_event(body.clone(), NOON.plus_ms(2));
    }
    let last = store.kept.replies.last().expect("a reply");
    let came_to = match &last.answer {
        Answer::Refused(refusal) => Err(*refusal),
        Answer::Reviewed { conversion, .. } | Answer::Refunded { conversion, .. } => {
            Ok(store.kept.conversions[conversion].review)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(came_to, expected, "{bodies:?}");
}

#[test]
fn reviews_and_refunds_are_refused_in_order() {
    use ReviewAction::{Approve, ClawBack, Reject};
    use ReviewState::{Approved, AutoApproved, Rejected};
    check_resolution(&[review(1, Approve)], Ok(Approved));
    check_resolution(&[review(1, Reject)], Ok(Rejected));
    check_resolution(&[review(1, ClawBack)], Err(Refusal::NotReviewable));
    check_resolution(&[review(1, Approve), review(1, Reject)], Err(Refusal::AlreadyResolved));
    check_resolution(&[review(1, Approve), review(1, ClawBack)], Ok(Rejected));
    check_resolution(&[review(1, Reject), review(1, ClawBack)], Err(Refusal::AlreadyResolved));
    check_resolution(&[review(2, Approve)], Err(Refusal::AlreadyResolved));
    check_resolution(&[review(2, ClawBack)], Ok(Rejected));
    check_resolution(&[review(3, Approve)], Err(Refusal::NotReviewable));
    check_resolution(&[review(4, Approve)], Err(Refusal::NotReviewable));
    check_resolution(&[review(5, Approve)], Err(Refusal::Undecided));
    check_resolution(&[review(6, Approve)], Err(Refusal::UnknownConversion));
    let strangers = Review { company: STRANGER, conversion: conversion_id(1), action: Approve };
    check_resolution(&[Body::Review(strangers)], Err(Refusal::UnknownConversion));

    check_resolution(&[refund(1, 2, Some(1000))], Ok(AutoApproved));
    check_resolution(&[refund(1, 2, Some(1001))], Err(Refusal::MoreThanLeft));
    check_resolution(&[refund(1, 2, Some(-1))], Err(Refusal::MoreThanLeft));
    check_resolution(&[refund(1, 2, None), refund(2, 2, None)], Err(Refusal::NothingLeft));
    check_resolution(&[refund(1, 2, None), refund(2, 2, Some(1))], Err(Refusal::NothingLeft));
    check_resolution(&[refund(1, 3, None)], Ok(Rejected));
    check_resolution(&[refund(1, 4, None)], Err(Refusal::UnknownConversion));
    check_resolution(&[refund(1, 5, None)], Err(Refusal::Undecided));
    check_resolution(&[refund(1, 6, None)], Err(Refusal::UnknownConversion));
    let Body::Refund(own) = refund(1, 2, None) else { panic!("a refund") };
    let strangers = Refund { company: STRANGER, ..*own };
    check_resolution(&[Body::Refund(Box::new(strangers))], Err(Refusal::UnknownConversion));
}

#[test]
fn the_same_refund_again() {
    let mut store = ready();
    store.happens(sale(coded(1, LINKS[0]), 1000), NOON);
    store.happens(refund(1, 1, Some(100)), NOON);
    let effects = store.take_event(refund(1, 1, Some(100)), NOON);
    assert_eq!(outcomes(&effects), [(Refund, Outcome::Duplicate, 1)]);
    let first = store.kept.refunds[0].id;
    assert_eq!(*store.last_answer(Refund), Answer::Duplicate { first, same_body: true });
    assert_eq!(store.conversion(1).refunded_minor, 100);
    store.happens(refund(2, 1, Some(901)), NOON);
    store.happens(refund(2, 1, Some(900)), NOON);
    assert_eq!(store.conversion(1).refunded_minor, 1000, "a refused refund takes no key");
}

#[test]
fn what_edges_refused_is_counted_on_the_day() {
    let mut store = ready();
    let counts =
        [(COMPANY, Click, 3), (STRANGER, Sale, 5)].map(|(company, kind, refused)| EdgeCount { company, kind, refused });
    store.happens(Body::EdgeCounts(EdgeCounts { counts: counts.to_vec() }), NOON);
    store.happens(Body::EdgeCounts(EdgeCounts { counts: counts[..1].to_vec() }), NOON);
    assert_eq!(store.kept.counts[&(COMPANY, Click, Outcome::EdgeRefused, NOON.day())], 6);
    assert_eq!(store.kept.counts[&(STRANGER, Sale, Outcome::EdgeRefused, NOON.day())], 5);
}
