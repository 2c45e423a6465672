//! A company's web domain, and what lies under it.

use schemas::personal;
use url::{Host, Url};

/// A host or an http(s) URL, as a company registered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Domain {
    text: String,
    url: Url,
}

impl Domain {
    const MAX_BYTES: usize = 2_048;

    pub(crate) fn parse(text: &str) -> Option<Domain> {
        let url = if text.contains("://") { text.to_owned() } else { bare_host(text)? };
        web_url(&url).map(|url| Domain { text: text.to_owned(), url })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The page that links lead to where nothing else was said.
    pub(crate) fn home(&self) -> String {
        self.url.to_string()
    }

    /// Reads an http(s) URL of this host or of a subdomain, whatever its port.
    pub(crate) fn under(&self, text: &str) -> Option<Url> {
        let url = web_url(text)?;
        let (asked, own) = (host(&url)?, host(&self.url)?);
        let subdomain = matches!(self.url.host(), Some(Host::Domain(_)))
            && asked.strip_suffix(own).is_some_and(|before| before.ends_with('.'));
        (asked == own || subdomain).then_some(url)
    }
}

fn bare_host(text: &str) -> Option<String> {
    let plain = !text.is_empty() && !text.contains(['/', '?', '#', ':', '@', '%']);
    plain.then(|| format!("https://{text}/"))
}

/// An http(s) URL without user part, blanks, backslashes or anything that identifies a person in what follows its host.
fn web_url(text: &str) -> Option<Url> {
    let plain =
        text.len() <= Domain::MAX_BYTES && !text.contains(|c: char| c == '\\' || c.is_whitespace() || c.is_control());
    let url = plain.then(|| Url::parse(text).ok()).flatten()?;
    let written_out = text.get(url.scheme().len()..)?.starts_with("://");
    let user = !url.username().is_empty() || url.password().is_some() || authority(text).contains('@');
    let page = &url[url::Position::BeforePath..];
    let right =
        matches!(url.scheme(), "http" | "https") && written_out && !user && named(&url) && !personal::is_personal(page);
    (right && url.as_str().len() <= Domain::MAX_BYTES).then_some(url)
}

fn authority(text: &str) -> &str {
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

fn host(url: &Url) -> Option<&str> {
    url.host_str().map(|host| host.strip_suffix('.').unwrap_or(host))
}

fn named(url: &Url) -> bool {
    let label = |label: &str| {
        let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        (1..=63).contains(&label.len()) && plain
    };
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            name.len() <= 253 && name.split('.').all(label)
        }
        // A host of one's own network, as in development; any other address may be a person's, and this is kept as it is.
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_private(),
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unique_local(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_a_host_or_a_web_url() {
        for (text, home) in [
            ("acme.com", "https://acme.com/"),
            ("Acme.COM", "https://acme.com/"),
            ("localhost", "https://localhost/"),
            ("b\u{fc}cher.example", "https://xn--bcher-kva.example/"),
            ("https://acme.com", "https://acme.com/"),
            ("http://acme.com:8080/shop?x=1", "http://acme.com:8080/shop?x=1"),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000/"),
        ] {
            assert_eq!(Domain::parse(text).map(|domain| domain.home()).as_deref(), Some(home), "{text}");
        }
        for wrong in [
            "",
            "not a host",
            "ftp://a.example",
            "https://",
            "https:a.example",
            "a.example/path",
            "a.example:80",
            "a..example",
            ".example",
            "https://me@a.example",
            "https://me:pw@a.example",
            "https://@a.example",
            "https://a.example\\x",
            "https://a.example/\n",
            "javascript:alert(1)",
            "a.example?x",
            "a%2eexample",
            "https://a.example/jane@example.com",
            "198.51.100.7",
            "https://[2001:db8::7]/",
            "https://a.example/?m=jane%40example.com",
            &format!("https://a.example/{}", "x".repeat(2_048)),
        ] {
            assert_eq!(Domain::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn only_the_host_and_its_subdomains_lie_under_it() {
        let domain = Domain::parse("https://acme.com").unwrap();
        for right in
            ["https://acme.com/a?b=1#c", "http://acme.com:8080/", "https://eu.shop.ACME.com/", "https://acme.com."]
        {
            assert!(domain.under(right).is_some(), "{right}");
        }
        for wrong in [
            "https://evil.example/",
            "https://acme.com.evil.example/",
            "https://acme.com@evil.example/",
            "https://evil.example\\@acme.com/",
            "//acme.com/",
            "acme.com",
            "https://evilacme.com/",
            "https://evil.example/?acme.com",
            "javascript:alert(1)",
            "ftp://acme.com/",
        ] {
            assert_eq!(domain.under(wrong), None, "{wrong}");
        }
        let address = Domain::parse("http://10.0.0.1").unwrap();
        assert!(address.under("http://10.0.0.1:81/").is_some() && address.under("http://110.0.0.1/").is_none());
    }
}
