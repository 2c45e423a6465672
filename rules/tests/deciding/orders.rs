//! Attribution equals the plain batch's under any order of arrival, any split into batches, anything decided or sent twice, and
//! any extra tick or settle.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use rules::{Effect, Known, decide};
use schemas::{
    conversion::{Conversion, Standing},
    decision::{
        Answer,
        EventKind::{self, Click, Lead, Sale},
        Outcome::{self, *},
    },
    event::{Body, Logged},
    ids::ConversionId,
    time::DAY_MS,
};

use crate::{
    attribution_oracle::{agrees, click_outcomes},
    explained::{posted, recomputed},
    plays::{Extras, Plan, Player, plans, replay},
    scene::conversion_id,
    store::{Decide, Store},
};

/// What must be the same however much was sent beside it: everything but places in the log.
#[derive(Debug, PartialEq)]
struct Summary {
    counts: BTreeMap<(EventKind, Outcome), i64>,
    conversions: BTreeMap<ConversionId, Conversion>,
    money: BTreeMap<ConversionId, (i64, i64)>,
}

impl Summary {
    fn of(store: &Store) -> Summary {
        let placeless = |conversion: &Conversion| {
            let mut placeless = conversion.clone();
            placeless.position.offset = 0;
            placeless.explanation.facts_up_to = None;
            placeless
        };
        let conversions = &store.kept.conversions;
        let mut counts = BTreeMap::new();
        for ((_, kind, outcome, _), count) in &store.kept.counts {
            *counts.entry((*kind, *outcome)).or_default() += count;
        }
        counts.retain(|_, count| *count != 0);
        Summary {
            counts,
            conversions: conversions.iter().map(|(id, conversion)| (*id, placeless(conversion))).collect(),
            money: conversions.iter().map(|(id, conversion)| (*id, posted(store, conversion))).collect(),
        }
    }
}

fn check(decide: Decide, plan: &Plan) -> Result<(), String> {
    let first = Player::play(plan, decide, Extras::default());
    agrees(&first, &plan.policy)?;
    adds_up(&first)?;
    for conversion in first.kept.conversions.values().filter(|conversion| conversion.standing == Standing::Attributed) {
        if recomputed(conversion) != posted(&first, conversion) {
            return Err(format!("{} is explained as {:?}", conversion.label, recomputed(conversion)));
        }
    }
    let extras = [
        ("copies", Extras { copies: true, ..Extras::default() }),
        ("extra ticks", Extras { ticks: true, ..Extras::default() }),
        ("extra settles", Extras { settles: true, ..Extras::default() }),
    ];
    for (name, extras) in extras {
        let more = Player::play(plan, decide, extras);
        let (wanted, found) = (Summary::of(&first), Summary::of(&more));
        let differing = wanted.conversions.iter().zip(&found.conversions).find(|(one, other)| one != other);
        if wanted != found {
            return Err(format!("{name} changed {differing:#?} or {:?} into {:?}", wanted.counts, found.counts));
        }
    }
    let again = replay(plan, decide, &first);
    let difference = first.kept.difference(&again.kept);
    if !difference.is_empty() {
        return Err(format!("other batches changed {difference:?}"));
    }
    Ok(())
}

/// Every event has exactly one outcome, and nothing is parked in the end.
fn adds_up(store: &Store) -> Result<(), String> {
    for (outcome, wanted) in click_outcomes(&store.log) {
        if store.count(Click, outcome) != wanted {
            return Err(format!("{} clicks are {outcome:?} and not {wanted}", store.count(Click, outcome)));
        }
    }
    for kind in [Lead, Sale] {
        let sent = store.log.iter().filter(|logged| match logged.event.body {
            Body::Lead(_) => kind == Lead,
            Body::Sale(_) => kind == Sale,
            _ => false,
        });
        let sent = i64::try_from(sent.count()).unwrap_or(0);
        let ended: i64 =
            [Attributed, Unattributed, Duplicate, Refused].iter().map(|outcome| store.count(kind, *outcome)).sum();
        if (ended, store.count(kind, Parked)) != (sent, 0) {
            return Err(format!("of {sent} {kind:?} {ended} have an outcome, {} wait", store.count(kind, Parked)));
        }
    }
    Ok(())
}

fn holds(decide: Decide, runner: &mut TestRunner) -> Result<(), String> {
    runner.run(&plans(), |plan| check(decide, &plan).map_err(TestCaseError::fail)).map_err(|why| why.to_string())
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, max_shrink_iters: 2_000, ..ProptestConfig::default() }
}

#[test]
fn attribution_is_the_plain_batchs() {
    holds(decide, &mut TestRunner::new(config())).unwrap();
}

/// The plans come by every road, or the property would say little.
#[test]
fn plans_go_everywhere() {
    let mut runner = deterministic();
    let mut roads: BTreeMap<&str, u32> = BTreeMap::new();
    for _ in 0..200 {
        let plan = plans().new_tree(&mut runner).unwrap().current();
        let store = Player::play(&plan, decide, Extras::default());
        for conversion in &store.kept.decided {
            let road = match (conversion.standing, conversion.explanation.facts_up_to) {
                (Standing::Attributed, Some(_)) => "won by facts",
                (Standing::Attributed, None) => "won",
                (Standing::Unattributed(why), _) => why.as_str(),
                _ => "undecided",
            };
            *roads.entry(road).or_default() += 1;
        }
        let decided = |conversion: &Conversion| store.kept.decided.iter().filter(|one| one.id == conversion.id).count();
        let reopened = store.kept.conversions.values().filter(|conversion| decided(conversion) > 1).count();
        let waited = store.kept.replies.iter().filter(|reply| matches!(reply.answer, Answer::Parked { .. })).count();
        *roads.entry("reopened").or_default() += u32::try_from(reopened).unwrap();
        *roads.entry("waited").or_default() += u32::try_from(waited).unwrap();
    }
    let all = [
        "won by facts",
        "won",
        "no_click_in_window",
        "no_evidence",
        "evidence_disagrees",
        "no_lead",
        "reopened",
        "waited",
    ];
    for road in all {
        assert!(roads.get(road).is_some_and(|count| *count >= 5), "{road}: {roads:?}");
    }
}

fn deterministic() -> TestRunner {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(ProptestConfig { max_shrink_iters: 0, ..config() }, rng)
}

fn is_caught(broken: Decide, by: &str) {
    let caught = holds(broken, &mut deterministic()).expect_err("a broken control was not caught");
    assert!(caught.contains(by), "caught by something else: {caught}");
}

/// Takes the newest click for the right one, whatever the sale's time.
fn trusts_memory(known: &mut Known, logged: &Logged) -> Vec<Effect> {
    if let Body::Sale(sale) = &logged.event.body
        && let (Some(link), Some(at)) = (sale.claim.code_link, sale.claim.occurred_at)
        && let Some(touch) = known.touches.links.get_mut(&link)
        && let Some(last) = &mut touch.last
    {
        last.at = last.at.min(at);
        touch.first = touch.last;
    }
    decide(known, logged)
}

/// Looks at no event id and at no key.
fn forgets_copies(known: &mut Known, logged: &Logged) -> Vec<Effect> {
    if logged.event.resent {
        known.touches.seen.clear();
        known.keys.clear();
    }
    decide(known, logged)
}

/// Does not see what came before in the same batch.
fn forgets_its_batch(known: &mut Known, logged: &Logged) -> Vec<Effect> {
    let effects = decide(known, logged);
    if matches!(logged.event.body, Body::Click(_)) {
        known.touches.links.clear();
    }
    effects
}

/// Decides by something that is not in the event.
fn has_a_mood(known: &mut Known, logged: &Logged) -> Vec<Effect> {
    static MOOD: AtomicU64 = AtomicU64::new(0);
    let mut effects = decide(known, logged);
    if MOOD.fetch_add(1, Ordering::Relaxed).is_multiple_of(3) {
        effects.pop();
    }
    effects
}

/// Settles without looking whether anything still waits.
fn settles_blindly(known: &mut Known, logged: &Logged) -> Vec<Effect> {
    let mut effects = decide(known, logged);
    if let (true, Body::Settle(settle)) = (effects.is_empty(), &logged.event.body) {
        let (company, day) = (settle.company, logged.taken_at().day());
        effects.push(Effect::Count { company, kind: Sale, outcome: Attributed, day, by: 1 });
    }
    effects
}

/// A tick that lets too much time pass.
fn ticks_ahead(known: &mut Known, logged: &Logged) -> Vec<Effect> {
    let mut logged = logged.clone();
    if let Body::Tick = logged.event.body {
        logged.appended_at = logged.appended_at.plus_ms(DAY_MS);
        let waiting: Vec<ConversionId> = (0..40).map(conversion_id).collect();
        known.due.extend(waiting);
    }
    decide(known, &logged)
}

#[test]
fn broken_deciders_are_caught() {
    is_caught(trusts_memory, "by the plain batch");
    is_caught(forgets_copies, "copies changed");
    is_caught(forgets_its_batch, "other batches changed");
    is_caught(has_a_mood, "a batch decided twice");
    is_caught(settles_blindly, "extra settles changed");
    is_caught(ticks_ahead, "extra ticks changed");
}
