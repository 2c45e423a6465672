//! Made-up histories of clicks, leads and sales, and how they are played: in batches, with copies, ticks and settles beside them.

use proptest::{prelude::*, sample::Index};
use schemas::{
    event::{Body, Claim, Event},
    hashes::EmailHash,
    receipt::{Receipt, Visit},
    terms::{EvidenceKey, OnConflict, Policy, Selector, Terms},
    time::{DAY_MS, HOUR_MS, TimeMs},
};

use crate::{
    scene::{KEY, LINKS, NOON, claim, click, customer, receipt_of, refuel, sale, store},
    store::{Decide, Store, event},
};

/// Times are multiples of this, so that edges of windows and ties are hit often.
const UNIT_MS: i64 = 12 * HOUR_MS;
const WINDOW_DAYS: u32 = 5;

#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) policy: Policy,
    steps: Vec<Step>,
    /// Steps a batch.
    batches: Vec<usize>,
    other_batches: Vec<usize>,
}

#[derive(Debug, Clone)]
pub(crate) struct Step {
    after_units: i64,
    act: Act,
    sent_twice: bool,
    /// Whether facts keep up after this step's batch.
    facts_follow: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Act {
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

pub(crate) fn plans() -> impl Strategy<Value = Plan> {
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
pub(crate) struct Extras {
    pub(crate) copies: bool,
    pub(crate) ticks: bool,
    pub(crate) settles: bool,
}

pub(crate) struct Player {
    decide: Decide,
    extras: Extras,
    store: Store,
    now: TimeMs,
    extra_ids: u128,
}

impl Player {
    pub(crate) fn play(plan: &Plan, decide: Decide, extras: Extras) -> Store {
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
pub(crate) fn replay(plan: &Plan, decide: Decide, first: &Store) -> Store {
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
