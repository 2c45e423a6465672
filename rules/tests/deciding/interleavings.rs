//! Whatever happens to sales in whatever order, the books say what the sales' three axes say.

use std::collections::BTreeMap;

use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use rules::{Effect, Known, decide};
use schemas::{
    accounts::{Account, TransferReason},
    event::{Body, Claim, Logged, ReviewAction, Sale},
    money::{Currency, Rate},
    time::{DAY_MS, HOUR_MS, TimeMs},
};

use crate::{
    explained::{posted, recomputed},
    scene::{COMPANY, LINKS, NOON, PARTNERS, coded, partners_email, receipt, refuel, refund, review, store},
    store::{Decide, Store, event},
};

#[derive(Debug, Clone)]
struct Plan {
    rate_ppm: u32,
    fee_ppm: u32,
    hold_days: u32,
    acts: Vec<Act>,
}

#[derive(Debug, Clone)]
enum Act {
    Sell {
        n: u64,
        amount_minor: i64,
        suspicious: bool,
        days_ago: u32,
    },
    /// Percent of the sale; None: all that is left.
    Refund {
        n: u64,
        percent: Option<i64>,
    },
    Review {
        n: u64,
        action: ReviewAction,
    },
    Tick,
    Wait {
        hours: i64,
    },
}

fn acts() -> impl Strategy<Value = Act> {
    let n = || 1..4_u64;
    let action = prop_oneof![Just(ReviewAction::Approve), Just(ReviewAction::Reject), Just(ReviewAction::ClawBack)];
    prop_oneof![
        3 => (n(), 0..20_000_i64, any::<bool>(), 0..4_u32)
            .prop_map(|(n, amount_minor, suspicious, days_ago)| Act::Sell { n, amount_minor, suspicious, days_ago }),
        4 => (n(), proptest::option::of(1..60_i64)).prop_map(|(n, percent)| Act::Refund { n, percent }),
        3 => (n(), action).prop_map(|(n, action)| Act::Review { n, action }),
        2 => Just(Act::Tick),
        2 => (1..40_i64).prop_map(|hours| Act::Wait { hours }),
    ]
}

fn plans() -> impl Strategy<Value = Plan> {
    let fee = prop_oneof![Just(200_000_u32), Just(250_000), Just(500_000), 0..=1_000_000_u32];
    (0..=1_000_000_u32, fee, 0..4_u32, proptest::collection::vec(acts(), 1..40))
        .prop_map(|(rate_ppm, fee_ppm, hold_days, acts)| Plan { rate_ppm, fee_ppm, hold_days, acts })
}

/// A sale as this test follows it, without the rules.
#[derive(Debug, Clone, Copy)]
struct Followed {
    amount_minor: i64,
    refunded_minor: i64,
    review: Review,
    due: TimeMs,
    matured: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Review {
    Pending,
    Approved,
    Rejected,
}

/// What a plan comes to, kept apart from what is tested.
struct Model {
    plan: Plan,
    sales: BTreeMap<u64, Followed>,
    now: TimeMs,
}

impl Model {
    fn follow(&mut self, act: &Act) {
        match *act {
            Act::Sell { n, amount_minor, suspicious, days_ago } => {
                let due = self.sold_at(days_ago).plus_days(self.plan.hold_days);
                let review = if suspicious { Review::Pending } else { Review::Approved };
                let sale = Followed { amount_minor, refunded_minor: 0, review, due, matured: due <= self.now };
                self.sales.entry(n).or_insert(sale);
            }
            Act::Refund { n, percent } => {
                if let Some(sale) = self.sales.get_mut(&n) {
                    let left = sale.amount_minor - sale.refunded_minor;
                    let asked = percent.map_or(left, |percent| sale.amount_minor * percent / 100);
                    sale.refunded_minor += if asked <= left { asked } else { 0 };
                }
            }
            Act::Review { n, action } => {
                if let Some(sale) = self.sales.get_mut(&n) {
                    sale.review = match (action, sale.review) {
                        (ReviewAction::Approve, Review::Pending) => Review::Approved,
                        (ReviewAction::Reject, Review::Pending) | (ReviewAction::ClawBack, Review::Approved) => {
                            Review::Rejected
                        }
                        (_, review) => review,
                    }
                }
            }
            Act::Tick => self.sales.values_mut().for_each(|sale| sale.matured |= sale.due <= self.now),
            Act::Wait { hours } => self.now = self.now.plus_ms(hours * HOUR_MS),
        }
    }

    fn sold_at(&self, days_ago: u32) -> TimeMs {
        self.now.plus_ms(-i64::from(days_ago) * DAY_MS)
    }

    fn event(&self, act: &Act, count: u64) -> Option<Body> {
        Some(match *act {
            Act::Sell { n, amount_minor, suspicious, days_ago } => {
                let email = suspicious.then(|| partners_email(PARTNERS[0]));
                // A receipt names its click exactly, so a sale of the past waits for nothing.
                let receipt = Some(receipt(LINKS[0], NOON.plus_ms(-9 * DAY_MS), 1));
                let occurred_at = (days_ago > 0).then(|| self.sold_at(days_ago));
                let claim = Claim { email, receipt, occurred_at, ..coded(n, LINKS[0]) };
                Body::Sale(Box::new(Sale { claim, amount_minor, currency: currency(n) }))
            }
            Act::Refund { n, percent } => {
                let amount = self.sales.get(&n).map_or(0, |sale| sale.amount_minor);
                refund(count, n, percent.map(|percent| amount * percent / 100))
            }
            Act::Review { n, action } => review(n, action),
            Act::Tick => Body::Tick,
            Act::Wait { .. } => return None,
        })
    }

    /// The partner's and the platform's part of a sale now.
    fn parts(&self, sale: &Followed) -> (i64, i64) {
        if sale.review == Review::Rejected {
            return (0, 0);
        }
        let left = i128::from(sale.amount_minor - sale.refunded_minor);
        let commission = (2 * left * i128::from(self.plan.rate_ppm) + 1_000_000) / 2_000_000;
        let platform = (2 * commission * i128::from(self.plan.fee_ppm) + 999_999) / 2_000_000;
        ((commission - platform) as i64, platform as i64)
    }

    fn check(&self, store: &Store) -> Result<(), String> {
        let mut expected: BTreeMap<(Account, Currency), i128> = BTreeMap::new();
        for (n, sale) in &self.sales {
            let parts = self.parts(sale);
            let conversion = store.conversion(*n);
            if posted(store, conversion) != parts {
                return Err(format!("sale {n}: {:?} is posted and should be {parts:?}", posted(store, conversion)));
            }
            if sale.review != Review::Rejected && recomputed(conversion) != parts {
                return Err(format!("sale {n}: explained as {:?}", recomputed(conversion)));
            }
            let available = sale.matured && sale.review == Review::Approved;
            let (partner, platform) = if available {
                (Account::PartnerAvailable(COMPANY, PARTNERS[0]), Account::PlatformEarned(COMPANY))
            } else {
                (Account::PartnerPending(COMPANY, PARTNERS[0]), Account::PlatformPending(COMPANY))
            };
            for (account, amount) in
                [(partner, parts.0), (platform, parts.1), (Account::Company(COMPANY), -parts.0 - parts.1)]
            {
                *expected.entry((account, currency(*n))).or_default() += i128::from(amount);
            }
        }
        let accounts: std::collections::BTreeSet<Account> =
            store.kept.transfers.values().flat_map(|transfer| [transfer.debit, transfer.credit]).collect();
        for currency in [currency(1), currency(2)] {
            let balances = accounts.iter().map(|account| (*account, store.balance(*account, currency)));
            for (account, balance) in balances.clone() {
                let wanted = expected.get(&(account, currency)).copied().unwrap_or_default();
                if balance != wanted {
                    return Err(format!("{account:?} holds {balance} {currency} and should hold {wanted}"));
                }
            }
            if balances.map(|(_, balance)| balance).sum::<i128>() != 0 {
                return Err(format!("{currency} does not sum to zero"));
            }
        }
        self.check_facts(store)
    }

    /// Sums over changes are the present state.
    fn check_facts(&self, store: &Store) -> Result<(), String> {
        for (n, sale) in &self.sales {
            let (partner, platform) = self.parts(sale);
            let counts = i64::from(sale.review != Review::Rejected);
            let approved = i64::from(sale.review == Review::Approved);
            let left = sale.amount_minor - sale.refunded_minor;
            let wanted = [
                counts,
                counts * left,
                partner + platform,
                approved * (partner + platform),
                partner,
                approved * partner,
            ];
            let id = store.conversion(*n).id;
            let of_sale = store.kept.changes.iter().filter(|change| change.conversion == id);
            let sums = of_sale.fold([0; 6], |mut sums, change| {
                let parts = [
                    change.conversions,
                    change.revenue_minor,
                    change.commission_minor,
                    change.approved_minor,
                    change.partner_minor,
                    change.partner_approved_minor,
                ];
                sums.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
                sums
            });
            if sums != wanted {
                return Err(format!("sale {n}: facts sum to {sums:?} and should to {wanted:?}"));
            }
        }
        Ok(())
    }
}

fn currency(n: u64) -> Currency {
    if n.is_multiple_of(2) { Currency::GBP } else { Currency::USD }
}

fn keeps_the_books(decide: Decide, plan: &Plan) -> Result<(), String> {
    let mut terms = refuel();
    terms.commission[0].amount = schemas::terms::CommissionAmount::Percent(Rate(plan.rate_ppm));
    terms.platform_fee = Rate(plan.fee_ppm);
    terms.hold_days = plan.hold_days;
    terms.fraud.signals.retain(|signal| signal.name == schemas::terms::SignalName::OwnEmail);
    let mut store = store(terms);
    let mut model = Model { plan: plan.clone(), sales: BTreeMap::new(), now: NOON };
    let refund_all = (1..4).map(|n| Act::Refund { n, percent: None });
    let acts: Vec<Act> = plan.acts.iter().cloned().chain(refund_all).collect();
    for (act, count) in acts.iter().zip(1..) {
        if let Some(body) = model.event(act, count) {
            store.append(event(u128::from(count), body), model.now);
            store.run(decide);
        }
        model.follow(act);
        model.check(&store).map_err(|why| format!("after {act:?}: {why}"))?;
    }
    let left = store.kept.conversions.values().map(|conversion| posted(&store, conversion));
    let moved = left.filter(|parts| *parts != (0, 0)).count();
    if moved == 0 { Ok(()) } else { Err(format!("{moved} sales are refunded and still earn")) }
}

fn holds(decide: Decide, runner: &mut TestRunner) -> Result<(), String> {
    let checked = runner.run(&plans(), |plan| keeps_the_books(decide, &plan).map_err(TestCaseError::fail));
    checked.map_err(|why| why.to_string())
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, max_shrink_iters: 2_000, ..ProptestConfig::default() }
}

#[test]
fn any_interleaving_keeps_the_books() {
    holds(decide, &mut TestRunner::new(config())).unwrap();
}

fn is_caught(broken: Decide) {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(ProptestConfig { max_shrink_iters: 0, ..config() }, rng);
    assert!(holds(broken, &mut runner).is_err(), "a broken control was not caught");
}

/// Rounds the platform's part by itself, half up.
fn splits_apart(known: &mut Known, logged: &Logged) -> Vec<Effect> {
    let mut effects = decide(known, logged);
    let commission: i64 =
        effects.iter().map(|effect| if let Effect::Post(transfer) = effect { transfer.amount_minor } else { 0 }).sum();
    let fee = known.terms.values().flatten().next().map_or(0, |terms| i64::from(terms.platform_fee.0));
    for effect in &mut effects {
        if let Effect::Post(transfer) = effect
            && transfer.reason == TransferReason::Fee
        {
            transfer.amount_minor = (commission * fee + 500_000) / 1_000_000;
        }
    }
    effects
}

/// Takes back the commission on the refunded amount, rounded by itself, instead of working out again what is left.
fn refunds_by_part(known: &mut Known, logged: &Logged) -> Vec<Effect> {
    let mut effects = decide(known, logged);
    let Body::Refund(refund) = &logged.event.body else {
        return effects;
    };
    let rate = known.terms.values().flatten().find_map(|terms| match terms.commission[0].amount {
        schemas::terms::CommissionAmount::Percent(rate) => {
            Some(i64::from(rate.0) * i64::from(1_000_000 - terms.platform_fee.0) / 1_000_000)
        }
        schemas::terms::CommissionAmount::Flat { .. } => None,
    });
    for effect in &mut effects {
        if let (Effect::Post(transfer), Some(rate), Some(amount)) = (effect, rate, refund.amount_minor)
            && transfer.debit.partner().is_some()
        {
            transfer.amount_minor = ((amount * rate + 500_000) / 1_000_000).max(1);
        }
    }
    effects
}

/// Rejects without taking the money back.
fn rejects_on_paper(known: &mut Known, logged: &Logged) -> Vec<Effect> {
    let mut effects = decide(known, logged);
    effects.retain(|effect| !matches!(effect, Effect::Post(transfer) if transfer.reason == TransferReason::Reject));
    effects
}

/// Matures what is still under review.
fn matures_unreviewed(known: &mut Known, logged: &Logged) -> Vec<Effect> {
    let mut effects = decide(known, logged);
    for effect in &mut effects {
        if let (Effect::PutConversion(conversion), Body::Tick) = (effect, &logged.event.body) {
            conversion.review = schemas::conversion::ReviewState::Approved;
        }
    }
    known.apply(&effects);
    effects
}

#[test]
fn broken_books_are_caught() {
    is_caught(splits_apart);
    is_caught(refunds_by_part);
    is_caught(rejects_on_paper);
    is_caught(matures_unreviewed);
}
