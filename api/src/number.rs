//! Numbers with decimals as JSON shows them, written from integers digit by digit.

use schemas::money::{PPM, Rate};
use serde::{Serialize, Serializer, ser::Error};
use serde_json::value::RawValue;

/// Parts per million, shown as a JSON number such as `0.10`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateNumber(pub(crate) Rate);

/// Hundredths, shown as a JSON number with two decimals such as `33.33`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hundredths(u64);

impl Hundredths {
    /// `part` in percent of `whole`, half up; 0 of nothing.
    pub(crate) fn percent(part: i64, whole: i64) -> Hundredths {
        let (part, whole) = (i128::from(part.max(0)), i128::from(whole.max(0)));
        if whole == 0 {
            return Hundredths(0);
        }
        Hundredths(u64::try_from((part * 20_000 + whole) / (2 * whole)).unwrap_or(u64::MAX))
    }

    /// Parts per million in hundredths of one, half up.
    pub(crate) fn of_ppm(ppm: u32) -> Hundredths {
        let per_hundredth = u64::from(PPM) / 100;
        Hundredths((u64::from(ppm) + per_hundredth / 2) / per_hundredth)
    }
}

impl Serialize for RateNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        digits(self.0.to_string(), serializer)
    }
}

impl Serialize for Hundredths {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        digits(format!("{}.{:02}", self.0 / 100, self.0 % 100), serializer)
    }
}

fn digits<S: Serializer>(text: String, serializer: S) -> Result<S::Ok, S::Error> {
    RawValue::from_string(text).map_err(S::Error::custom)?.serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(shown: impl Serialize, wanted: &str) {
        assert_eq!(serde_json::to_string(&shown).unwrap(), wanted);
    }

    #[test]
    fn rates_and_percents_are_plain_json_numbers() {
        for (ppm, wanted) in
            [(100_000, "0.10"), (150_000, "0.15"), (333_333, "0.333333"), (1_000_000, "1.00"), (10_005, "0.010005")]
        {
            check(RateNumber(Rate(ppm)), wanted);
        }
        for (part, whole, wanted) in [
            (3, 9, "33.33"),
            (2, 3, "66.67"),
            (1, 8, "12.50"),
            (1, 20_000, "0.01"),
            (1, 20_001, "0.00"),
            (3, 2, "150.00"),
            (0, 5, "0.00"),
            (5, 0, "0.00"),
            (-1, 5, "0.00"),
            (i64::MAX, i64::MAX, "100.00"),
        ] {
            check(Hundredths::percent(part, whole), wanted);
        }
        for (ppm, wanted) in [(0, "0.00"), (50_000, "0.05"), (4_999, "0.00"), (5_000, "0.01"), (999_999, "1.00")] {
            check(Hundredths::of_ppm(ppm), wanted);
        }
    }
}
