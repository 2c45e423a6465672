//! Money to the cent: commission, its split, and what refunds leave of both.

use rules::presets;
use schemas::{
    accounts::Account,
    conversion::{Maturity, ReviewState},
    decision::{Answer, EventKind},
    event::{Body, Sale},
    explanation::Step,
    money::{Currency, Rate},
    terms::{CommissionAmount, CommissionRule, Terms, Trigger},
    time::{DAY_MS, TimeMs},
};

use crate::{
    explained::recomputed,
    scene::{COMPANY, LINKS, NOON, PARTNERS, PROGRAM, coded, receipt, refund, store},
    store::Store,
};

fn sold(terms: Terms, amount_minor: i64, currency: Currency) -> Store {
    let mut store = store(terms);
    store.clicked(receipt(LINKS[0], NOON.plus_ms(-DAY_MS), 1));
    let sale = Sale { claim: coded(1, LINKS[0]), amount_minor, currency };
    store.happens(Body::Sale(Box::new(sale)), NOON);
    store
}

fn check(code: &str, rate: &str, amount_minor: i64, commission_minor: i64, partner_minor: i64, exact: &str) {
    let (currency, rate) = (Currency::parse(code).expect("a currency"), Rate::parse(rate).expect("a rate"));
    let store = sold(presets::refuel(PROGRAM, rate, 30, TimeMs(0)), amount_minor, currency);
    let conversion = store.conversion(1);
    let name = format!("{amount_minor} {code} at {rate}");
    assert_eq!((conversion.commission_minor, conversion.partner_minor), (commission_minor, partner_minor), "{name}");
    assert_eq!(conversion.platform_minor, commission_minor - partner_minor, "{name}");
    let [Step::Commission { exact: Some(shown), .. }, Step::Split { .. }] = &conversion.explanation.arithmetic[..]
    else {
        panic!("{name}: {:?}", conversion.explanation.arithmetic);
    };
    assert_eq!(shown, exact, "{name}");
    assert_eq!(recomputed(conversion), (partner_minor, commission_minor - partner_minor), "{name}");
    let available = store.balance(Account::PartnerAvailable(COMPANY, PARTNERS[0]), currency);
    assert_eq!(available, i128::from(partner_minor), "{name}");
    assert_eq!(store.balance(Account::Company(COMPANY), currency), -i128::from(commission_minor), "{name}");
}

#[test]
fn commissions() {
    check("USD", "0.10", 9999, 1000, 800, "999.9");
    check("USD", "0.10", 0, 0, 0, "0");
    check("USD", "0.10", 1, 0, 0, "0.1");
    check("USD", "0.10", 4, 0, 0, "0.4");
    check("USD", "0.10", 5, 1, 1, "0.5");
    check("USD", "0.10", 14, 1, 1, "1.4");
    check("USD", "0.10", 15, 2, 2, "1.5");
    check("USD", "0.10", 1_000_000_000_000, 100_000_000_000, 80_000_000_000, "100000000000");
    check("USD", "0.333333", 1000, 333, 266, "333.333");
    check("USD", "0.29", 50, 15, 12, "14.5");
    check("USD", "0.57", 50, 29, 23, "28.5");
    check("USD", "0.010005", 100_000, 1001, 801, "1000.5");
    check("JPY", "0.10", 1580, 158, 126, "158");
    check("JPY", "0.20", 3, 1, 1, "0.6");
    check("KWD", "0.10", 12_345, 1235, 988, "1234.5");
    check("USD", "0", 9999, 0, 0, "0");
    check("USD", "1", 9999, 9999, 7999, "9999");
}

fn check_split(fee_ppm: u32, commission_minor: i64, partner_minor: i64) {
    let mut terms = presets::refuel(PROGRAM, Rate(1_000_000), 30, TimeMs(0));
    terms.platform_fee = Rate(fee_ppm);
    let store = sold(terms, commission_minor, Currency::USD);
    let conversion = store.conversion(1);
    assert_eq!(
        (conversion.commission_minor, conversion.partner_minor),
        (commission_minor, partner_minor),
        "fee {fee_ppm}"
    );
}

#[test]
fn a_split_sums_exactly_and_the_partner_has_the_odd_cent() {
    check_split(500_000, 1, 1);
    check_split(500_000, 3, 2);
    check_split(250_000, 2, 2);
    check_split(333_333, 100, 67);
    check_split(0, 7, 7);
    check_split(1_000_000, 7, 0);
    check_split(2_000_000, 7, 0);
}

#[test]
fn refairns_hundred_dollars_are_held_a_fortnight() {
    let june_14 = TimeMs::parse_rfc3339("2026-06-14T10:00:00Z").unwrap();
    let store = sold(presets::refairn(PROGRAM, Rate(200_000), TimeMs(0)), 10_000, Currency::USD);
    let conversion = store.conversion(1);
    assert_eq!((NOON, conversion.commission_minor, conversion.partner_minor), (june_14, 2000, 2000));
    let Maturity::HeldUntil(until) = conversion.maturity else { panic!("{:?}", conversion.maturity) };
    assert_eq!(until.day().iso(), "2026-06-28");
    assert_eq!(store.balance(Account::PartnerPending(COMPANY, PARTNERS[0]), Currency::USD), 2000);
    let mut store = store;
    store.happens(Body::Tick, until.plus_ms(-1));
    assert_eq!(store.conversion(1).maturity, Maturity::HeldUntil(until), "a moment before");
    store.happens(Body::Tick, until);
    assert_eq!(store.conversion(1).maturity, Maturity::Matured);
    assert_eq!(store.balance(Account::PartnerPending(COMPANY, PARTNERS[0]), Currency::USD), 0);
    assert_eq!(store.balance(Account::PartnerAvailable(COMPANY, PARTNERS[0]), Currency::USD), 2000);
}

#[test]
fn a_third_refunded_three_times_returns_to_zero() {
    let mut store = sold(presets::refuel(PROGRAM, Rate(100_000), 30, TimeMs(0)), 10_000, Currency::USD);
    for (n, amount_minor, left) in [(1, Some(3333), (667, 534)), (2, Some(3333), (333, 266)), (3, None, (0, 0))] {
        store.happens(refund(n, 1, amount_minor), NOON);
        let conversion = store.conversion(1);
        assert_eq!((conversion.commission_minor, conversion.partner_minor), left, "refund {n}");
        assert_eq!(recomputed(conversion), (left.1, left.0 - left.1), "refund {n}");
        let Answer::Refunded { refunded_minor, commission_minor, partner_minor, .. } =
            store.last_answer(EventKind::Refund)
        else {
            panic!("refund {n} was not applied");
        };
        assert_eq!((*refunded_minor, (*commission_minor, *partner_minor)), (conversion.refunded_minor, left));
    }
    for account in
        [Account::Company(COMPANY), Account::PartnerAvailable(COMPANY, PARTNERS[0]), Account::PlatformEarned(COMPANY)]
    {
        assert_eq!(store.balance(account, Currency::USD), 0, "{account:?}");
    }
}

#[test]
fn a_flat_commission_stands_until_nothing_is_left() {
    let mut terms = presets::refuel(PROGRAM, Rate(100_000), 30, TimeMs(0));
    let flat = |on, amount_minor, currency| CommissionRule {
        on,
        product: None,
        amount: CommissionAmount::Flat { amount_minor, currency },
        tiers: Vec::new(),
        recurring: None,
    };
    let in_yen = flat(Trigger::Sale, 900, Currency::parse("JPY").unwrap());
    terms.commission = vec![in_yen, flat(Trigger::Lead, 100, Currency::USD), flat(Trigger::Sale, 500, Currency::USD)];
    let mut store = sold(terms, 10_000, Currency::USD);
    assert_eq!(store.conversion(1).commission_minor, 500);
    store.happens(refund(1, 1, Some(9_999)), NOON);
    assert_eq!(store.conversion(1).commission_minor, 500);
    store.happens(refund(2, 1, None), NOON);
    assert_eq!(store.conversion(1).commission_minor, 0);

    store.happens(Body::Lead(Box::new(coded(2, LINKS[0]))), NOON);
    let lead = store.conversion(2);
    assert_eq!((lead.commission_minor, lead.partner_minor, lead.currency), (100, 80, Currency::USD));
    assert_eq!(lead.review, ReviewState::AutoApproved);
}
