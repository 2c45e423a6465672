//! A program's budget, to the cent: what commissions take of it, and what comes back.

use rules::presets;
use schemas::{
    conversion::{ReviewState, Standing},
    event::{Body, Claim, ReviewAction, Sale},
    explanation::Step,
    money::{Currency, Rate},
    terms::{CommissionAmount, CommissionRule, Terms, Trigger},
    time::{DAY_MS, TimeMs},
};

use crate::{
    explained::{posted, recomputed},
    scene::{
        LINKS, NOON, PARTNERS, PROGRAM, click, coded, hours, partners_email, receipt, refund, review, sale, store,
    },
    store::Store,
};

/// A tenth of each sale, of which the platform has a fifth.
fn terms(budget_minor: Option<i64>) -> Terms {
    let mut terms = presets::refuel(PROGRAM, Rate(100_000), 30, TimeMs(0));
    terms.caps.budget_minor = budget_minor;
    terms.fraud.signals.retain(|signal| signal.name == schemas::terms::SignalName::OwnEmail);
    terms
}

fn ready(versions: Vec<Terms>) -> Store {
    let mut store = store(terms(None));
    store.terms.insert(PROGRAM, versions);
    store.clicked(receipt(LINKS[0], NOON.plus_ms(-DAY_MS), 1));
    store
}

fn spent_in(store: &Store, currency: Currency) -> Option<i64> {
    store.kept.budgets.get(&(PROGRAM, currency)).copied()
}

/// What sale `n` earns and what is spent then, in its currency; the books and the explanation say the same.
fn check(store: &Store, n: u64, commission_minor: i64, partner_minor: i64, spent_minor: i64) {
    let conversion = store.conversion(n);
    let stands = conversion.review != ReviewState::Rejected;
    assert_eq!((conversion.commission_minor, conversion.partner_minor), (commission_minor, partner_minor), "sale {n}");
    let parts = (partner_minor, commission_minor - partner_minor);
    assert_eq!(recomputed(conversion), parts, "sale {n}: explained");
    assert_eq!(posted(store, conversion), if stands { parts } else { (0, 0) }, "sale {n}: posted");
    assert_eq!(spent_in(store, conversion.currency).unwrap_or(0), spent_minor, "after sale {n}");
}

/// The caps that the explanation tells, in their order.
fn caps(store: &Store, n: u64) -> Vec<(i64, i64)> {
    let cap = |step: &Step| if let Step::Cap { left, result } = step { Some((*left, *result)) } else { None };
    store.conversion(n).explanation.arithmetic.iter().filter_map(cap).collect()
}

fn sells(store: &mut Store, n: u64, amount_minor: i64) {
    store.happens(sale(coded(n, LINKS[0]), amount_minor), NOON);
}

fn sells_to_its_partner(store: &mut Store, n: u64, amount_minor: i64) {
    let claim = Claim { email: Some(partners_email(PARTNERS[0])), ..coded(n, LINKS[0]) };
    store.happens(sale(claim, amount_minor), NOON);
    assert_eq!(store.conversion(n).review, ReviewState::Pending);
}

#[test]
fn the_last_of_a_budget_is_what_a_sale_may_have() {
    let mut store = ready(vec![terms(Some(1500))]);
    for (n, amount_minor, commission_minor, partner_minor, spent_minor, capped) in [
        (1, 10_000, 1000, 800, 1000, vec![]),
        (2, 10_000, 500, 400, 1500, vec![(500, 500)]),
        (3, 10_000, 0, 0, 1500, vec![(0, 0)]),
        (4, 4, 0, 0, 1500, vec![]),
    ] {
        sells(&mut store, n, amount_minor);
        check(&store, n, commission_minor, partner_minor, spent_minor);
        assert_eq!(caps(&store, n), capped, "sale {n}");
    }
    let mut exact = ready(vec![terms(Some(1000))]);
    sells(&mut exact, 1, 10_000);
    check(&exact, 1, 1000, 800, 1000);
    assert_eq!(caps(&exact, 1), [], "all of it is no cap");
}

#[test]
fn a_budget_of_nothing_pays_nothing() {
    let mut store = ready(vec![terms(Some(0))]);
    sells(&mut store, 1, 10_000);
    check(&store, 1, 0, 0, 0);
    assert_eq!((store.standing(1), caps(&store, 1)), (Standing::Attributed, vec![(0, 0)]));
    store.happens(refund(1, 1, None), NOON);
    check(&store, 1, 0, 0, 0);
    assert_eq!(spent_in(&store, Currency::USD), None, "nothing was ever spent");
}

#[test]
fn what_a_refund_gives_back_a_later_sale_may_have() {
    let mut store = ready(vec![terms(Some(1200))]);
    sells(&mut store, 1, 10_000);
    sells(&mut store, 2, 10_000);
    check(&store, 2, 200, 160, 1200);
    store.happens(refund(1, 1, Some(4000)), NOON);
    check(&store, 1, 600, 480, 800);
    sells(&mut store, 3, 5000);
    check(&store, 3, 400, 320, 1200);
    store.happens(refund(2, 1, None), NOON);
    check(&store, 1, 0, 0, 600);
}

/// However it is refunded: what was granted is the most it can have, though there is room again.
#[test]
fn a_refund_of_a_capped_sale_never_makes_it_grow() {
    let mut store = ready(vec![terms(Some(1300))]);
    sells(&mut store, 1, 10_000);
    sells(&mut store, 2, 10_000);
    check(&store, 2, 300, 240, 1300);
    store.happens(refund(1, 1, None), NOON);
    check(&store, 1, 0, 0, 300);
    for (refunded, amount_minor, commission_minor, partner_minor, cap) in [
        (2, Some(1), 300, 240, Some((300, 300))),
        (3, Some(6_989), 300, 240, Some((300, 300))),
        (4, Some(10), 300, 240, None),
        (5, Some(1_000), 200, 160, None),
        (6, Some(1_999), 0, 0, None),
        (7, None, 0, 0, None),
    ] {
        store.happens(refund(refunded, 2, amount_minor), NOON);
        check(&store, 2, commission_minor, partner_minor, commission_minor);
        assert_eq!(caps(&store, 2)[1..], cap.into_iter().collect::<Vec<_>>(), "refund {refunded}");
    }
    let shares: Vec<i64> = store.kept.refunds.iter().map(|refund| refund.commission_minor).collect();
    assert_eq!(shares, [0, 300, 300, 300, 200, 0, 0]);
}

#[test]
fn what_is_rejected_or_clawed_back_comes_back() {
    let mut store = ready(vec![terms(Some(1500))]);
    sells_to_its_partner(&mut store, 1, 10_000);
    check(&store, 1, 1000, 800, 1000);
    sells_to_its_partner(&mut store, 2, 10_000);
    check(&store, 2, 500, 400, 1500);
    store.happens(review(1, ReviewAction::Reject), NOON);
    check(&store, 1, 1000, 800, 500);
    store.happens(review(2, ReviewAction::Approve), NOON);
    check(&store, 2, 500, 400, 500);
    store.happens(refund(1, 1, Some(5_000)), NOON);
    check(&store, 1, 500, 400, 500);
    sells(&mut store, 3, 20_000);
    check(&store, 3, 1000, 800, 1500);
    store.happens(review(2, ReviewAction::ClawBack), NOON);
    check(&store, 2, 500, 400, 1000);
    store.happens(refund(2, 2, None), NOON);
    check(&store, 2, 0, 0, 1000);
    store.happens(review(2, ReviewAction::ClawBack), NOON);
    assert_eq!(spent_in(&store, Currency::USD), Some(1000), "a second time gives nothing");
}

#[test]
fn each_currency_has_a_budget_of_its_own() {
    let yen = Currency::parse("JPY").unwrap();
    let mut store = ready(vec![terms(Some(1500))]);
    for (n, currency, commission_minor, partner_minor, spent_minor) in [
        (1, Currency::USD, 1000, 800, 1000),
        (2, yen, 1000, 800, 1000),
        (3, yen, 500, 400, 1500),
        (4, Currency::USD, 500, 400, 1500),
    ] {
        let sold = Sale { claim: coded(n, LINKS[0]), amount_minor: 10_000, currency };
        store.happens(Body::Sale(Box::new(sold)), NOON);
        check(&store, n, commission_minor, partner_minor, spent_minor);
    }
    store.happens(refund(1, 2, None), NOON);
    assert_eq!((spent_in(&store, yen), spent_in(&store, Currency::USD)), (Some(500), Some(1500)));
}

/// What terms without a budget granted is none of its; what is spent of one version's is spent of the next one's too.
#[test]
fn terms_with_and_without_a_budget() {
    let version = |version, from, budget_minor| Terms { version, effective_from: from, ..terms(budget_minor) };
    let versions = [(1, -48, None), (2, -4, Some(1500)), (3, -3, Some(500)), (4, -2, Some(2500)), (5, -1, None)];
    let versions = versions.map(|(number, from, budget_minor)| version(number, hours(from), budget_minor));
    let mut store = ready(versions.to_vec());
    for (n, at, commission_minor, partner_minor, spent_minor) in [
        (1, -5, 1000, 800, 0),
        (2, -4, 1000, 800, 1000),
        (3, -3, 0, 0, 1000),
        (4, -2, 1000, 800, 2000),
        (5, -2, 500, 400, 2500),
        (6, -1, 1000, 800, 2500),
    ] {
        store.happens(sale(coded(n, LINKS[0]), 10_000), hours(at));
        check(&store, n, commission_minor, partner_minor, spent_minor);
    }
    for (n, spent_minor) in [(1, 2500), (6, 2500), (2, 1500), (3, 1500), (5, 1000), (4, 0)] {
        store.happens(refund(n, n, None), NOON);
        check(&store, n, 0, 0, spent_minor);
    }
}

#[test]
fn a_sale_takes_its_part_when_it_is_decided() {
    let mut store = ready(vec![terms(Some(1200))]);
    store.happens(sale(coded(1, LINKS[2]), 10_000), NOON);
    assert!(matches!(store.standing(1), Standing::Unattributed(_)));
    assert_eq!(spent_in(&store, Currency::USD), None);
    sells(&mut store, 2, 10_000);
    store.happens(refund(1, 1, Some(1_000)), NOON);
    store.happens(Body::Click(Box::new(click(receipt(LINKS[2], NOON, 9)))), NOON);
    assert_eq!(store.standing(1), Standing::Attributed);
    check(&store, 1, 200, 160, 1200);
    store.happens(refund(2, 1, Some(7_500)), NOON);
    check(&store, 1, 150, 120, 1150);
}

#[test]
fn flat_commissions_and_leads_keep_to_it() {
    let flat = |on, amount_minor| CommissionRule {
        on,
        product: None,
        amount: CommissionAmount::Flat { amount_minor, currency: Currency::USD },
        tiers: Vec::new(),
        recurring: None,
    };
    let terms = Terms { commission: vec![flat(Trigger::Lead, 100), flat(Trigger::Sale, 500)], ..terms(Some(650)) };
    let mut store = ready(vec![terms]);
    for (n, is_lead, commission_minor, partner_minor, spent_minor) in
        [(1, true, 100, 80, 100), (2, false, 500, 400, 600), (3, true, 50, 40, 650), (4, false, 0, 0, 650)]
    {
        let claim = coded(n, LINKS[0]);
        let body = if is_lead { Body::Lead(Box::new(claim)) } else { sale(claim, 10_000) };
        store.happens(body, NOON);
        check(&store, n, commission_minor, partner_minor, spent_minor);
    }
}
