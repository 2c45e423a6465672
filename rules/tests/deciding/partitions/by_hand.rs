//! The narrow places between partitions, one by one.

use rules::presets;
use schemas::{
    conversion::{Maturity, Standing, Unattributed},
    decision::{Answer, EventKind, Outcome, Refusal},
    event::{Body, Claim, Event, ReviewAction, Settle},
    hashes::EmailHash,
    ids::LinkId,
    money::Rate,
    receipt::Receipt,
    route::{partition_of_customer, partition_of_link},
    terms::{SignalName, Terms},
    time::{DAY_MS, HOUR_MS, TimeMs},
};

use super::deployment::{Deployment, House};
use crate::{
    scene::{
        COMPANY, KEY, LINKS, NOON, PROGRAM, REVOKED, claim, click, coded, conversion_id, customer, hours, receipt,
        refuel, refund, review, sale,
    },
    store::event,
};

const PARTITIONS: u32 = 3;

fn deployment(terms: &Terms) -> Deployment {
    Deployment::new(PARTITIONS, terms, House::sound(), NOON)
}

fn reditus() -> Terms {
    presets::reditus(PROGRAM, Rate(100_000), TimeMs(0))
}

fn home_of(link: LinkId) -> usize {
    partition_of_link(link, PARTITIONS) as usize
}

impl Deployment {
    fn sends(&mut self, id: u128, body: Body, to: usize) {
        self.send(event(1 << 90 | id, body), to);
    }

    fn clicked(&mut self, receipt: Receipt) {
        let link = receipt.fields().link;
        self.sends(
            u128::from(receipt.fields().event_id_hash) << 32,
            Body::Click(Box::new(click(receipt))),
            home_of(link),
        );
        self.drain().expect("an end");
    }

    /// The owner looks up, decides and sends on, and does not commit.
    fn almost_commits(&mut self, at: usize) {
        (0..3).for_each(|_| assert_eq!(self.advance(at, usize::MAX), Ok(true)));
    }

    fn standing(&self, n: u64) -> Standing {
        self.ledger.conversions[&conversion_id(n)].standing
    }

    fn answers(&self, id: u128) -> Vec<&Answer> {
        let of_event = self.ledger.replies.iter().filter(|reply| reply.event.0 == 1 << 90 | id);
        of_event.map(|reply| &reply.answer).collect()
    }

    fn count(&self, kind: EventKind, outcome: Outcome) -> i64 {
        let same = self.ledger.counts.iter().filter(|((_, of, what, _), _)| (*of, *what) == (kind, outcome));
        same.map(|(_, count)| count).sum()
    }

    fn forwards(&self, to: usize) -> usize {
        self.log(to).iter().filter(|logged| logged.event.first_appended_at.is_some()).count()
    }
}

#[test]
fn a_conversion_is_decided_where_its_evidence_is() {
    let [here, other] = [home_of(LINKS[0]), home_of(LINKS[1])];
    let by_customer = Claim { customer: customer(7), ..coded(1, LINKS[0]) };
    let customers = partition_of_customer(&by_customer, PARTITIONS) as usize;
    let no_evidence = Claim { code_link: None, ..by_customer.clone() };
    let unknown = Claim { code_link: Some(LinkId(30)), ..by_customer.clone() };
    for (terms, claim, home) in [
        (refuel(), by_customer.clone(), here),
        (refuel(), no_evidence.clone(), customers),
        (refuel(), Claim { receipt: Some(receipt(LINKS[1], NOON, 1)), ..no_evidence.clone() }, other),
        (refuel(), Claim { receipt: Some(receipt(LINKS[1], NOON, 1)), ..by_customer.clone() }, here),
        (refuel(), unknown.clone(), home_of(LinkId(30))),
        (reditus(), by_customer, customers),
        (reditus(), no_evidence, customers),
        (reditus(), unknown, home_of(LinkId(30))),
    ] {
        for sent_to in 0..3 {
            let mut deployment = deployment(&terms);
            deployment.sends(1, sale(claim.clone(), 1000), sent_to);
            deployment.drain().unwrap();
            assert_eq!(deployment.partition_of(conversion_id(1)), Some(home as u32), "{claim:?} to {sent_to}");
            assert_eq!(deployment.forwards(home), usize::from(sent_to != home), "{claim:?} to {sent_to}");
        }
    }
}

/// A lead that two partitions want to send to each other is decided at the second.
#[test]
fn a_conversion_is_sent_on_once() {
    let mut deployment = deployment(&refuel());
    let lost = Event { first_appended_at: Some(hours(-1)), ..event(1 << 90 | 1, sale(coded(1, LINKS[0]), 1000)) };
    let wrong = home_of(LINKS[1]);
    deployment.happens(lost, wrong).unwrap();
    assert_eq!(deployment.partition_of(conversion_id(1)), Some(wrong as u32));
}

#[test]
fn a_tick_lets_time_pass_for_its_own_partition_alone() {
    let mut terms = reditus();
    terms.hold_days = 1;
    let mut deployment = deployment(&terms);
    let sold = Claim { customer: customer(7), ..coded(1, LINKS[0]) };
    let waits = Claim { email: Some(EmailHash(8)), ..claim(2) };
    let homes = [&sold, &waits].map(|claim| partition_of_customer(claim, PARTITIONS) as usize);
    deployment.sends(1, sale(sold, 1000), homes[0]);
    deployment.sends(2, sale(waits.clone(), 1000), homes[1]);
    deployment.drain().unwrap();
    assert_eq!(deployment.standing(2), Standing::Parked);

    // Both are looked up where another's tick is: for a refund that is sent on, and for a lead that comes too late.
    deployment.now = hours(25);
    let elsewhere = (0..3).find(|at| !homes.contains(at)).unwrap();
    let lead = |n| Claim { customer: customer(n), email: Some(EmailHash(8)), ..coded(100, LINKS[0]) };
    let lead = (0..).map(lead).find(|lead| partition_of_customer(lead, PARTITIONS) as usize == elsewhere).unwrap();
    deployment.sends(3, refund(1, 1, Some(100)), elsewhere);
    deployment.sends(4, Body::Lead(Box::new(lead)), elsewhere);
    deployment.append_own(Body::Tick, elsewhere);
    (0..4).for_each(|_| _ = deployment.advance(elsewhere, usize::MAX).unwrap());
    assert_eq!(deployment.ledger.conversions[&conversion_id(1)].maturity, Maturity::HeldUntil(hours(24)));
    assert_eq!(deployment.standing(2), Standing::Parked);

    deployment.tick().unwrap();
    assert_eq!(deployment.ledger.conversions[&conversion_id(1)].maturity, Maturity::Matured);
    assert_eq!(deployment.standing(2), Standing::Unattributed(Unattributed::NoLead));
    assert_eq!(deployment.count(EventKind::Sale, Outcome::Parked), 0);
}

/// Who is credited with the first sale is by that known under the name that the second waits for.
#[test]
fn a_sale_that_was_woken_wakes_another() {
    let mut deployment = deployment(&reditus());
    let both = |mail| Claim { customer: customer(7), email: Some(EmailHash(mail)), ..claim(1) };
    let mail = |mail| Claim { email: Some(EmailHash(mail)), ..claim(2) };
    let homes = |n| [both(n), mail(n)].map(|claim| partition_of_customer(&claim, PARTITIONS) as usize);
    let apart = (1..).find(|n| homes(*n)[0] != homes(*n)[1]).unwrap();
    let (both, mail, homes) = (both(apart), mail(apart), homes(apart));
    deployment.sends(1, sale(both, 1000), homes[0]);
    deployment.sends(2, sale(mail, 1000), homes[1]);
    deployment.drain().unwrap();
    assert_eq!((deployment.standing(1), deployment.standing(2)), (Standing::Parked, Standing::Parked));
    deployment.sends(3, Body::Lead(Box::new(Claim { customer: customer(7), ..coded(100, LINKS[0]) })), 0);
    deployment.drain().unwrap();
    assert_eq!((deployment.standing(1), deployment.standing(2)), (Standing::Attributed, Standing::Attributed));
}

#[test]
fn a_settle_in_the_wrong_partition_finds_nothing() {
    let mut deployment = deployment(&reditus());
    let waits = Claim { customer: customer(7), ..claim(1) };
    let home = partition_of_customer(&waits, PARTITIONS) as usize;
    deployment.sends(1, sale(waits, 1000), home);
    deployment.drain().unwrap();
    let lead = Claim { customer: customer(7), ..coded(100, LINKS[0]) };
    deployment.sends(2, Body::Lead(Box::new(lead)), home);
    deployment.catch_up().unwrap();
    let settle = Settle { company: COMPANY, conversion: conversion_id(1), facts_up_to: 9 };
    deployment.append_own(Body::Settle(settle), home + 1);
    deployment.catch_up().unwrap();
    assert_eq!(deployment.standing(1), Standing::Parked);
    deployment.drain().unwrap();
    assert_eq!(deployment.standing(1), Standing::Attributed);
}

/// Its conversion is not there when the batch looks for it, and stands when the batch looks for its key.
#[test]
fn a_refusal_never_takes_the_place_of_a_sale() {
    let mut deployment = deployment(&refuel());
    let [here, other] = [home_of(LINKS[0]), home_of(LINKS[1])];
    deployment.clicked(receipt(LINKS[0], hours(-1), 1));
    let by_revoked = Event { key: Some(REVOKED), ..event(1 << 90 | 2, sale(coded(1, LINKS[1]), 1000)) };
    deployment.send(by_revoked, other);
    assert!(deployment.advance(other, 1).unwrap());
    deployment.sends(1, sale(coded(1, LINKS[0]), 1000), here);
    (0..4).for_each(|_| _ = deployment.advance(here, 1).unwrap());
    assert_eq!(deployment.standing(1), Standing::Attributed);
    deployment.drain().unwrap();
    assert_eq!(deployment.standing(1), Standing::Attributed);
    assert_eq!(deployment.answers(2), [&Answer::Refused(Refusal::KeyRevoked)]);
}

/// Its row is where the order was refused first, and then where it was accepted.
#[test]
fn a_refund_goes_to_where_the_order_was_accepted() {
    let mut deployment = deployment(&refuel());
    let [here, other] = [home_of(LINKS[0]), home_of(LINKS[1])];
    deployment.clicked(receipt(LINKS[1], hours(-1), 1));
    let by_revoked = Event { key: Some(REVOKED), ..event(1 << 90 | 1, sale(coded(1, LINKS[0]), 1000)) };
    deployment.happens(by_revoked, here).unwrap();
    assert_eq!(deployment.partition_of(conversion_id(1)), Some(here as u32));
    deployment.sends(2, refund(1, 1, None), other);
    deployment.almost_commits(other);
    assert_eq!(deployment.forwards(here), 0, "there is nothing to refund");
    deployment.drain().unwrap();
    assert_eq!(deployment.answers(2), [&Answer::Refused(Refusal::UnknownConversion)]);

    deployment.sends(3, sale(coded(1, LINKS[1]), 1000), other);
    deployment.drain().unwrap();
    for (id, to) in [(4, here), (5, other)] {
        deployment.sends(id, refund(id as u64, 1, Some(400)), to);
        deployment.drain().unwrap();
        assert!(matches!(deployment.answers(id)[..], [Answer::Refunded { .. }]), "to {to}");
    }
    assert_eq!((deployment.forwards(here), deployment.forwards(other)), (0, 1));
    assert_eq!(deployment.ledger.conversions[&conversion_id(1)].refunded_minor, 800);
}

/// One that names the same refund of another sale, which another partition decided, too.
#[test]
fn a_refund_counts_once_whatever_partition_has_it() {
    let mut deployment = deployment(&refuel());
    for (link, n) in [(LINKS[0], 1), (LINKS[1], 2)] {
        deployment.clicked(receipt(link, hours(-1), n));
        deployment.sends(u128::from(n), sale(coded(n, link), 1000), home_of(link));
    }
    deployment.drain().unwrap();
    deployment.sends(3, refund(1, 1, Some(100)), home_of(LINKS[0]));
    deployment.sends(4, refund(1, 2, Some(100)), home_of(LINKS[1]));
    deployment.sends(5, refund(1, 1, Some(100)), home_of(LINKS[2]));
    deployment.almost_commits(home_of(LINKS[0]));
    deployment.almost_commits(home_of(LINKS[1]));
    deployment.drain().unwrap();
    let refunded = [1, 2].map(|n| deployment.ledger.conversions[&conversion_id(n)].refunded_minor);
    assert_eq!(refunded.iter().sum::<i64>(), 100);
    assert_eq!(deployment.count(EventKind::Refund, Outcome::Applied), 1);
    assert_eq!(deployment.count(EventKind::Refund, Outcome::Duplicate), 2);
}

/// The owner that sends on stops before it commits, and comes back when ids are long forgotten.
#[test]
fn a_forward_that_is_repeated_much_later_is_decided_once() {
    let here = home_of(LINKS[0]);
    let sold = || sale(coded(1, LINKS[0]), 1000);
    let by_revoked = |body| Event { key: Some(REVOKED), ..event(1 << 90 | 9, body) };
    for (late, kind) in [
        (by_revoked(sale(coded(2, LINKS[0]), 1000)), EventKind::Sale),
        (event(1 << 90 | 9, sold()), EventKind::Sale),
        (event(1 << 90 | 9, refund(1, 1, Some(5000))), EventKind::Refund),
        (event(1 << 90 | 9, refund(1, 1, Some(500))), EventKind::Refund),
        (event(1 << 90 | 9, review(1, ReviewAction::ClawBack)), EventKind::Review),
        (event(1 << 90 | 9, review(1, ReviewAction::Approve)), EventKind::Review),
    ] {
        let mut deployment = deployment(&refuel());
        deployment.clicked(receipt(LINKS[0], hours(-1), 1));
        deployment.sends(1, sold(), here);
        deployment.drain().unwrap();
        deployment.send(late.clone(), here + 1);
        deployment.almost_commits(here + 1);
        deployment.crash(here + 1);
        while deployment.advance(here, 1).unwrap() {}
        let answered = deployment.answers(9).len();
        deployment.now = NOON.plus_ms(30 * DAY_MS + HOUR_MS);
        deployment.drain().unwrap();
        assert_eq!((deployment.forwards(here), answered), (2, 1), "{late:?}");
        assert_eq!(deployment.answers(9).len(), 1, "{late:?}");
        let sent = if kind == EventKind::Sale { 2 } else { 1 };
        let counted: i64 = Outcome::ALL.iter().map(|outcome| deployment.count(kind, *outcome)).sum();
        assert_eq!(counted, sent, "{late:?}");
    }
}

/// Of a link's clicks its own partition alone knows how many came from one address. A lead that its customer's partition decides
/// is decided without, whatever its receipt says: the one thing in which three partitions are not one.
#[test]
fn the_velocity_of_an_address_is_known_where_its_clicks_are() {
    for (terms, partitions, fires) in
        [(refuel(), 1, true), (refuel(), 3, true), (reditus(), 1, true), (reditus(), 3, false)]
    {
        let mut terms = terms;
        terms.fraud.signals.retain(|signal| signal.name == SignalName::VelocityAddress);
        terms.fraud.signals[0].threshold = 1;
        let mut deployment = Deployment::new(partitions, &terms, House::sound(), NOON);
        let receipts = [1, 2].map(|n| {
            let mut fields = receipt(LINKS[0], hours(-1), n).fields();
            fields.address_cut = 5;
            Receipt::sign(&KEY, &fields)
        });
        receipts.into_iter().for_each(|receipt| deployment.clicked(receipt));
        let lead = |n| Claim { receipt: Some(receipts[1]), customer: customer(n), ..claim(1) };
        let away = |lead: &Claim| partition_of_customer(lead, PARTITIONS) as usize != home_of(LINKS[0]);
        let lead = (0..).map(lead).find(away).unwrap();
        deployment.sends(1, Body::Lead(Box::new(lead)), home_of(LINKS[0]));
        deployment.drain().unwrap();
        let signals = &deployment.ledger.conversions[&conversion_id(1)].signals;
        assert_eq!(signals.contains(&SignalName::VelocityAddress), fires, "{} in {partitions}", terms.policy.name);
    }
}
