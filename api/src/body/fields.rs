use std::{borrow::Cow, ops::RangeInclusive};

use schemas::money::Rate;
use serde_json::{Map, Value, value::RawValue};

use super::{escapes, object::Object};
use crate::{email::Email, error::ApiError};

/// The fields of a body, asked for by name and by what they take. An optional one that is null is not there.
pub(crate) struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Fields<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Fields<'a>, ApiError> {
        let text = std::str::from_utf8(bytes).map_err(|_| ApiError::invalid("body", "takes UTF-8"))?;
        let wrong = |error: serde_json::Error| {
            ApiError::invalid("body", format!("takes a JSON object, and this is none: {error}"))
        };
        let Object(fields) = serde_json::from_str(text).map_err(wrong)?;
        for (name, value) in &fields {
            if name.contains('\0') {
                return Err(ApiError::invalid("body", escapes::BadEscape::Nul.to_string()));
            }
            escapes::check(value.get()).map_err(|error| ApiError::invalid(name, error.to_string()))?;
        }
        Ok(Fields(fields))
    }

    /// A text of so many characters.
    pub(crate) fn text(&self, name: &str, chars: RangeInclusive<usize>) -> Result<String, ApiError> {
        self.text_or_none(name, chars.clone())?.ok_or_else(|| ApiError::invalid(name, text_of(&chars)))
    }

    pub(crate) fn text_or_none(&self, name: &str, chars: RangeInclusive<usize>) -> Result<Option<String>, ApiError> {
        self.read(name, &text_of(&chars), |value| text(value).filter(|text| chars.contains(&text.chars().count())))
    }

    pub(crate) fn email(&self, name: &str) -> Result<Email, ApiError> {
        const TAKES: &str = "takes an e-mail address";
        self.read(name, TAKES, |value| Email::parse(&text(value)?))?.ok_or_else(|| ApiError::invalid(name, TAKES))
    }

    /// A whole number, written as one.
    pub(crate) fn integer_or_none(&self, name: &str, range: RangeInclusive<i64>) -> Result<Option<i64>, ApiError> {
        let takes = format!("takes a whole number from {} to {}", range.start(), range.end());
        self.read(name, &takes, |value| value.get().parse().ok().filter(|number| range.contains(number)))
    }

    /// A share such as 0.125, read from the digits of its JSON number.
    pub(crate) fn rate_or_none(&self, name: &str, range: RangeInclusive<Rate>) -> Result<Option<Rate>, ApiError> {
        let (from, to) = (range.start(), range.end());
        let takes = format!("takes a number from {from} to {to} with at most six decimals");
        self.read(name, &takes, |value| Rate::parse(value.get()).ok().filter(|rate| range.contains(rate)))
    }

    /// One of a few words.
    pub(crate) fn word_or_none<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, ApiError> {
        self.read(name, &word_of(words), |value| {
            let given = text(value)?;
            words.iter().find(|(word, _)| *word == given).map(|(_, meant)| *meant)
        })
    }

    pub(crate) fn word<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<T, ApiError> {
        self.word_or_none(name, words)?.ok_or_else(|| ApiError::invalid(name, word_of(words)))
    }

    /// Any object of at most so many bytes of JSON, as its text.
    pub(crate) fn object_or_none(&self, name: &str, bytes: usize) -> Result<Option<String>, ApiError> {
        let takes = format!("takes an object of at most {bytes} bytes");
        self.read(name, &takes, |value| {
            let text = value.get();
            let right = text.len() <= bytes && serde_json::from_str::<Map<String, Value>>(text).is_ok();
            right.then(|| text.to_owned())
        })
    }

    fn read<T>(&self, name: &str, takes: &str, read: impl Fn(&RawValue) -> Option<T>) -> Result<Option<T>, ApiError> {
        let found = self.0.iter().find(|(known, value)| known == name && value.get() != "null");
        found.map(|(_, value)| read(value).ok_or_else(|| ApiError::invalid(name, takes))).transpose()
    }
}

fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

fn text_of(chars: &RangeInclusive<usize>) -> String {
    format!("takes a text of {} to {} characters", chars.start(), chars.end())
}

fn word_of<T>(words: &[(&str, T)]) -> String {
    let quoted: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
    format!("takes {}", quoted.join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: RangeInclusive<Rate> = Rate(10_000)..=Rate(1_000_000);

    /// What reading a field of a body gives, or the message of its refusal.
    fn check<T: std::fmt::Debug + PartialEq>(
        body: impl AsRef<[u8]>,
        read: impl Fn(&Fields<'_>) -> Result<T, ApiError>,
        wanted: Result<T, &str>,
    ) {
        let body = body.as_ref();
        let got = Fields::parse(body).and_then(|fields| read(&fields)).map_err(|error| error.to_string());
        let shown = String::from_utf8_lossy(body);
        match (got, wanted) {
            (Err(got), Err(wanted)) => assert!(got.starts_with(wanted), "{shown}: {got}"),
            (got, wanted) => assert_eq!(got, wanted.map_err(str::to_owned), "{shown}"),
        }
    }

    #[test]
    fn a_body_is_one_json_object_of_clean_text() {
        let read = |fields: &Fields<'_>| fields.text("a", 1..=5);
        check(r#"{"a":"x","z":[{"a":1}],"e":1e999}"#, read, Ok("x".into()));
        check(r#" { "\u0061" : "\u00e9\ud83d\ude00" } "#, read, Ok("\u{e9}\u{1f600}".into()));
        let deep = format!(r#"{{"z":{}{},"a":"x"}}"#, "[".repeat(4_000), "]".repeat(4_000));
        check(deep, read, Ok("x".into()));
        for none in [
            "",
            "[]",
            "null",
            "5",
            "\"x\"",
            "{",
            r#"{"a":"x"}{}"#,
            r#"{"a":"x",}"#,
            "{\"a\":\"\n\"}",
            r#"{"a":"x","a":"y"}"#,
        ] {
            check(none, read, Err("body: takes a JSON object"));
        }
        check("[".repeat(4_000), read, Err("body: takes a JSON object"));
        check(b"{\"a\":\"\xff\"}", read, Err("body: takes UTF-8"));
        check(r#"{"a":"x\u0000"}"#, read, Err("a: takes no U+0000"));
        check(r#"{"a":"x","b":{"c":["\u0000"]}}"#, read, Err("b: takes no U+0000"));
        check(r#"{"a":"x","\u0000":1}"#, read, Err("body: takes no U+0000"));
        check(r#"{"a":"\ud800"}"#, read, Err("a: takes no half"));
    }

    #[test]
    fn texts_have_a_type_and_a_length() {
        let read = |fields: &Fields<'_>| fields.text("a", 1..=5);
        let message = "a: takes a text of 1 to 5 characters";
        check(r#"{"a":"\u00e9\u00e9\u00e9\u00e9\u00e9"}"#, read, Ok("\u{e9}".repeat(5)));
        for wrong in
            ["{}", r#"{"a":null}"#, r#"{"a":""}"#, r#"{"a":"123456"}"#, r#"{"a":5}"#, r#"{"a":["x"]}"#, r#"{"A":"x"}"#]
        {
            check(wrong, read, Err(message));
        }
        check(r#"{"a":null}"#, |fields| fields.text_or_none("a", 1..=5), Ok(None));
    }

    #[test]
    fn numbers_are_read_from_their_digits() {
        let rate = |fields: &Fields<'_>| fields.rate_or_none("a", RATES);
        let message = "a: takes a number from 0.01 to 1.00 with at most six decimals";
        for (text, ppm) in
            [("0.10", 100_000), ("0.1", 100_000), ("1", 1_000_000), ("1.0", 1_000_000), ("0.333333", 333_333)]
        {
            check(format!(r#"{{"a":{text}}}"#), rate, Ok(Some(Rate(ppm))));
        }
        for wrong in [
            "0",
            "0.009999",
            "1.000001",
            "-0.1",
            "\"0.1\"",
            "0.12345678",
            "1e-1",
            "true",
            "[0.1]",
            "0.10000000000000000000001",
        ] {
            check(format!(r#"{{"a":{wrong}}}"#), rate, Err(message));
        }
        let integer = |fields: &Fields<'_>| fields.integer_or_none("a", 1..=90);
        check(r#"{"a":90}"#, integer, Ok(Some(90)));
        check("{}", integer, Ok(None));
        for wrong in ["0", "91", "1.5", "1.0", "1e1", "\"1\"", "-1", "99999999999999999999", "false"] {
            check(format!(r#"{{"a":{wrong}}}"#), integer, Err("a: takes a whole number from 1 to 90"));
        }
    }

    #[test]
    fn words_and_objects() {
        let word = |fields: &Fields<'_>| fields.word("a", &[("yes", 1), ("no", 2)]);
        check(r#"{"a":"no"}"#, word, Ok(2));
        for wrong in ["{}", r#"{"a":null}"#, r#"{"a":"NO"}"#, r#"{"a":1}"#] {
            check(wrong, word, Err("a: takes \"yes\" or \"no\""));
        }
        let object = |fields: &Fields<'_>| fields.object_or_none("a", 9);
        check(r#"{"a":{"b":01}}"#, object, Err("body: takes a JSON object"));
        check(r#"{"a": {"b":1.0}}"#, object, Ok(Some(r#"{"b":1.0}"#.into())));
        check(r#"{"a":{"b":1e999}}"#, object, Err("a: takes an object of at most 9 bytes"));
        for wrong in [r#"{"a":[]}"#, r#"{"a":"x"}"#, r#"{"a":{"bb":111}}"#] {
            check(wrong, object, Err("a: takes an object of at most 9 bytes"));
        }
    }
}
