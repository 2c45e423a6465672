//! Free text may hold what identifies a person. What looks like an e-mail or an IP address is masked before it goes anywhere.

use std::{borrow::Cow, net::IpAddr, sync::LazyLock};

use regex::{Captures, Regex};

use crate::hashes::PersonKey;

/// Replaces each e-mail address by `[e-mail xxxxxx]` and each IP address by `[address xxxxxx]`, where the six digits are a
/// keyed mark, so that two masked texts are still told apart.
pub fn mask<'a>(key: &PersonKey, text: &'a str) -> Cow<'a, str> {
    if !may_hold_something(text) {
        return Cow::Borrowed(text);
    }
    let masked = EMAIL.replace_all(text, |found: &Captures<'_>| format!("[e-mail {:06x}]", key.mark(&found[0])));
    let addresses = ADDRESS.replace_all(&masked, |found: &Captures<'_>| {
        let candidate = &found[0];
        match candidate.trim_end_matches(['.', ':']).parse::<IpAddr>() {
            Ok(_) => format!("[address {:06x}]", key.mark(candidate)),
            Err(_) => candidate.to_owned(),
        }
    });
    Cow::Owned(addresses.into_owned())
}

/// Whether [`mask`] would change the text.
pub fn is_personal(text: &str) -> bool {
    may_hold_something(text)
        && (EMAIL.is_match(text)
            || ADDRESS
                .find_iter(text)
                .any(|found| found.as_str().trim_end_matches(['.', ':']).parse::<IpAddr>().is_ok()))
}

// A percent sign may stand for the @ of an address that was encoded for a URL.
static EMAIL: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)[\p{L}\p{N}._+'~-]+(?:@|%40)[\p{L}\p{N}](?:[\p{L}\p{N}.-]*[\p{L}\p{N}])?"));

static ADDRESS: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)[0-9a-f]*:[0-9a-f:]*:[0-9a-f:.]*|\b[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\b"));

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is a constant that the tests compile")
}

fn may_hold_something(text: &str) -> bool {
    let (mut dots, mut colons) = (0, 0);
    for byte in text.bytes() {
        match byte {
            b'@' | b'%' => return true,
            b'.' => dots += 1,
            b':' => colons += 1,
            _ => {}
        }
    }
    dots >= 3 || colons >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_identifies_a_person_is_masked() {
        let key = PersonKey::new([5; 16]);
        let shape = |text: &str| {
            let masked = mask(&key, text).into_owned();
            assert_eq!(masked != text, is_personal(text), "{text}");
            Regex::new("[0-9a-f]{6}]").unwrap().replace_all(&masked, "*]").into_owned()
        };
        for (text, wanted) in [
            ("order_123", "order_123"),
            ("2026.11.21-7", "2026.11.21-7"),
            ("https://a.example/x.y.z", "https://a.example/x.y.z"),
            ("12:30:45", "12:30:45"),
            ("jane@example.com", "[e-mail *]"),
            ("a-Jane.D+x%40example.co.uk-1", "[e-mail *]"),
            ("for jane@example.com, thanks", "for [e-mail *], thanks"),
            ("203.0.113.77", "[address *]"),
            ("from 203.0.113.77:443", "from [address *]:443"),
            ("v999.1.1.1", "v999.1.1.1"),
            ("[2001:db8::42]", "[[address *]]"),
            ("::ffff:203.0.113.77", "[address *]"),
            ("50% off", "50% off"),
        ] {
            assert_eq!(shape(text), wanted, "{text}");
        }
        assert_ne!(mask(&key, "a@example.com"), mask(&key, "b@example.com"));
    }
}
