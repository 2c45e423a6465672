//! What comes late, what waits, and what a second look changes.

use rules::{Effect, Known, decide, effect::ParkedUntil, known::FactTouches, presets};
use schemas::{
    conversion::{Maturity, Standing, Unattributed},
    decision::{
        Answer,
        EventKind::{self, Lead, Sale},
        Outcome::{self, *},
    },
    event::{Body, Claim, Logged, Settle},
    money::Rate,
    terms::{Selector, Terms},
    time::{HOUR_MS, SECOND_MS, TimeMs},
};

use crate::{
    explained::{posted, recomputed},
    scene::{
        COMPANY, LINKS, NOON, PARTNERS, PROGRAM, STRANGER, claim, click, coded, conversion_id, customer, hours,
        receipt, refuel, refund, sale, store,
    },
    store::{Decide, Store, event},
};

fn click_id(store: &Store, n: u64) -> Option<String> {
    let explanation = &store.conversion(n).explanation;
    explanation.candidates[explanation.winner?].click_id.clone()
}

fn check_counts(store: &Store, kind: EventKind, expected: &[(Outcome, i64)]) {
    for outcome in Outcome::ALL {
        let wanted = expected.iter().find(|(of, _)| *of == outcome).map_or(0, |(_, count)| *count);
        assert_eq!(store.count(kind, outcome), wanted, "{kind:?} {outcome:?}");
    }
}

fn late_click(store: &mut Store, at: TimeMs, n: u64, appended_at: TimeMs) {
    store.happens(Body::Click(Box::new(click(receipt(LINKS[0], at, n)))), appended_at);
}

#[test]
fn a_backdated_sale_waits_for_facts_and_is_decided_as_of_then() {
    let mut store = store(refuel());
    let clicks: Vec<_> = [-9, -7, -2].into_iter().zip(1..).map(|(at, n)| receipt(LINKS[0], hours(at), n)).collect();
    clicks.iter().for_each(|receipt| store.clicked(*receipt));
    let sold = Claim { occurred_at: Some(hours(-5)), ..coded(1, LINKS[0]) };
    store.take_event(sale(sold.clone(), 1000), NOON);
    assert_eq!(store.standing(1), Standing::Parked);
    assert_eq!(*store.last_answer(Sale), Answer::Parked { conversion: conversion_id(1) });
    assert_eq!(store.kept.parked[&conversion_id(1)].until, ParkedUntil::FactsHold { offset: 3 });
    check_counts(&store, Sale, &[(Parked, 1)]);
    assert!(store.kept.transfers.is_empty() && store.kept.changes.is_empty());

    let too_early = Settle { company: COMPANY, conversion: conversion_id(1), facts_up_to: 2 };
    assert_eq!(store.settle(too_early, NOON), [], "facts do not reach far enough");
    let anothers = Settle { company: STRANGER, facts_up_to: 9, ..too_early };
    assert_eq!(store.settle(anothers, NOON), []);
    let settle = store.settles_due()[0];
    let event = store.log[3].event.id;
    let effects = store.settle(settle, hours(1));
    assert_eq!(click_id(&store, 1), Some(clicks[1].to_string()));
    check_counts(&store, Sale, &[(Attributed, 1)]);
    let conversion = store.conversion(1);
    assert_eq!((conversion.taken_at, conversion.occurred_at, conversion.event), (NOON, hours(-5), event));
    assert_eq!((conversion.explanation.facts_up_to, recomputed(conversion)), (Some(6), posted(&store, conversion)));
    assert!(store.kept.transfers.values().all(|transfer| transfer.event == event));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Reply(reply) if reply.event == event)));
    assert_eq!(store.settle(settle, hours(1)), [], "a second settle finds nothing to do");
    assert_eq!(
        store.settle(Settle { conversion: conversion_id(2), ..settle }, hours(1)),
        [],
        "nothing of that id waits"
    );
    store.happens(sale(sold, 1000), hours(2));
    check_counts(&store, Sale, &[(Attributed, 1), (Duplicate, 1)]);
}

#[test]
fn the_first_click_is_looked_up_where_memory_has_an_older_one() {
    let mut terms = refuel();
    terms.policy.selector = Selector::First;
    let mut store = store(terms);
    let clicks: Vec<_> =
        [-31 * 24, -8, -2].into_iter().zip(1..).map(|(at, n)| receipt(LINKS[0], hours(at), n)).collect();
    clicks.iter().for_each(|receipt| store.clicked(*receipt));
    store.happens(sale(coded(1, LINKS[0]), 1000), NOON);
    assert_eq!(click_id(&store, 1), Some(clicks[1].to_string()));
}

#[test]
fn a_late_click_wins_an_unattributed_sale() {
    let mut store = store(refuel());
    store.happens(sale(coded(1, LINKS[0]), 1000), NOON);
    assert_eq!(store.standing(1), Standing::Unattributed(Unattributed::NoClickInWindow));
    let Answer::Converted(answer) = store.last_answer(Sale) else { panic!("no answer") };
    assert_eq!((answer.commission_minor, answer.status.as_str()), (0, "rejected"));
    check_counts(&store, Sale, &[(Unattributed, 1)]);

    late_click(&mut store, NOON.plus_ms(1), 1, hours(1));
    assert!(store.kept.late.is_empty(), "a click after the sale is not late");
    late_click(&mut store, hours(-31 * 24), 2, hours(1));
    assert_eq!(store.standing(1), Standing::Unattributed(Unattributed::NoClickInWindow), "too old for the window");
    assert!(store.kept.late.values().all(|notes| notes.is_empty()), "it was looked at");
    late_click(&mut store, hours(-91 * 24), 3, hours(1));

    store.happens(refund(1, 1, Some(400)), hours(1));
    assert_eq!(store.kept.refunds[0].commission_minor, 0);
    assert!(store.kept.transfers.is_empty(), "nothing was earned, so nothing moves");

    late_click(&mut store, NOON, 4, hours(2));
    let conversion = store.conversion(1);
    assert_eq!((conversion.standing, conversion.partner), (Standing::Attributed, Some(PARTNERS[0])));
    assert_eq!((conversion.commission_minor, conversion.partner_minor), (60, 48), "on what refunds have left");
    assert_eq!((recomputed(conversion), posted(&store, conversion)), ((48, 12), (48, 12)));
    check_counts(&store, Sale, &[(Attributed, 1)]);
    assert!(store.kept.parked.is_empty());
    store.happens(refund(2, 1, None), hours(3));
    assert_eq!((recomputed(store.conversion(1)), posted(&store, store.conversion(1))), ((0, 0), (0, 0)));
    late_click(&mut store, NOON, 5, hours(4));
    check_counts(&store, Sale, &[(Attributed, 1)]);
}

/// A backdated sale that waits for facts, and an unattributed one with a note of a late click, when a settle comes that an
/// owner appended while facts held more than they do now: before they were taken out, or the ledger was restored.
fn check_settle_of_another_time(decide: Decide) -> Result<(), String> {
    let mut store = store(refuel());
    store.clicked(receipt(LINKS[0], hours(-9), 1));
    store.clicked(receipt(LINKS[0], hours(-2), 2));
    store.take_event(sale(Claim { occurred_at: Some(hours(-5)), ..coded(1, LINKS[0]) }, 1000), NOON);
    store.take_event(sale(coded(2, LINKS[1]), 1000), NOON);
    store.take_event(Body::Click(Box::new(click(receipt(LINKS[1], hours(-1), 3)))), hours(1));
    let both = [1, 2].map(conversion_id);
    store.facts_held = Some(0);
    for conversion in both {
        store.append(
            event(1 << 70 | conversion.0, Body::Settle(Settle { company: COMPANY, conversion, facts_up_to: 5 })),
            hours(2),
        );
        store.run(decide);
    }
    store.facts_held = None;
    let due: Vec<_> = store.settles_due().into_iter().map(|settle| settle.conversion).collect();
    if due.len() != both.len() || !both.iter().all(|conversion| due.contains(conversion)) {
        return Err(format!("{due:?} are settled once facts are there again"));
    }
    for settle in store.settles_due() {
        store.settle(settle, hours(3));
    }
    let standings = [store.standing(1), store.standing(2)];
    if standings != [Standing::Attributed; 2] { Err(format!("{standings:?}")) } else { Ok(()) }
}

/// Takes what is not known for what is not there.
fn believes_in_nothing(known: &mut Known, logged: &Logged) -> Vec<Effect> {
    if let Body::Settle(settle) = &logged.event.body {
        let nothing = FactTouches { up_to: u64::MAX, clicks: Vec::new() };
        known.fact_clicks.entry(settle.conversion).or_insert(nothing);
    }
    decide(known, logged)
}

#[test]
fn a_settle_decides_nothing_without_the_facts_that_it_looks_at() {
    assert_eq!(check_settle_of_another_time(decide), Ok(()));
    check_settle_of_another_time(believes_in_nothing).expect_err("decided on clicks that are not there");
}

fn reditus() -> Terms {
    let mut terms = presets::reditus(PROGRAM, Rate(100_000), TimeMs(0));
    terms.hold_days = 1;
    terms
}

fn paid(n: u64, by: u128) -> Body {
    sale(Claim { customer: customer(by), ..claim(n) }, 1000)
}

fn signed_up(n: u64, who: u128) -> Body {
    Body::Lead(Box::new(Claim { customer: customer(who), ..coded(n, LINKS[1]) }))
}

#[test]
fn a_payment_that_overtakes_its_sign_up_waits_for_it() {
    let mut store = store(reditus());
    store.happens(paid(1, 7), NOON);
    store.happens(paid(2, 8), NOON);
    assert_eq!((store.standing(1), store.standing(2)), (Standing::Parked, Standing::Parked));
    let early = Settle { company: COMPANY, conversion: conversion_id(1), facts_up_to: 9 };
    assert_eq!(store.settle(early, NOON), [], "its lead is not there");
    store.happens(Body::Tick, hours(24).plus_ms(-1));
    assert_eq!(store.standing(1), Standing::Parked);
    store.happens(signed_up(3, 7), hours(24).plus_ms(-1));
    let conversion = store.conversion(1);
    assert_eq!((conversion.partner, conversion.link), (Some(PARTNERS[1]), Some(LINKS[1])));
    assert_eq!(conversion.maturity, Maturity::HeldUntil(hours(24)), "held from its own time");
    check_counts(&store, Lead, &[(Attributed, 1)]);
    store.happens(Body::Tick, hours(24));
    assert_eq!(store.conversion(1).maturity, Maturity::Matured);
    assert_eq!(store.standing(2), Standing::Unattributed(Unattributed::NoLead));
    store.happens(signed_up(4, 8), hours(25));
    assert_eq!(store.standing(2), Standing::Unattributed(Unattributed::NoLead));
    check_counts(&store, Sale, &[(Attributed, 1), (Unattributed, 1)]);
}

/// Ticks are not on the minute: one that is late, or comes between a lead and its settle, must not change what is decided.
#[test]
fn when_ticks_come_changes_no_decision() {
    for (lead_at, expected) in
        [(hours(24).plus_ms(-1), Standing::Attributed), (hours(24), Standing::Unattributed(Unattributed::NoLead))]
    {
        for settle_first in [true, false] {
            let mut store = store(reditus());
            store.happens(paid(1, 7), NOON);
            store.take_event(signed_up(2, 7), lead_at);
            let settles = store.settles_due();
            assert_eq!(settles.len(), usize::from(expected == Standing::Attributed));
            if settle_first {
                settles.iter().for_each(|settle| _ = store.settle(*settle, hours(25)));
            }
            store.happens(Body::Tick, hours(25));
            settles.iter().for_each(|settle| _ = store.settle(*settle, hours(26)));
            assert_eq!(store.standing(1), expected, "lead at {lead_at:?}, settle first: {settle_first}");
        }
    }
}

#[test]
fn who_waits_for_a_lead() {
    let waits = |terms: Terms, body: Body| {
        let mut store = store(terms);
        store.happens(body, NOON);
        store.standing(1) == Standing::Parked
    };
    let with_code = |code_needs_click| {
        let mut terms = reditus();
        terms.policy.code_needs_click = code_needs_click;
        terms
    };
    assert!(waits(reditus(), paid(1, 7)));
    assert!(!waits(refuel(), paid(1, 7)), "not by these terms");
    assert!(!waits(reditus(), sale(claim(1), 1000)), "nobody to wait for");
    assert!(
        !waits(reditus(), Body::Lead(Box::new(Claim { customer: customer(7), ..claim(1) }))),
        "a lead waits for none"
    );
    assert!(
        !waits(with_code(true), sale(Claim { customer: customer(7), ..coded(1, LINKS[0]) }, 1000)),
        "a code is evidence"
    );
    let old = Some(receipt(LINKS[0], hours(-91 * 24), 1));
    assert!(
        waits(reditus(), sale(Claim { customer: customer(7), receipt: old, ..claim(1) }, 1000)),
        "a stale one is none"
    );
}

#[test]
fn a_forwarded_event_keeps_its_first_time() {
    let mut store = store(refuel());
    store.clicked(receipt(LINKS[0], NOON, 1));
    let mut event = event(99, sale(coded(1, LINKS[0]), 1000));
    event.first_appended_at = Some(NOON.plus_ms(-SECOND_MS));
    store.append(event, NOON.plus_ms(HOUR_MS));
    store.run(decide);
    let conversion = store.conversion(1);
    assert_eq!(conversion.standing, Standing::Attributed, "it comes after every click before it in the log");
    assert_eq!(conversion.taken_at, NOON.plus_ms(-SECOND_MS));
}
