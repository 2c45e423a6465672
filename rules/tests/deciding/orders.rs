//! Attribution equals the plain batch's under any order of arrival, any split into batches, anything decided or sent twice, and
//! any extra tick or settle.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use proptest::{
    prelude::*,
    sample::Index,
    strategy::ValueTree,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use rules::{Effect, Known, decide, touches::Touches};
use schemas::{
    conversion::{Conversion, Standing},
    decision::{
        Answer,
        EventKind::{self, Click, Lead, Sale},
        Outcome::{self, *},
    },
    event::{Body, Claim, Event, Logged},
    hashes::EmailHash,
    ids::ConversionId,
    receipt::{Receipt, Visit},
    terms::{EvidenceKey, OnConflict, Policy, Selector, Terms},
    time::{DAY_MS, HOUR_MS, TimeMs},
};

use crate::{
    attribution_oracle::{agrees, click_outcomes},
    explained::{posted, recomputed},
    scene::{KEY, LINKS, NOON, claim, click, conversion_id, customer, receipt_of, refuel, sale, store},
    store::{Decide, Store, event},
};

/// Times are multiples of this, so that edges of windows and ties are hit often.
const UNIT_MS: i64 = 12 * HOUR_MS;
const WINDOW_DAYS: u32 = 5;

#[derive(Debug, Clone)]
struct Plan {
    policy: Policy,
    steps: Vec<Step>,
    /// Steps a batch.
    batches: Vec<usize>,
    other_batches: Vec<usize>,
}

#[derive(Debug, Clone)]
struct Step {
    after_units: i64,
    act: Act,
    sent_twice: bool,
    /// Whether facts keep up after this step's batch.
    facts_follow: bool,
}

#[derive(Debug, Clone)]
enum Act {
    Click {
        link: usize,
        late_units: i64,
        client_id: Option<u64>,
        bot: bool,
    },
    Convert {
        lead: bool,
        code: Option<usize>,
        receipt: Option<Index>,
        units_ago: Option<i64>,
        customer: Option<u128>,
        email: Option<u128>,
    },
    Again {
        which: Index,
    },
}

fn policies() -> impl Strategy<Value = Policy> {
    use EvidenceKey::*;
    let keys = prop_oneof![
        4 => Just(vec![Receipt, Code]),
        2 => Just(vec![Code, Receipt]),
        1 => Just(vec![Code]),
        1 => Just(vec![Receipt, Code, Customer]),
        1 => Just(vec![Customer, Code]),
    ];
    let on_conflict =
        prop_oneof![Just(OnConflict::CodeWins), Just(OnConflict::ClickWins), Just(OnConflict::BothRequired)];
    let selector = prop_oneof![Just(Selector::Last), Just(Selector::First)];
    let rarely = || prop::bool::weighted(0.2);
    (keys, selector, on_conflict, rarely(), rarely()).prop_map(|(keys, selector, on_conflict, typed, lock_customer)| {
        let knows_customers = lock_customer || keys.contains(&Customer);
        Policy {
            name: "any/1".to_owned(),
            keys,
            selector,
            window_days: WINDOW_DAYS,
            code_needs_click: !typed,
            lock_customer,
            await_lead_hours: if knows_customers { 24 } else { 0 },
            on_conflict,
        }
    })
}

fn acts() -> impl Strategy<Value = Act> {
    let late = prop_oneof![3 => Just(0_i64), 2 => 0..14_i64];
    let clicks = (0..3_usize, late, proptest::option::weighted(0.3, 0..3_u64), prop::bool::weighted(0.1))
        .prop_map(|(link, late_units, client_id, bot)| Act::Click { link, late_units, client_id, bot });
    let who = || proptest::option::weighted(0.4, 0..3_u128);
    let converts = (
        prop::bool::weighted(0.25),
        proptest::option::weighted(0.7, 0..3_usize),
        proptest::option::weighted(0.3, any::<Index>()),
        proptest::option::weighted(0.5, 0..14_i64),
        who(),
        who(),
    )
        .prop_map(|(lead, code, receipt, units_ago, customer, email)| Act::Convert {
            lead,
            code,
            receipt,
            units_ago,
            customer,
            email,
        });
    prop_oneof![5 => clicks, 5 => converts, 1 => any::<Index>().prop_map(|which| Act::Again { which })]
}

fn plans() -> impl Strategy<Value = Plan> {
    let steps =
        (prop_oneof![2 => Just(0_i64), 3 => 1..5_i64], acts(), prop::bool::weighted(0.3), prop::bool::weighted(0.6))
            .prop_map(|(after_units, act, sent_twice, facts_follow)| Step {
                after_units,
                act,
                sent_twice,
                facts_follow,
            });
    let batches = || proptest::collection::vec(1..8_usize, 1..6);
    (policies(), proptest::collection::vec(steps, 1..30), batches(), batches())
        .prop_map(|(policy, steps, batches, other_batches)| Plan { policy, steps, batches, other_batches })
}

/// What is sent beyond what the plan itself sends.
#[derive(Clone, Copy, Default)]
struct Extras {
    copies: bool,
    ticks: bool,
    settles: bool,
}

struct Player {
    decide: Decide,
    extras: Extras,
    store: Store,
    now: TimeMs,
    extra_ids: u128,
}

impl Player {
    fn play(plan: &Plan, decide: Decide, extras: Extras) -> Store {
        let store = store(terms(plan));
        let mut player = Player { decide, extras, store, now: NOON, extra_ids: 1 << 80 };
        let events = events(plan);
        let mut rest = &events[..];
        for size in plan.batches.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (batch, after) = rest.split_at((*size).min(rest.len()));
            player.batch(batch);
            rest = after;
        }
        player.drain();
        player.now = player.now.plus_ms(365 * DAY_MS);
        player.append_extra(Body::Tick);
        player.store.run(decide);
        player.drain();
        player.store
    }

    fn batch(&mut self, steps: &[(TimeMs, Event, Step)]) {
        for (at, event, _) in steps {
            self.now = *at;
            self.store.append(event.clone(), *at);
        }
        if self.extras.copies {
            for (at, event, _) in
                steps.iter().filter(|(at, _, step)| step.sent_twice && self.now.since_ms(*at) <= HOUR_MS)
            {
                self.store.append(Event { resent: true, ..event.clone() }, *at);
            }
        }
        if self.extras.ticks {
            self.append_extra(Body::Tick);
        }
        self.store.run(self.decide);
        if steps.last().is_some_and(|(.., step)| step.facts_follow) {
            self.drain();
        }
    }

    /// Everything that facts now hold is settled.
    fn drain(&mut self) {
        loop {
            let settles = self.store.settles_due();
            if settles.is_empty() {
                return;
            }
            let times = if self.extras.settles { 2 } else { 1 };
            for settle in settles.iter().flat_map(|settle| std::iter::repeat_n(settle, times)) {
                self.append_extra(Body::Settle(*settle));
            }
            self.store.run(self.decide);
        }
    }

    fn append_extra(&mut self, body: Body) {
        self.extra_ids += 1;
        self.store.append(event(self.extra_ids, body), self.now);
    }
}

fn terms(plan: &Plan) -> Terms {
    let mut terms = refuel();
    terms.policy = plan.policy.clone();
    terms.hold_days = 2;
    terms
}

fn events(plan: &Plan) -> Vec<(TimeMs, Event, Step)> {
    let mut now = NOON;
    let mut receipts: Vec<Receipt> = Vec::new();
    let mut claims: Vec<Body> = Vec::new();
    let mut events = Vec::new();
    for (step, n) in plan.steps.iter().zip(1_u64..) {
        now = now.plus_ms(step.after_units * UNIT_MS);
        let body = match &step.act {
            Act::Click { link, late_units, client_id, bot } => {
                let visit = if *bot { Visit::Bot } else { Visit::Person };
                let mut fields = receipt_of(LINKS[*link], now.plus_ms(-late_units * UNIT_MS), n, visit).fields();
                fields.client_event_id = client_id.is_some();
                fields.event_id_hash = client_id.unwrap_or(100 + n);
                receipts.push(Receipt::sign(&KEY, &fields));
                Body::Click(Box::new(click(receipts[receipts.len() - 1])))
            }
            Act::Convert { lead, .. } => {
                let claim = evidence(&step.act, n, now, &receipts);
                let body =
                    if *lead { Body::Lead(Box::new(claim)) } else { sale(claim, 1000 + i64::try_from(n).unwrap_or(0)) };
                claims.push(body.clone());
                body
            }
            Act::Again { which } if !claims.is_empty() => which.get(&claims).clone(),
            Act::Again { .. } => continue,
        };
        let mut sent = event(u128::from(n), body);
        // An edge that may send a click's record twice says so with both.
        sent.resent = step.sent_twice && matches!(sent.body, Body::Click(_));
        events.push((now, sent, step.clone()));
    }
    events
}

fn evidence(act: &Act, n: u64, now: TimeMs, receipts: &[Receipt]) -> Claim {
    let Act::Convert { code, receipt, units_ago, customer: who, email, .. } = act else {
        panic!("no lead or sale: {act:?}");
    };
    Claim {
        code_link: code.map(|code| LINKS[code]),
        receipt: receipt.filter(|_| !receipts.is_empty()).map(|index| *index.get(receipts)),
        occurred_at: units_ago.map(|units| now.plus_ms(-units * UNIT_MS)),
        customer: who.and_then(customer),
        email: email.map(EmailHash),
        ..claim(n)
    }
}

/// A log once more from its beginning, in other batches, with what facts hold.
fn replay(plan: &Plan, decide: Decide, first: &Store) -> Store {
    let mut again = Store { log: first.log.clone(), facts_before: Some(first.clicks.clone()), ..store(terms(plan)) };
    for size in plan.other_batches.iter().cycle() {
        if again.next == again.log.len() {
            break;
        }
        again.run_batch((*size).min(again.log.len() - again.next), decide);
    }
    again.settles_due();
    again
}

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
        known.touches = Touches::default();
    }
    effects
}

/// Decides by something that is not in the event.
fn has_a_mood(known: &mut Known, logged: &Logged) -> Vec<Effect> {
    static MOOD: AtomicU64 = AtomicU64::new(0);
    let mut effects = decide(known, logged);
    if MOOD.fetch_add(1, Ordering::Relaxed) % 3 == 0 {
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
    is_caught(forgets_its_batch, "");
    is_caught(has_a_mood, "a batch decided twice");
    is_caught(settles_blindly, "extra settles changed");
    is_caught(ticks_ahead, "extra ticks changed");
}
