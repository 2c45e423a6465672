//! What a house program's terms say in the words of this API.

use schemas::{
    money::Rate,
    terms::{CommissionAmount, Terms, Trigger},
    time::TimeMs,
};

pub(super) const RATE_FROM: Rate = Rate(10_000);
pub(super) const RATE_TO: Rate = Rate(1_000_000);
pub(super) const RATE_DEFAULT: Rate = Rate(100_000);
pub(super) const WINDOW_DAYS_MAX: i64 = 90;
pub(super) const WINDOW_DAYS_DEFAULT: u32 = 30;

/// The share of a sale that is paid as commission; 0 where sales earn none or a flat amount.
pub(crate) fn rate_of(terms: &Terms) -> Rate {
    let on_sales = terms.commission.iter().find(|rule| rule.on == Trigger::Sale);
    match on_sales.map(|rule| rule.amount) {
        Some(CommissionAmount::Percent(rate)) => rate,
        Some(CommissionAmount::Flat { .. }) | None => Rate(0),
    }
}

/// The version after `current` with another rate or window; None where neither is another.
pub(super) fn changed(current: &Terms, rate: Option<Rate>, window_days: Option<u32>, from: TimeMs) -> Option<Terms> {
    let mut next = current.clone();
    if let Some(days) = window_days {
        next.policy.window_days = days;
    }
    if let Some(rate) = rate {
        for rule in next.commission.iter_mut().filter(|rule| rule.on == Trigger::Sale) {
            rule.amount = CommissionAmount::Percent(rate);
        }
    }
    if next == *current {
        return None;
    }
    next.version = current.version + 1;
    next.effective_from = from;
    Some(next)
}

#[cfg(test)]
mod tests {
    use schemas::ids::ProgramId;

    use super::*;

    #[test]
    fn a_change_is_a_version_of_its_own() {
        let first = rules::presets::refuel(ProgramId(1), RATE_DEFAULT, WINDOW_DAYS_DEFAULT, TimeMs(5));
        let second = changed(&first, Some(Rate(150_000)), None, TimeMs(7)).unwrap();
        assert_eq!((second.version, second.effective_from, rate_of(&second)), (2, TimeMs(7), Rate(150_000)));
        assert_eq!((second.policy.window_days, &second.fraud), (30, &first.fraud));
        let third = changed(&second, None, Some(1), TimeMs(9)).unwrap();
        assert_eq!((third.version, third.policy.window_days, rate_of(&third)), (3, 1, Rate(150_000)));
        assert_eq!(changed(&third, Some(Rate(150_000)), Some(1), TimeMs(11)), None);
    }
}
