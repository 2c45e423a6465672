//! Money is integers: minor units with an ISO 4217 currency. Decimals are read from their text, never through a float.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One whole in parts per million.
pub const PPM: u32 = 1_000_000;

/// Why a text is no amount, rate or currency. The message says what is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("takes an ISO 4217 currency code such as \"USD\"")]
    Currency,
    #[error("takes a plain decimal number without sign or exponent")]
    NotDecimal,
    #[error("has more decimals than its currency, which has {exponent}")]
    TooManyDecimals { exponent: u32 },
    #[error("takes at most six decimals")]
    TooFine,
    #[error("is too large")]
    TooLarge,
}

/// An ISO 4217 currency that has minor units.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    pub const USD: Currency = Currency(iso_currency::Currency::USD);
    pub const GBP: Currency = Currency(iso_currency::Currency::GBP);

    /// Reads a code in either case.
    pub fn parse(text: &str) -> Result<Currency, MoneyError> {
        if text.len() != 3 {
            return Err(MoneyError::Currency);
        }
        let found = iso_currency::Currency::from_code(&text.to_ascii_uppercase()).ok_or(MoneyError::Currency)?;
        found.exponent().map(|_| Currency(found)).ok_or(MoneyError::Currency)
    }

    /// Three capital letters.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimals the currency has: JPY 0, USD 2, KWD 3.
    pub fn exponent(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }

    /// Reads an amount in major units (`"29.99"`) into minor units (2999).
    pub fn parse_major(self, text: &str) -> Result<i64, MoneyError> {
        let exponent = self.exponent();
        let (digits, decimals) = decimal(text)?;
        if decimals > exponent {
            return Err(MoneyError::TooManyDecimals { exponent });
        }
        let scale = 10_i64.checked_pow(exponent - decimals).ok_or(MoneyError::TooLarge)?;
        digits.checked_mul(scale).ok_or(MoneyError::TooLarge)
    }

    /// Writes minor units as major ones: 2999 is `"29.99"`, and -5 is `"-0.05"`.
    pub fn format_major(self, amount_minor: i64) -> String {
        let exponent = self.exponent() as usize;
        let sign = if amount_minor < 0 { "-" } else { "" };
        let digits = format!("{:0width$}", amount_minor.unsigned_abs(), width = exponent + 1);
        let (whole, fraction) = digits.split_at(digits.len() - exponent);
        if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Currency {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.code().cmp(other.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        Currency::parse(text)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Currency::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A share in parts per million: 0.10 is 100,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rate(pub u32);

impl Rate {
    /// Reads a decimal of at most six decimals, for example `0.125`.
    pub fn parse(text: &str) -> Result<Rate, MoneyError> {
        let (digits, decimals) = decimal(text)?;
        let scale = 6_u32.checked_sub(decimals).ok_or(MoneyError::TooFine)?;
        let ppm = digits.checked_mul(10_i64.pow(scale)).ok_or(MoneyError::TooLarge)?;
        u32::try_from(ppm).map(Rate).map_err(|_| MoneyError::TooLarge)
    }
}

/// At least two decimals: `0.10`, `0.333333`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:06}", self.0 % PPM);
        let kept = fraction.trim_end_matches('0').len().max(2);
        write!(f, "{}.{}", self.0 / PPM, &fraction[..kept])
    }
}

/// The digits of a plain decimal and how many of them follow the point.
fn decimal(text: &str) -> Result<(i64, u32), MoneyError> {
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) if plain(fraction) => (whole, fraction),
        Some(_) => return Err(MoneyError::NotDecimal),
        None => (text, ""),
    };
    if !plain(whole) {
        return Err(MoneyError::NotDecimal);
    }
    let digits = format!("{whole}{fraction}");
    let digits = digits.parse().map_err(|_| MoneyError::TooLarge)?;
    Ok((digits, u32::try_from(fraction.len()).map_err(|_| MoneyError::TooFine)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    #[test]
    fn amounts_are_read_from_their_text() {
        use MoneyError::*;
        for (code, text, wanted) in [
            ("USD", "99.99", Ok(9999)),
            ("USD", "29.9", Ok(2990)),
            ("USD", "100", Ok(10_000)),
            ("USD", "0.07", Ok(7)),
            ("USD", "1.10", Ok(110)),
            ("USD", "1.100", Err(TooManyDecimals { exponent: 2 })),
            ("USD", "29.999", Err(TooManyDecimals { exponent: 2 })),
            ("JPY", "1580", Ok(1580)),
            ("JPY", "1.5", Err(TooManyDecimals { exponent: 0 })),
            ("KWD", "1.234", Ok(1234)),
            ("USD", "1e3", Err(NotDecimal)),
            ("USD", "-1", Err(NotDecimal)),
            ("USD", "+1", Err(NotDecimal)),
            ("USD", ".5", Err(NotDecimal)),
            ("USD", "5.", Err(NotDecimal)),
            ("USD", "", Err(NotDecimal)),
            ("USD", "1.2.3", Err(NotDecimal)),
            ("USD", "92233720368547758.08", Err(TooLarge)),
            ("USD", "92233720368547758.07", Ok(i64::MAX)),
        ] {
            assert_eq!(currency(code).parse_major(text), wanted, "{code} {text}");
        }
    }

    #[test]
    fn amounts_are_written_with_their_currencys_digits() {
        for (code, minor, wanted) in
            [("USD", 2999, "29.99"), ("USD", -5, "-0.05"), ("JPY", 1580, "1580"), ("KWD", 1, "0.001")]
        {
            assert_eq!(currency(code).format_major(minor), wanted);
        }
    }

    #[test]
    fn currencies_are_known_in_either_case() {
        assert_eq!(Currency::parse("jpy").map(Currency::exponent), Ok(0));
        for wrong in ["XXZ", "US", "USDX", "", "XAU", "\u{20ac}"] {
            assert_eq!(Currency::parse(wrong), Err(MoneyError::Currency), "{wrong}");
        }
    }

    #[test]
    fn rates() {
        for (text, ppm, shown) in [
            ("0.10", 100_000, "0.10"),
            ("0.333333", 333_333, "0.333333"),
            ("1", 1_000_000, "1.00"),
            ("0.010005", 10_005, "0.010005"),
        ] {
            assert_eq!(Rate::parse(text), Ok(Rate(ppm)));
            assert_eq!(Rate(ppm).to_string(), shown);
        }
        assert_eq!(Rate::parse("0.1234567"), Err(MoneyError::TooFine));
    }
}
