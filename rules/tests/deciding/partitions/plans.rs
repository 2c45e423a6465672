//! Made-up events of one company: the same orders, customers, codes and refunds again and again, sent to any partition.

use proptest::{prelude::*, sample::Index};
use rules::{presets, touches::SEEN_FOR_MS};
use schemas::{
    event::{Body, Claim, Event, Refund, ReviewAction, Sale},
    hashes::{EmailHash, KeyHash},
    ids::LinkId,
    money::{Currency, Rate},
    receipt::{Receipt, Visit},
    route::home,
    terms::{SignalName, Terms},
    time::{HOUR_MS, TimeMs},
};

use crate::{
    scene::{
        KEY, LINKS, NOON, PROGRAM, REVOKED, claim, click, conversion_id, customer, partners_email, receipt_of, refund,
        review,
    },
    store::event,
};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Refuel,
    Refairn,
    Refport,
    Reflio,
    Reditus,
}

#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    budget_minor: Option<i64>,
    pub(crate) partitions: u32,
    pub(crate) acts: Vec<Act>,
}

#[derive(Debug, Clone)]
pub(crate) enum Act {
    Click {
        link: usize,
        bot: bool,
        client_id: Option<u64>,
        address: u64,
    },
    Convert(Convert),
    Refund {
        n: u64,
        key: u64,
        amount_minor: Option<i64>,
        to: usize,
    },
    Review {
        n: u64,
        action: ReviewAction,
        to: usize,
    },
    /// An edge sends a record once more within the hour, to where it sent it first.
    Again {
        which: Index,
    },
    /// The owner takes its next step.
    Advance {
        at: usize,
        events: usize,
    },
    Crash {
        at: usize,
    },
    Settles {
        times: usize,
    },
    Tick {
        at: usize,
    },
    Wait {
        minutes: i64,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct Convert {
    lead: bool,
    /// Its order, and another name of it.
    n: u64,
    also: Option<u64>,
    code: Option<usize>,
    receipt: Option<Index>,
    customer: Option<u128>,
    email: Option<u128>,
    amount_minor: i64,
    in_yen: bool,
    hours_ago: Option<i64>,
    revoked: bool,
    /// None: where an edge sends it.
    to: Option<usize>,
}

fn converts() -> impl Strategy<Value = Convert> {
    let rarely = |weight| prop::bool::weighted(weight);
    let who = || proptest::option::weighted(0.6, 1..3_u128);
    let named = (rarely(0.4), 1..7_u64, proptest::option::weighted(0.1, 1..7_u64));
    let evidence =
        (proptest::option::weighted(0.4, 0..4_usize), proptest::option::weighted(0.2, any::<Index>()), who(), who());
    let sold = (100..5_000_i64, rarely(0.15), proptest::option::weighted(0.15, 1..30_i64), rarely(0.1));
    let to = proptest::option::weighted(0.5, 0..3_usize);
    (named, evidence, sold, to).prop_map(|(named, evidence, sold, to)| {
        let (lead, n, also) = named;
        let (code, receipt, customer, email) = evidence;
        let (amount_minor, in_yen, hours_ago, revoked) = sold;
        Convert { lead, n, also, code, receipt, customer, email, amount_minor, in_yen, hours_ago, revoked, to }
    })
}

/// Without steps of owners, or with them.
pub(crate) fn acts(steps: bool) -> impl Strategy<Value = Act> {
    let action = prop_oneof![Just(ReviewAction::Approve), Just(ReviewAction::Reject), Just(ReviewAction::ClawBack)];
    let clicks = (0..3_usize, prop::bool::weighted(0.1), proptest::option::weighted(0.3, 0..3_u64), 0..2_u64)
        .prop_map(|(link, bot, client_id, address)| Act::Click { link, bot, client_id, address });
    let refunds = (1..7_u64, 1..4_u64, proptest::option::of(50..2_000_i64), 0..3_usize)
        .prop_map(|(n, key, amount_minor, to)| Act::Refund { n, key, amount_minor, to });
    let reviews = (1..7_u64, action, 0..3_usize).prop_map(|(n, action, to)| Act::Review { n, action, to });
    let advances = (0..3_usize, 1..4_usize).prop_map(|(at, events)| Act::Advance { at, events });
    let more = u32::from(steps);
    prop_oneof![
        4 => clicks,
        8 => converts().prop_map(Act::Convert),
        2 => refunds,
        1 => reviews,
        1 => any::<Index>().prop_map(|which| Act::Again { which }),
        1 => (0..3_usize).prop_map(|at| Act::Tick { at }),
        2 => prop_oneof![8 => 1..90_i64, 2 => Just(13 * 60_i64), 1 => Just(15 * 24 * 60_i64)].prop_map(|minutes| Act::Wait { minutes }),
        40 * more => advances,
        2 * more => (0..3_usize).prop_map(|at| Act::Crash { at }),
        3 * more => (1..3_usize).prop_map(|times| Act::Settles { times }),
    ]
}

pub(crate) fn plans(steps: bool, length: usize) -> impl Strategy<Value = Plan> {
    let kinds = prop_oneof![
        3 => Just(Kind::Refuel),
        2 => Just(Kind::Refairn),
        1 => Just(Kind::Refport),
        2 => Just(Kind::Reflio),
        3 => Just(Kind::Reditus),
    ];
    (kinds, proptest::option::weighted(0.6, 0..600_i64), 2..4_u32, proptest::collection::vec(acts(steps), 1..length))
        .prop_map(|(kind, budget_minor, partitions, acts)| Plan { kind, budget_minor, partitions, acts })
}

impl Plan {
    /// Thresholds are low, so that few events make a signal fire.
    pub(crate) fn terms(&self) -> Terms {
        let rate = Rate(100_000);
        let mut terms = match self.kind {
            Kind::Refuel => presets::refuel(PROGRAM, rate, 30, TimeMs(0)),
            Kind::Refairn => presets::refairn(PROGRAM, rate, TimeMs(0)),
            Kind::Refport => presets::refport(PROGRAM, rate, TimeMs(0)),
            Kind::Reflio => presets::reflio(PROGRAM, rate, TimeMs(0)),
            Kind::Reditus => presets::reditus(PROGRAM, rate, TimeMs(0)),
        };
        terms.caps.budget_minor = self.budget_minor;
        for signal in &mut terms.fraud.signals {
            signal.threshold = match signal.name {
                SignalName::SharedClick | SignalName::VelocityAddress => 1,
                SignalName::ValueOutlier | SignalName::VelocityCode => 2,
                _ => signal.threshold,
            };
        }
        terms
    }
}

/// Makes events of acts: numbers them, and remembers what can be sent again.
#[derive(Default)]
pub(crate) struct Sender {
    receipts: Vec<Receipt>,
    sent: Vec<(TimeMs, Event, usize)>,
}

impl Sender {
    /// What an edge appends now, and where; None where the act is not an edge's.
    pub(crate) fn event(&mut self, act: &Act, now: TimeMs, partitions: u32) -> Option<(Event, usize)> {
        let number = 1 + self.sent.len() as u64;
        let (body, to) = match act {
            Act::Click { .. } => (self.click(act, number, now), None),
            Act::Convert(convert) => (self.claim(convert, now), convert.to),
            Act::Refund { n, key, amount_minor, to } => {
                let Body::Refund(refund) = refund(*key, *n, *amount_minor) else { return None };
                let body_hash = amount_minor.map_or(0, i64::unsigned_abs).into();
                (Body::Refund(Box::new(Refund { body_hash, ..*refund })), Some(*to))
            }
            Act::Review { n, action, to } => (review(*n, *action), Some(*to)),
            Act::Again { which } => {
                let lately = self.sent.partition_point(|(at, ..)| now.since_ms(*at) > SEEN_FOR_MS);
                let (_, event, to) = self.sent[lately..].get(which.index(self.sent.len() - lately + 1))?;
                return Some((event.clone(), *to));
            }
            _ => return None,
        };
        let to = to.or(home(&body, partitions).map(|home| home as usize)).unwrap_or(0) % partitions as usize;
        let revoked = matches!(act, Act::Convert(Convert { revoked: true, .. }));
        let resent = matches!(body, Body::Click(_));
        let event = Event { key: revoked.then_some(REVOKED), resent, ..event(1 << 90 | u128::from(number), body) };
        self.sent.push((now, event.clone(), to));
        Some((event, to))
    }

    fn click(&mut self, act: &Act, number: u64, now: TimeMs) -> Body {
        let Act::Click { link, bot, client_id, address } = act else { panic!("no click: {act:?}") };
        let visit = if *bot { Visit::Bot } else { Visit::Person };
        let mut fields = receipt_of(LINKS[*link], now, number, visit).fields();
        fields.address_cut = 1 + address;
        fields.client_event_id = client_id.is_some();
        fields.event_id_hash = client_id.unwrap_or(100 + number);
        let receipt = Receipt::sign(&KEY, &fields);
        self.receipts.push(receipt);
        Body::Click(Box::new(click(receipt)))
    }

    fn claim(&self, convert: &Convert, now: TimeMs) -> Body {
        // Leads have keys of their own; the fourth link is nobody's.
        let first = if convert.lead { 100 + convert.n } else { convert.n };
        let also =
            convert.also.filter(|also| *also != convert.n).map(|also| KeyHash(u128::from(first - convert.n + also)));
        let email = convert
            .email
            .map(|email| if email == 2 { partners_email(crate::scene::PARTNERS[0]) } else { EmailHash(email) });
        let claim = Claim {
            conversion: conversion_id(first),
            keys: std::iter::once(KeyHash(u128::from(first))).chain(also).collect(),
            code_link: convert.code.map(|code| LINKS.get(code).copied().unwrap_or(LinkId(77))),
            receipt: convert.receipt.filter(|_| !self.receipts.is_empty()).map(|which| *which.get(&self.receipts)),
            customer: convert.customer.and_then(customer),
            email,
            occurred_at: convert.hours_ago.map(|hours| now.plus_ms(-hours * HOUR_MS)),
            ..claim(first)
        };
        if convert.lead {
            return Body::Lead(Box::new(claim));
        }
        let currency = if convert.in_yen { Currency::parse("JPY").expect("a currency") } else { Currency::USD };
        Body::Sale(Box::new(Sale { claim, amount_minor: convert.amount_minor, currency }))
    }
}

/// When plans begin: keys of the past are revoked by then.
pub(crate) const BEGIN: TimeMs = NOON;
