//! Free text may hold what identifies a person. What looks like an e-mail or an IP address is masked before it goes anywhere.

use std::{
    borrow::Cow,
    net::{Ipv4Addr, Ipv6Addr},
    sync::LazyLock,
};

use regex::{Captures, Regex};

use crate::hashes::PersonKey;

/// Replaces each e-mail address by `[e-mail xxxxxx]` and each IP address by `[address xxxxxx]`, where the six digits are a
/// keyed mark, so that two masked texts are still told apart. What is encoded for a URL is seen too.
pub fn mask<'a>(key: &PersonKey, text: &'a str) -> Cow<'a, str> {
    if !may_hold_something(text) {
        return Cow::Borrowed(text);
    }
    let marked = |kind: &str, found: &str| format!("[{kind} {:06x}]", key.mark(found));
    let text = EMAIL.replace_all(text, |found: &Captures<'_>| marked("e-mail", &found[0]));
    let text = IPV6_RUN.replace_all(&text, |found: &Captures<'_>| match ipv6_within(&found[0]) {
        Some((before, address, after)) => format!("{before}{}{after}", marked("address", address)),
        None => found[0].to_owned(),
    });
    let text =
        IPV4.replace_all(
            &text,
            |found: &Captures<'_>| {
                if is_ipv4(&found[0]) { marked("address", &found[0]) } else { found[0].to_owned() }
            },
        );
    Cow::Owned(text.into_owned())
}

/// Whether [`mask`] would change the text.
pub fn is_personal(text: &str) -> bool {
    may_hold_something(text)
        && (EMAIL.is_match(text)
            || IPV6_RUN.find_iter(text).any(|found| ipv6_within(found.as_str()).is_some())
            || IPV4.find_iter(text).any(|found| is_ipv4(found.as_str())))
}

static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#"(?i)[^\s@<>()\[\],;:"/?&=#]+(?:@|%(?:25)*40)[\p{L}\p{N}](?:[\p{L}\p{N}.-]*[\p{L}\p{N}])?"#)
});

/// What may hold an IPv6 address: hexadecimal digits, dots and at least two colons.
static IPV6_RUN: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)(?:[0-9a-f.]|%2e)*(?::|%3a)(?:[0-9a-f.]|%2e)*(?::|%3a)(?:[0-9a-f.:]|%2e|%3a)*"));

static IPV4: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)[0-9]{1,3}(?:(?:\.|%2e)[0-9]{1,3}){3}"));

/// A longer run of groups is masked whole rather than tried in all its parts.
const COLONS_MAX: usize = 16;

/// Hexadecimal digits from which on something with two colons is taken for an address, and not for a time or a path.
const HEX_DIGITS_MIN: usize = 5;

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is a constant that the tests compile")
}

fn is_ipv4(text: &str) -> bool {
    decoded(text).parse::<Ipv4Addr>().is_ok()
}

/// The longest address in the run, with what stands before and behind it.
fn ipv6_within(run: &str) -> Option<(&str, &str, &str)> {
    let colons = decoded(run).matches(':').count();
    if colons > COLONS_MAX {
        return Some(("", run, ""));
    }
    let lower = run.to_ascii_lowercase();
    let edges = |width: usize| {
        let plain = lower.match_indices(':').map(move |(at, _)| at + width.min(1));
        plain.chain(lower.match_indices("%3a").map(move |(at, _)| at + width))
    };
    let starts: Vec<usize> = std::iter::once(0).chain(edges(0)).chain(edges(3)).collect();
    let ends: Vec<usize> = std::iter::once(run.len()).chain(edges(0)).chain(edges(3)).collect();
    let pairs = starts.iter().flat_map(|start| ends.iter().map(move |end| (*start, *end)));
    let (start, end) =
        pairs.filter(|(start, end)| start < end && is_ipv6(&run[*start..*end])).max_by_key(|(s, e)| e - s)?;
    Some((&run[..start], &run[start..end], &run[end..]))
}

fn is_ipv6(text: &str) -> bool {
    let text = decoded(text);
    let text = text.trim_end_matches('.');
    text.bytes().filter(u8::is_ascii_hexdigit).count() >= HEX_DIGITS_MIN && text.parse::<Ipv6Addr>().is_ok()
}

fn decoded(text: &str) -> String {
    text.to_ascii_lowercase().replace("%3a", ":").replace("%2e", ".")
}

fn may_hold_something(text: &str) -> bool {
    // Without a way out of the loop it goes over many bytes at once.
    let counted = text.bytes().fold((0_usize, 0_usize, 0_usize), |(marks, dots, colons), byte| {
        let is = |this: bool| usize::from(this);
        (marks + is(byte == b'@' || byte == b'%'), dots + is(byte == b'.'), colons + is(byte == b':'))
    });
    let (marks, dots, colons) = counted;
    marks > 0 || dots >= 3 || colons >= 2
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
            ("order_203.0.113.77", "order_[address *]"),
            ("203.0.113.77x", "[address *]x"),
            ("203%2E0%2e113%2E77", "[address *]"),
            ("12:05:203.0.113.77", "12:05:[address *]"),
            ("ip:2001:db8::42", "ip:[address *]"),
            ("2001%3Adb8%3A%3A42", "[address *]"),
            ("2001:db8:1:2:3:4:5:6.", "[address *]"),
            ("std::fs::d", "std::fs::d"),
            ("jane$@example.com", "[e-mail *]"),
            ("jane%2540example.com", "[e-mail *]"),
            ("/u/jane@example.com/x?y", "/u/[e-mail *]/x?y"),
        ] {
            assert_eq!(shape(text), wanted, "{text}");
        }
        assert_ne!(mask(&key, "a@example.com"), mask(&key, "b@example.com"));
    }
}
