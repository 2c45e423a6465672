//! Host and path of an http(s) URL, which is all that is kept of one.

use std::borrow::Cow;

use schemas::{CompactString, hashes::PersonKey, personal::mask, web::Page};

/// The longest URL that is taken.
pub(crate) const URL_CHARS_MAX: usize = 2_048;

/// Host (without user and port, spelled as there) and path of an absolute http(s) URL; None if it is none.
pub(crate) fn host_and_path(url: &str) -> Option<(&str, &str)> {
    let too_long = url.len() > URL_CHARS_MAX && url.chars().count() > URL_CHARS_MAX;
    // Without a way out of the loop it goes over many bytes at once.
    let has_control = url.bytes().fold(false, |has, b| has | (b <= b' ') | (b == 0x7f));
    if too_long || has_control {
        return None;
    }
    let rest = without_scheme(url)?;
    // Nearly every authority is a plain name, seen to be one in the one pass that finds its end.
    let plain = rest.bytes().position(|b| !PLAIN_BYTES[usize::from(b)]).unwrap_or(rest.len());
    let (host, after) = match rest.as_bytes().get(plain) {
        None | Some(b'/' | b'?' | b'#' | b'\\') => rest.split_at(plain),
        Some(_) => host_among_others(rest)?,
    };
    if host.is_empty() {
        return None;
    }
    let path = match after.as_bytes() {
        [b'/', ..] => &after[..memchr::memchr2(b'?', b'#', after.as_bytes()).unwrap_or(after.len())],
        _ => "/",
    };
    Some((host, path))
}

/// A host with a user before it, a port behind it or an address in it, and what follows the authority.
fn host_among_others(rest: &str) -> Option<(&str, &str)> {
    let end = memchr::memchr3(b'/', b'?', b'#', rest.as_bytes()).unwrap_or(rest.len());
    let end = memchr::memchr(b'\\', &rest.as_bytes()[..end]).unwrap_or(end);
    let (authority, after) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    };
    let is_host = host.bytes().all(|b| PLAIN_BYTES[usize::from(b)] || matches!(b, b'[' | b']' | b':'));
    is_host.then_some((host, after))
}

fn without_scheme(url: &str) -> Option<&str> {
    ["https://", "http://"].iter().find_map(|scheme| {
        let given = url.get(..scheme.len())?;
        given.eq_ignore_ascii_case(scheme).then(|| &url[scheme.len()..])
    })
}

/// A landing page as it is kept: its host in lower case, and masked.
pub(crate) fn page(key: &PersonKey, host: &str, path: &str) -> Page {
    Page { host: kept_host(key, host), path: mask(key, path).into() }
}

/// A referrer's host as it is kept; a referrer that is no URL has none.
pub(crate) fn referrer_host(key: &PersonKey, referrer: &str) -> Option<CompactString> {
    host_and_path(referrer).map(|(host, _)| kept_host(key, host))
}

fn kept_host(key: &PersonKey, host: &str) -> CompactString {
    let mut lower = CompactString::from(host);
    lower.make_ascii_lowercase();
    if let Cow::Owned(masked) = mask(key, &lower) {
        return masked.into();
    }
    lower
}

/// What a host's name is made of. A look at a byte's place costs less than all that it may be.
static PLAIN_BYTES: [bool; 256] = bytes_in(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", 0x80);

/// True at these bytes, and at all from `first_of_rest` on.
const fn bytes_in(bytes: &[u8], first_of_rest: usize) -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    at = first_of_rest;
    while at < table.len() {
        table[at] = true;
        at += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_host_and_path_of_a_url() {
        for (url, wanted) in [
            ("https://acme.com/pricing", Some(("acme.com", "/pricing"))),
            ("HTTPS://Acme.COM", Some(("Acme.COM", "/"))),
            ("https://acme.com\\a/b", Some(("acme.com", "/"))),
            ("https://acme.com:80\\a", Some(("acme.com", "/"))),
            ("https://acme.com#a@b", Some(("acme.com", "/"))),
            ("https://u:p@Acme.com:1/?a@b#c", Some(("Acme.com", "/"))),
            ("https://[::1]x/", Some(("[::1]x", "/"))),
            ("https://@/", None),
            ("http://acme.com:8080/a/b?c=d#e", Some(("acme.com", "/a/b"))),
            ("https://user:pw@acme.com/x", Some(("acme.com", "/x"))),
            ("https://acme.com?x=/y", Some(("acme.com", "/"))),
            ("https://[2001:db8::1]:443/", Some(("[2001:db8::1]", "/"))),
            ("https://b\u{fc}cher.example/\u{e9}", Some(("b\u{fc}cher.example", "/\u{e9}"))),
            ("pricing", None),
            ("/pricing", None),
            ("//acme.com/", None),
            ("javascript:alert(1)", None),
            ("ftp://acme.com/", None),
            ("https://", None),
            ("https:///path", None),
            ("https://acme.com/a b", None),
            ("https://acme.com/\n", None),
            ("https://<script>/", None),
        ] {
            assert_eq!(host_and_path(url), wanted, "{url}");
        }
        let key = PersonKey::new([5; 16]);
        assert_eq!(&*page(&key, "Acme.COM", "/A").host, "acme.com");
        assert_eq!(referrer_host(&key, "https://Acme.COM/A").as_deref(), Some("acme.com"));
        assert_eq!(host_and_path(&format!("https://a.example/{}", "x".repeat(URL_CHARS_MAX))), None);
    }
}
