//! What a conversion earns and how it is split: integers, one rounding half up, and a split that sums exactly.
//!
//! Tiers, products, recurring payments and caps but for the budget are in the terms' data model and not read yet.

use schemas::{
    explanation::{Parts, Step},
    money::{Currency, PPM, Rate},
    terms::{CommissionAmount, CommissionRule, Terms, Trigger},
};

/// What a conversion is worth to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Earned {
    pub(crate) commission_minor: i64,
    pub(crate) partner_minor: i64,
    pub(crate) platform_minor: i64,
}

/// Works out what is earned on what is left of a sale (on a lead nothing has to be left), with its arithmetic.
pub(crate) fn earned(
    terms: &Terms,
    trigger: Trigger,
    left_minor: i64,
    currency: Currency,
    at_most_minor: Option<i64>,
) -> (Earned, Vec<Step>) {
    let rule = terms.commission.iter().find(|rule| fits(rule, trigger, currency));
    let commission = match rule.map(|rule| rule.amount) {
        Some(CommissionAmount::Percent(rate)) => percent(left_minor, rate),
        Some(CommissionAmount::Flat { amount_minor, .. }) => flat(trigger, left_minor, amount_minor),
        None => Step::Commission { input: left_minor, rate: None, exact: None, flat: None, result: 0 },
    };
    let uncapped_minor = if let Step::Commission { result, .. } = &commission { *result } else { 0 };
    let cap = at_most_minor.filter(|left| *left < uncapped_minor);
    let commission_minor = cap.unwrap_or(uncapped_minor);
    let (partner_minor, platform_minor) = split(commission_minor, terms.platform_fee);
    let parts = Parts { partner: partner_minor, platform: platform_minor };
    let split = Step::Split { fee: terms.platform_fee.to_string(), result: parts };
    let cap = cap.map(|left| Step::Cap { left, result: commission_minor });
    let steps = [Some(commission), cap, Some(split)].into_iter().flatten().collect();
    (Earned { commission_minor, partner_minor, platform_minor }, steps)
}

/// A lead has no currency of its own: it is the one its commission is paid in.
pub(crate) fn currency_of_leads(terms: &Terms) -> Currency {
    let flat = terms.commission.iter().find_map(|rule| match (rule.on, rule.amount) {
        (Trigger::Lead, CommissionAmount::Flat { currency, .. }) => Some(currency),
        _ => None,
    });
    flat.unwrap_or(Currency::USD)
}

/// Nothing is converted, so a flat amount in another currency does not fit; and no event names a product yet.
fn fits(rule: &CommissionRule, trigger: Trigger, currency: Currency) -> bool {
    let same_money = match rule.amount {
        CommissionAmount::Percent(_) => true,
        CommissionAmount::Flat { currency: paid_in, .. } => paid_in == currency,
    };
    rule.on == trigger && rule.product.is_none() && same_money
}

fn percent(input_minor: i64, rate: Rate) -> Step {
    let exact_ppm = i128::from(input_minor) * i128::from(rate.0);
    let whole = i128::from(PPM);
    let result = narrow((exact_ppm + whole / 2).div_euclid(whole));
    Step::Commission {
        input: input_minor,
        rate: Some(rate.to_string()),
        exact: Some(exact(exact_ppm)),
        flat: None,
        result,
    }
}

fn flat(trigger: Trigger, left_minor: i64, amount_minor: i64) -> Step {
    let result = if trigger == Trigger::Sale && left_minor == 0 { 0 } else { amount_minor };
    Step::Commission { input: left_minor, rate: None, exact: None, flat: Some(amount_minor), result }
}

/// Partner's and platform's parts by largest remainder; where the two are even the partner has it.
fn split(commission_minor: i64, fee: Rate) -> (i64, i64) {
    let whole = i128::from(PPM);
    let fee_ppm = i128::from(fee.0.min(PPM));
    let platform_ppm = i128::from(commission_minor) * fee_ppm;
    let remainder = platform_ppm.rem_euclid(whole);
    let rounded_up = i128::from(remainder * 2 > whole);
    let platform_minor = narrow(platform_ppm.div_euclid(whole) + rounded_up);
    (commission_minor - platform_minor, platform_minor)
}

/// A number of millionths as a decimal without trailing zeros.
fn exact(millionths: i128) -> String {
    let whole = i128::from(PPM);
    let fraction = format!("{:06}", millionths.rem_euclid(whole));
    let digits = fraction.trim_end_matches('0');
    let point = if digits.is_empty() { "" } else { "." };
    format!("{}{point}{digits}", millionths.div_euclid(whole))
}

/// Amounts are at most 10^12 and rates below 4,295, so nothing real comes near the end of `i64`.
fn narrow(amount_minor: i128) -> i64 {
    i64::try_from(amount_minor).unwrap_or(i64::MAX)
}
