//! A JSON object read field by field, so that what is wrong is named, and numbers are read from their text.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::refusal::Invalid;

/// The fields of one object. A field that is null counts as absent.
pub struct Fields<'a> {
    raw: BTreeMap<Cow<'a, str>, &'a RawValue>,
}

impl<'a> Fields<'a> {
    pub fn parse(body: &'a [u8]) -> Result<Fields<'a>, Invalid> {
        #[derive(Deserialize)]
        #[serde(transparent)]
        struct Object<'b>(#[serde(borrow)] BTreeMap<Cow<'b, str>, &'b RawValue>);

        let body = std::str::from_utf8(body).map_err(|_| Invalid::new("body", "takes JSON in UTF-8"))?;
        let object: Object<'a> =
            serde_json::from_str(body).map_err(|_| Invalid::new("body", "takes one JSON object"))?;
        Ok(Fields { raw: object.0 })
    }

    /// A text of `min` to `max` characters without U+0000.
    pub fn text(&self, name: &'static str, min: usize, max: usize) -> Result<Option<String>, Invalid> {
        let Some(raw) = self.get(name) else { return Ok(None) };
        let text = read_text(raw).ok_or_else(|| Invalid::new(name, "takes a text"))?;
        if text.contains('\0') {
            return Err(Invalid::new(name, "takes a text without U+0000"));
        }
        if !(min..=max).contains(&text.chars().count()) {
            return Err(Invalid::new(name, format!("takes a text of {min} to {max} characters")));
        }
        Ok(Some(text))
    }

    /// A whole number in `min..=max`, written without point and exponent.
    pub fn integer(&self, name: &'static str, min: i64, max: i64) -> Result<Option<i64>, Invalid> {
        let Some(raw) = self.get(name) else { return Ok(None) };
        let takes = || Invalid::new(name, format!("takes a whole number from {min} to {max}"));
        let number: i64 = raw.get().parse().map_err(|_| takes())?;
        if (min..=max).contains(&number) { Ok(Some(number)) } else { Err(takes()) }
    }

    /// The text of a JSON number, for who reads decimals from it.
    pub fn number(&self, name: &'static str) -> Result<Option<&'a str>, Invalid> {
        let Some(raw) = self.get(name) else { return Ok(None) };
        let text = raw.get();
        let is_number = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
        if is_number { Ok(Some(text)) } else { Err(Invalid::new(name, "takes a number")) }
    }

    pub fn boolean(&self, name: &'static str) -> Result<Option<bool>, Invalid> {
        let Some(raw) = self.get(name) else { return Ok(None) };
        serde_json::from_str(raw.get()).map(Some).map_err(|_| Invalid::new(name, "takes true or false"))
    }

    /// The text of an object of at most `max_bytes`, whose texts hold no U+0000.
    pub fn object(&self, name: &'static str, max_bytes: usize) -> Result<Option<&'a str>, Invalid> {
        let Some(raw) = self.get(name) else { return Ok(None) };
        let text = raw.get();
        if !text.starts_with('{') {
            return Err(Invalid::new(name, "takes an object"));
        }
        if text.len() > max_bytes {
            return Err(Invalid::new(name, format!("takes an object of at most {max_bytes} bytes")));
        }
        if !is_sound(text) {
            return Err(Invalid::new(name, "takes texts that are Unicode without U+0000"));
        }
        Ok(Some(text))
    }

    fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.raw.get(name).copied().filter(|raw| raw.get() != "null")
    }
}

/// What a required field lacks.
pub fn missing(name: &'static str) -> Invalid {
    Invalid::new(name, "is required")
}

fn read_text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// Reads a value all the way down: the raw text was only checked for its shape.
fn is_sound(text: &str) -> bool {
    fn without_nul(value: &serde_json::Value) -> bool {
        match value {
            serde_json::Value::String(text) => !text.contains('\0'),
            serde_json::Value::Array(items) => items.iter().all(without_nul),
            serde_json::Value::Object(fields) => {
                fields.iter().all(|(name, value)| !name.contains('\0') && without_nul(value))
            }
            _ => true,
        }
    }
    serde_json::from_str(text).is_ok_and(|value| without_nul(&value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        let check = |body: &str, wanted: Result<(Option<String>, Option<i64>), &str>| {
            let got = Fields::parse(body.as_bytes())
                .and_then(|fields| Ok((fields.text("name", 1, 3)?, fields.integer("count", 0, 1_000)?)))
                .map_err(|invalid| invalid.to_string());
            assert_eq!(got, wanted.map_err(str::to_owned), "{body}");
        };
        check(r#"{"name":"abc","count":7,"other":[1,{}]}"#, Ok((Some("abc".into()), Some(7))));
        check(r#"{"name":null}"#, Ok((None, None)));
        check(r#"{"n\u0061me":"x"}"#, Ok((Some("x".into()), None)));
        for body in ["", "[]", "null", "\"x\"", "{}{}", "{\"a\":", "{\"name\":\"\u{1}\"}"] {
            check(body, Err("body: takes one JSON object"));
        }
        check(r#"{"name":""}"#, Err("name: takes a text of 1 to 3 characters"));
        check(r#"{"name":"\u00e9\u00e9\u00e9\u00e9"}"#, Err("name: takes a text of 1 to 3 characters"));
        check(r#"{"name":5}"#, Err("name: takes a text"));
        check(r#"{"name":"\ud800"}"#, Err("name: takes a text"));
        check(r#"{"name":"\u0000"}"#, Err("name: takes a text without U+0000"));
        for number in ["1e3", "1.0", "-1", "1001", "99999999999999999999", "\"5\"", "true", "[]"] {
            check(&format!(r#"{{"count":{number}}}"#), Err("count: takes a whole number from 0 to 1000"));
        }
    }

    #[test]
    fn objects_are_read_to_the_bottom() {
        let object = |body: &str| {
            Fields::parse(body.as_bytes())
                .unwrap()
                .object("m", 40)
                .map(|text| text.map(str::to_owned))
                .map_err(|e| e.to_string())
        };
        assert_eq!(object(r#"{"m":{"a":[1]}}"#), Ok(Some(r#"{"a":[1]}"#.into())));
        assert_eq!(object(r#"{"m":[]}"#), Err("m: takes an object".into()));
        assert_eq!(object(r#"{"m":{"a":["\u0000"]}}"#), Err("m: takes texts that are Unicode without U+0000".into()));
        assert_eq!(object(r#"{"m":{"a":"\ud800"}}"#), Err("m: takes texts that are Unicode without U+0000".into()));
        assert!(object(&format!(r#"{{"m":{{"a":"{}"}}}}"#, "x".repeat(40))).is_err());
    }

    #[test]
    fn deep_nesting_is_refused_and_not_followed() {
        let deep = format!("{}{}", r#"{"a":"#.repeat(5_000) + "1", "}".repeat(5_000));
        let body = format!(r#"{{"m":{deep},"ignored":{}{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
        let fields = Fields::parse(body.as_bytes()).unwrap();
        assert!(fields.object("m", body.len()).is_err());
    }
}
