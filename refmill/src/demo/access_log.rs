//! Reads Apache's combined log format: one request a line, three of its fields in quotes.

use std::net::IpAddr;

/// A GET, with what a click needs of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) address: IpAddr,
    /// With its query.
    pub(super) path: String,
    pub(super) referrer: Option<String>,
    pub(super) user_agent: Option<Vec<u8>>,
}

/// Why a line is no click.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NoClick {
    Malformed,
    NotGet,
    NotPath,
    LongPath,
    NotAddress,
    ControlCharacters,
    OverLimit,
}

/// With the shop in front of it, such a path is still a landing page that is taken.
const PATH_LIMIT: usize = 2_000;

impl NoClick {
    pub(super) fn describe(self) -> &'static str {
        match self {
            NoClick::Malformed => "malformed",
            NoClick::NotGet => "not a GET",
            NoClick::NotPath => "its target is no path",
            NoClick::LongPath => "its path is too long",
            NoClick::NotAddress => "its address is a name",
            NoClick::ControlCharacters => "control characters in it",
            NoClick::OverLimit => "past --max-clicks",
        }
    }
}

pub(super) fn parse(line: usize, text: &str) -> Result<Hit, NoClick> {
    let fields = Fields::split(text).ok_or(NoClick::Malformed)?;
    let path = path_of_get(&fields.request)?;
    let address = fields.address.parse().map_err(|_| NoClick::NotAddress)?;
    let texts = [&fields.request, &fields.referrer, &fields.user_agent];
    if texts.iter().any(|text| text.iter().any(u8::is_ascii_control)) {
        return Err(NoClick::ControlCharacters);
    }
    let referrer = said(fields.referrer).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Ok(Hit { line, address, path, referrer, user_agent: said(fields.user_agent) })
}

struct Fields<'a> {
    address: &'a str,
    request: Vec<u8>,
    referrer: Vec<u8>,
    user_agent: Vec<u8>,
}

impl<'a> Fields<'a> {
    /// `address identity user [time] "request" status size "referrer" "agent"`, and whatever a server adds after that.
    fn split(text: &'a str) -> Option<Self> {
        let (address, rest) = text.split_once(' ')?;
        let (identity_user_time, rest) = rest.split_once("] ")?;
        identity_user_time.contains('[').then_some(())?;
        let (request, rest) = quoted(rest)?;
        let (status, rest) = rest.strip_prefix(' ')?.split_once(' ')?;
        let (size, rest) = rest.split_once(' ')?;
        let (referrer, rest) = quoted(rest)?;
        let (user_agent, rest) = quoted(rest.strip_prefix(' ')?)?;
        let numeric = |field: &str| !field.is_empty() && field.bytes().all(|byte| byte.is_ascii_digit());
        let whole = status.len() == 3 && numeric(status) && (size == "-" || numeric(size));
        (whole && (rest.is_empty() || rest.starts_with(' '))).then_some(Self { address, request, referrer, user_agent })
    }
}

/// What stands in quotes, with Apache's escapes undone, and what comes after.
fn quoted(text: &str) -> Option<(Vec<u8>, &str)> {
    let mut rest = text.strip_prefix('"')?;
    let mut bytes = Vec::new();
    loop {
        let stop = rest.find(['"', '\\'])?;
        bytes.extend_from_slice(&rest.as_bytes()[..stop]);
        let special = &rest[stop..];
        if let Some(after) = special.strip_prefix('"') {
            return Some((bytes, after));
        }
        rest = unescape(&special[1..], &mut bytes)?;
    }
}

/// Undoes the escape whose backslash comes before `text`.
fn unescape<'a>(text: &'a str, bytes: &mut Vec<u8>) -> Option<&'a str> {
    let hex = text.strip_prefix('x').and_then(|hex| hex.get(..2));
    if let Some(digits) = hex.filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        return Some(&text[3..]);
    }
    let escaped = text.chars().next()?;
    match escaped {
        '"' | '\\' => bytes.push(u8::try_from(escaped).ok()?),
        'n' => bytes.push(b'\n'),
        'r' => bytes.push(b'\r'),
        't' => bytes.push(b'\t'),
        'b' => bytes.push(0x08),
        'v' => bytes.push(0x0b),
        // No escape of Apache's: it stands for itself.
        _ => {
            bytes.push(b'\\');
            bytes.extend_from_slice(escaped.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    Some(&text[escaped.len_utf8()..])
}

/// Of `GET /path HTTP/1.1`, or of `GET /path` as the oldest clients say it.
fn path_of_get(request: &[u8]) -> Result<String, NoClick> {
    let request = std::str::from_utf8(request).map_err(|_| NoClick::Malformed)?;
    let (method, rest) = request.split_once(' ').ok_or(NoClick::Malformed)?;
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(NoClick::Malformed);
    }
    if method != "GET" {
        return Err(NoClick::NotGet);
    }
    let path = match rest.rsplit_once(' ') {
        Some((path, version)) if version.starts_with("HTTP/") => path,
        Some(_) => return Err(NoClick::Malformed),
        None => rest,
    };
    if !path.starts_with('/') || path.contains(' ') {
        return Err(NoClick::NotPath);
    }
    if path.len() > PATH_LIMIT {
        return Err(NoClick::LongPath);
    }
    Ok(path.to_owned())
}

/// A lone dash means that the client said nothing.
fn said(field: Vec<u8>) -> Option<Vec<u8>> {
    (field != b"-" && !field.is_empty()).then_some(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Address, path, referrer and user agent.
    type Expected<'a> = (&'a str, &'a str, Option<&'a str>, Option<&'a [u8]>);

    fn check(text: &str, expected: Result<Expected<'_>, NoClick>) {
        let hit = expected.map(|(address, path, referrer, user_agent)| Hit {
            line: 7,
            address: address.parse().unwrap(),
            path: path.to_owned(),
            referrer: referrer.map(str::to_owned),
            user_agent: user_agent.map(<[u8]>::to_vec),
        });
        assert_eq!(parse(7, text), hit, "{text}");
    }

    fn with_request(request: &str) -> String {
        format!(r#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] "{request}" 200 12 "-" "a""#)
    }

    fn with_agent(agent: &str) -> String {
        format!(r#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 12 "-" {agent}"#)
    }

    #[test]
    fn lines_that_are_clicks() {
        check(
            r#"192.0.2.7 - bob [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 203 "http://x.example/" "Mozilla/5.0 (X11)""#,
            Ok(("192.0.2.7", "/a?b=c", Some("http://x.example/"), Some(b"Mozilla/5.0 (X11)"))),
        );
        check(
            r#"2001:db8::1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.0" 304 - "-" "-""#,
            Ok(("2001:db8::1", "/", None, None)),
        );
        let plain = Ok(("192.0.2.7", "/", None, Some(b"a".as_slice())));
        check(&with_request("GET /"), plain);
        check(&with_agent(r#""a" 0.003 "more""#), plain);
        check(&with_request("GET //x HTTP/1.1"), Ok(("192.0.2.7", "//x", None, Some(b"a"))));
        check(&with_agent(r#""""#), Ok(("192.0.2.7", "/", None, None)));
    }

    #[test]
    fn escapes_are_undone() {
        for (escaped, expected) in [
            (r#"a \"b\" c"#, r#"a "b" c"#.as_bytes()),
            (r"back\\slash", br"back\slash"),
            (r#"ends in \\"#, br"ends in \"),
            (r"\xc3\xa9t\xe9", b"\xc3\xa9t\xe9"),
            (r"\d\xzz\x+1\x", br"\d\xzz\x+1\x"),
            ("é", "é".as_bytes()),
        ] {
            check(&with_agent(&format!("\"{escaped}\"")), Ok(("192.0.2.7", "/", None, Some(expected))));
        }
        check(&with_request(r#"GET /a\"b HTTP/1.1"#), Ok(("192.0.2.7", "/a\"b", None, Some(b"a"))));
    }

    #[test]
    fn lines_that_are_no_clicks() {
        for request in ["HEAD / HTTP/1.1", "POST /a HTTP/1.1", "OPTIONS * HTTP/1.0"] {
            check(&with_request(request), Err(NoClick::NotGet));
        }
        for request in ["GET http://x.example/ HTTP/1.1", "GET * HTTP/1.1", "GET a b HTTP/1.1", "GET /a b HTTP/1.1"] {
            check(&with_request(request), Err(NoClick::NotPath));
        }
        for request in ["-", "", "GET", " / HTTP/1.1", r"\x16\x03\x01 / ", "get / HTTP/1.1", "GET / SPDY/3"] {
            check(&with_request(request), Err(NoClick::Malformed));
        }
        for line in [
            "",
            "no log at all",
            r#"192.0.2.7 - - [x] "GET / HTTP/1.1" 200 12"#,
            r#"192.0.2.7 - - x] "GET / HTTP/1.1" 200 1 "-" "a""#,
        ] {
            check(line, Err(NoClick::Malformed));
        }
        for agent in [r#""never ends"#, r#""escaped end\""#, r#""a"b"#, "a", r#""ends in a backslash\"#] {
            check(&with_agent(agent), Err(NoClick::Malformed));
        }
        for agent in [r#""a\nb""#, r#""a\x00b""#, r#""a\tb""#] {
            check(&with_agent(agent), Err(NoClick::ControlCharacters));
        }
        check(&with_request(r"GET /a\x07 HTTP/1.1"), Err(NoClick::ControlCharacters));
        check(&with_request(&format!("GET /{} HTTP/1.1", "a".repeat(PATH_LIMIT))), Err(NoClick::LongPath));
        check(
            r#"crawler.example - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1 "-" "a""#,
            Err(NoClick::NotAddress),
        );
        check(r#"192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 2x0 1 "-" "a""#, Err(NoClick::Malformed));
    }
}
