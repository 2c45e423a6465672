//! Each signal at its threshold and just below it, the score, and who sees what of it.

use rules::{decide, presets};
use schemas::{
    conversion::ReviewState,
    event::{Body, Claim},
    explanation::Share,
    money::Rate,
    receipt::{Receipt, Visit},
    terms::SignalName::{self, *},
    time::{DAY_MS, HOUR_MS, MINUTE_MS, TimeMs},
};

use crate::{
    scene::{
        LINKS, NOON, PARTNERS, claim, click, coded, customer, hours, partners_email, receipt, receipt_of, refuel, sale,
        store,
    },
    store::{Store, event},
};

/// Number of the sale that is looked at.
const LAST: u64 = 1_000_000;

/// What fired on a sale of the first link's code, after what `before` did.
fn fired(before: impl FnOnce(&mut Store, &mut Claim)) -> Vec<SignalName> {
    let mut store = store(refuel());
    let mut claim = coded(LAST, LINKS[0]);
    before(&mut store, &mut claim);
    if store.log.is_empty() {
        store.clicked(receipt(LINKS[0], hours(-1), 1));
    }
    store.happens(sale(claim, 2001), NOON);
    store.conversion(LAST).signals.clone()
}

fn check(signal: SignalName, quiet: impl FnOnce(&mut Store, &mut Claim), loud: impl FnOnce(&mut Store, &mut Claim)) {
    assert_eq!(fired(quiet), [], "just below {signal:?}");
    assert_eq!(fired(loud), [signal], "{signal:?}");
}

#[test]
fn by_who_the_customer_is() {
    check(
        OwnEmail,
        |_, claim| claim.email = Some(partners_email(PARTNERS[1])),
        |_, claim| claim.email = Some(partners_email(PARTNERS[0])),
    );
    check(DisposableEmail, |_, _| {}, |_, claim| claim.disposable_email = true);
    let bought_before = |link: usize, id: u128, mail: u128| {
        move |store: &mut Store, claim: &mut Claim| {
            let email = |n| Some(schemas::hashes::EmailHash(n));
            store.clicked(receipt(LINKS[0], hours(-2), 1));
            store.clicked(receipt(LINKS[1], hours(-2), 2));
            let first = Claim { customer: customer(id), email: email(mail), ..coded(1, LINKS[link]) };
            store.happens(sale(first, 2000), hours(-1));
            (claim.customer, claim.email) = (customer(7), email(70));
        }
    };
    check(DuplicateCustomer, bought_before(0, 7, 70), bought_before(1, 7, 71));
    check(DuplicateCustomer, bought_before(2, 7, 70), bought_before(1, 8, 70));
    check(DuplicateCustomer, bought_before(1, 8, 71), bought_before(0, 8, 70));
}

#[test]
fn by_what_the_click_was() {
    let by_click = |visit, at: TimeMs| {
        move |store: &mut Store, claim: &mut Claim| {
            let receipt = receipt_of(LINKS[0], at, 1, visit);
            store.clicked(receipt);
            claim.receipt = Some(receipt);
        }
    };
    let long_ago = hours(-1);
    for visit in [Visit::Bot, Visit::Prefetch, Visit::Head] {
        check(BotClick, by_click(Visit::Person, long_ago), by_click(visit, long_ago));
    }
    check(TooFast, by_click(Visit::Person, NOON.plus_ms(-5000)), by_click(Visit::Person, NOON.plus_ms(-4999)));

    let shared = |customers: u128| {
        move |store: &mut Store, claim: &mut Claim| {
            store.clicked(receipt(LINKS[0], hours(-2), 1));
            for n in 1..customers {
                let other = Claim { customer: customer(n), ..coded(n as u64, LINKS[0]) };
                store.happens(sale(other, 2000), hours(-1));
            }
            claim.customer = customer(customers);
        }
    };
    check(SharedClick, shared(3), shared(4));

    let clicks_of_one_address = |clicks: u64, every_ms: i64| {
        move |store: &mut Store, _: &mut Claim| {
            for n in 0..clicks {
                let mut fields = receipt(LINKS[0], hours(-3).plus_ms(n as i64 * every_ms), n).fields();
                fields.address_cut = 77;
                store.clicked(Receipt::sign(&crate::scene::KEY, &fields));
            }
        }
    };
    check(VelocityAddress, clicks_of_one_address(20, MINUTE_MS), clicks_of_one_address(21, MINUTE_MS));
    check(VelocityAddress, clicks_of_one_address(21, 4 * MINUTE_MS), clicks_of_one_address(25, 2 * MINUTE_MS));
}

#[test]
fn an_address_is_followed_over_midnight() {
    let over_midnight = |carried: bool| {
        let mut store = store(refuel());
        for n in 0..22_u64 {
            let today = n >= 11;
            let mut fields = receipt(LINKS[0], hours(-2).plus_ms(n as i64 * MINUTE_MS), n).fields();
            fields.address_cut = if today { 78 } else { 77 };
            let mut click = click(Receipt::sign(&crate::scene::KEY, &fields));
            click.address_before = (today && carried).then_some(schemas::hashes::AddressHash(77 << 64));
            store.happens(Body::Click(Box::new(click)), fields.at);
        }
        store.happens(sale(coded(LAST, LINKS[0]), 2001), NOON);
        store.conversion(LAST).signals.clone()
    };
    assert_eq!(over_midnight(true), [VelocityAddress]);
    assert_eq!(over_midnight(false), []);
}

#[test]
fn by_how_a_code_and_a_company_sell() {
    let sales_before = |week: u64, hour: u64| {
        move |store: &mut Store, _: &mut Claim| {
            store.clicked(receipt(LINKS[0], hours(-8 * 24), 1));
            let at_a_time = |store: &mut Store, first: u64, count: u64, at: TimeMs| {
                for n in first..first + count {
                    store.append(event(u128::from(n), sale(coded(n, LINKS[0]), 2000)), at);
                }
                store.run(decide);
            };
            at_a_time(store, 1, week, NOON.plus_ms(-3 * DAY_MS));
            at_a_time(store, 1_000, hour, NOON.plus_ms(-HOUR_MS / 2));
        }
    };
    check(VelocityCode, sales_before(0, 18), sales_before(0, 19));
    check(VelocityCode, sales_before(2 * 168 + 1, 19), sales_before(2 * 168, 19));
    check(VelocityCode, sales_before(3 * 168, 28), sales_before(3 * 168, 29));

    let values = |values: Vec<i64>| {
        move |store: &mut Store, _: &mut Claim| {
            store.clicked(receipt(LINKS[0], hours(-2), 1));
            for (amount_minor, n) in values.into_iter().zip(1..) {
                store.happens(sale(coded(n, LINKS[0]), amount_minor), hours(-1));
            }
        }
    };
    check(ValueOutlier, values(vec![100; 9]), values(vec![100; 10]));
    check(ValueOutlier, values(vec![101; 10]), values([vec![100; 6], vec![5000; 5]].concat()));
    check(ValueOutlier, values([vec![100; 5], vec![102; 5]].concat()), values([vec![1; 6], vec![5000; 4]].concat()));
    assert_eq!(fired(values(vec![0; 10])), [], "of nothing there is no multiple");
}

fn check_score(weights: &[u32], score_ppm: u32, review: ReviewState) {
    let mut terms = refuel();
    terms.fraud.signals.retain(|signal| [OwnEmail, DisposableEmail, BotClick].contains(&signal.name));
    for (signal, weight) in terms.fraud.signals.iter_mut().zip(weights) {
        signal.weight = Rate(*weight);
    }
    terms.fraud.signals.truncate(weights.len());
    let mut store = store(terms);
    let bot = receipt_of(LINKS[0], hours(-1), 1, Visit::Bot);
    let email = Some(partners_email(PARTNERS[0]));
    let claim = Claim { receipt: Some(bot), email, disposable_email: true, ..claim(1) };
    store.happens(sale(claim, 1000), NOON);
    let conversion = store.conversion(1);
    assert_eq!((conversion.score_ppm, conversion.review), (score_ppm, review), "{weights:?}");
    assert_eq!(conversion.explanation.score, Some(Share(score_ppm)));
    let shown: Vec<Option<Share>> = conversion.explanation.signals.iter().map(|signal| signal.weight).collect();
    assert!(shown.is_sorted_by(|a, b| a >= b), "strongest first: {shown:?}");
}

#[test]
fn the_score() {
    use ReviewState::{AutoApproved, Pending};
    check_score(&[], 0, AutoApproved);
    check_score(&[499_999], 499_999, AutoApproved);
    check_score(&[500_000], 500_000, Pending);
    check_score(&[700_000, 600_000], 880_000, Pending);
    check_score(&[200_000, 400_000], 520_000, Pending);
    check_score(&[400_000, 200_000, 600_000], 808_000, Pending);
    check_score(&[1, 1], 2, AutoApproved);
    check_score(&[999, 1], 1_000, AutoApproved);
    check_score(&[333_333, 333_333, 333_333], 703_703, Pending);
    check_score(&[1_000_000, 5], 1_000_000, Pending);
}

#[test]
fn a_few_quick_sales_without_a_customer_are_approved() {
    let mut store = store(refuel());
    store.clicked(receipt(LINKS[0], NOON, 1));
    for n in 1..=5 {
        store.happens(sale(coded(n, LINKS[0]), 1000), NOON.plus_ms(1_234));
        let conversion = store.conversion(n);
        assert_eq!((&conversion.signals[..], conversion.review), (&[TooFast][..], ReviewState::AutoApproved));
        assert_eq!(conversion.explanation.signals[0].value, "1.2 s");
        assert_eq!(conversion.explanation.signals[0].threshold.as_deref(), Some("5 s"));
    }
}

/// Everything that can fire, fires; a partner reads of no weight and no threshold.
#[test]
fn a_partner_sees_no_weight_and_no_threshold() {
    let mut store = store(presets::refuel(crate::scene::PROGRAM, Rate(100_000), 30, TimeMs(0)));
    let mut fields = receipt_of(LINKS[0], NOON.plus_ms(-1_000), 1, Visit::Person).fields();
    for n in 0..30 {
        fields.event_id_hash = n;
        store.clicked(Receipt::sign(&crate::scene::KEY, &fields));
    }
    fields.visit = Visit::Bot;
    let bot = Receipt::sign(&crate::scene::KEY, &fields);
    for n in 1..40 {
        let claim = Claim { receipt: Some(bot), customer: customer(u128::from(n)), ..claim(n) };
        store.happens(sale(claim, 10), NOON);
    }
    store.clicked(receipt(LINKS[1], NOON, 50));
    store.happens(sale(Claim { customer: customer(500), ..coded(50, LINKS[1]) }, 10), NOON);
    let email = Some(partners_email(PARTNERS[0]));
    let last = Claim { receipt: Some(bot), customer: customer(500), email, disposable_email: true, ..claim(LAST) };
    store.happens(sale(last, 1_000_000), NOON);

    let explanation = &store.conversion(LAST).explanation;
    assert_eq!(store.conversion(LAST).signals, SignalName::ALL);
    let partners = explanation.for_partner();
    let json = serde_json::to_string(&partners).unwrap();
    for hidden in ["weight", "threshold", "score"] {
        assert!(!json.contains(hidden), "{hidden}: {json}");
        assert!(serde_json::to_string(explanation).unwrap().contains(hidden));
    }
    for signal in &explanation.signals {
        assert!(!signal.sentence.chars().any(|letter| letter.is_ascii_digit()), "{}", signal.sentence);
        assert!(signal.sentence.ends_with('.') && !signal.value.is_empty());
    }
}
