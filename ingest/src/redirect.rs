//! `GET /r/CODE`: to the link's destination, with the receipt of the click where one could be recorded.

use std::{net::SocketAddr, time::Duration};

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use metrics::counter;
use schemas::{
    code::Code,
    decision::EventKind,
    event::Event,
    receipt::{Receipt, Visit},
};
use stores::log::Class;
use url::{Url, form_urlencoded};

use crate::{
    answer::Page,
    click::{Landing, Said, stamp, visitor},
    edge::Edge,
    page::URL_CHARS_MAX,
    refusal::{EdgeRefusal, Invalid},
    snapshot::Link,
};

/// How long a visitor waits for the log before going on without a receipt.
const RECORD_WAIT: Duration = Duration::from_secs(1);

pub(crate) async fn answer(
    edge: &Edge,
    request: &Request<Incoming>,
    code: &str,
    peer: SocketAddr,
) -> Result<Response<Page>, EdgeRefusal> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return Err(EdgeRefusal::MethodNotAllowed { allowed: "GET, HEAD" });
    }
    let code = Code::parse(code).map_err(|error| Invalid::new("code", error.to_string()))?;
    let snapshot = edge.follower.current();
    let unknown = || edge.follower.unknown(EdgeRefusal::UnknownCode { field: "code" });
    let link = snapshot.link_by_code(&code).ok_or_else(unknown)?;
    let company = snapshot.company(link.company).ok_or_else(unknown)?;
    let destination = destination(request.uri().query(), &link, &company.domain)?;
    let recording = if company.paused { None } else { stamped(edge, request, peer, &link, &destination) };
    let receipt = match recording {
        Some((receipt, event)) => {
            match tokio::time::timeout(RECORD_WAIT, edge.append(Class::Click, event)).await {
                Ok(Ok(_)) => Some(receipt),
                Ok(Err(_)) => {
                    edge.count_refused(link.company, EventKind::Click);
                    None
                }
                // It may still be recorded.
                Err(_) => None,
            }
        }
        None => {
            edge.count_refused(link.company, EventKind::Click);
            None
        }
    };
    if receipt.is_none() {
        counter!("refmill_redirects_without_receipt_total").increment(1);
    }
    Ok(found(destination, &link, receipt))
}

/// What the visit is recorded as; None where a limit says no.
fn stamped(
    edge: &Edge,
    request: &Request<Incoming>,
    peer: SocketAddr,
    link: &Link<'_>,
    destination: &Url,
) -> Option<(Receipt, Event)> {
    let now = (edge.now)();
    let mut visitor = visitor(edge, request.headers(), peer, now).ok()?;
    if request.method() == Method::HEAD {
        visitor.visit = Visit::Head;
    }
    edge.clicks.check(visitor.address_key).ok()?;
    let referrer = request.headers().get(header::REFERER).and_then(|value| value.to_str().ok());
    let utm =
        |name: &str| destination.query_pairs().find(|(given, _)| given == name).map(|(_, value)| value.into_owned());
    let utm = [utm("utm_source"), utm("utm_medium"), utm("utm_campaign")];
    let said = Said {
        code: Code::parse(link.code).ok()?,
        landing: Landing::of(destination.as_str()).ok()?,
        referrer,
        fingerprint: None,
        event_id: None,
        utm: utm.each_ref().map(Option::as_deref),
    };
    Some(stamp(edge, &said, link, &visitor, None))
}

/// Where to: the link's own destination, or `?to=` under the company's domain.
fn destination(query: Option<&str>, link: &Link<'_>, domain: &str) -> Result<Url, Invalid> {
    let asked = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).find(|(name, _)| name == "to");
    let Some((_, asked)) = asked else {
        return Url::parse(link.destination).map_err(|_| Invalid::new("code", "has no destination"));
    };
    let under = || Invalid::new("to", format!("takes an http(s) URL under {domain}"));
    if asked.len() > URL_CHARS_MAX {
        return Err(under());
    }
    let url = Url::parse(&asked).map_err(|_| under())?;
    if is_under(&url, domain) { Ok(url) } else { Err(under()) }
}

/// Whether a URL is the domain's own: its host or a subdomain, http(s), any port, no user part.
pub(crate) fn is_under(url: &Url, domain: &str) -> bool {
    let host_of = |text: &str| Url::parse(text).ok().and_then(|url| url.host_str().map(str::to_owned));
    let own = if domain.contains("://") { host_of(domain) } else { host_of(&format!("https://{domain}")) };
    let (Some(own), Some(host)) = (own, url.host_str()) else { return false };
    let web = matches!(url.scheme(), "http" | "https");
    let no_user = url.username().is_empty() && url.password().is_none();
    let below = host.strip_suffix(own.as_str()).is_some_and(|sub| sub.is_empty() || sub.ends_with('.'));
    web && no_user && below
}

fn found(mut destination: Url, link: &Link<'_>, receipt: Option<Receipt>) -> Response<Page> {
    // Put behind the query as it stands: re-encoding it could change what the page reads.
    let mut query = destination.query().unwrap_or_default().to_owned();
    let mut add = |name: &str, value: &str| {
        if !query.is_empty() && !query.ends_with('&') {
            query.push('&');
        }
        query.push_str(name);
        query.push('=');
        query.push_str(value);
    };
    add("ref", link.code);
    if let Some(receipt) = receipt {
        add("rm_click", &receipt.to_string());
    }
    destination.set_query(Some(&query));
    let mut response = Response::new(Page::default());
    *response.status_mut() = StatusCode::FOUND;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(location) = HeaderValue::from_str(destination.as_str()) {
        headers.insert(header::LOCATION, location);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_companys_own_pages() {
        for (url, domain, wanted) in [
            ("https://acme.com/a?b=1", "https://acme.com", true),
            ("http://shop.acme.com:8443/", "acme.com", true),
            ("https://ACME.com/", "https://acme.com/store", true),
            ("https://acme.com.evil.example/", "acme.com", false),
            ("https://evilacme.com/", "acme.com", false),
            ("https://acme.com@evil.example/", "acme.com", false),
            ("https://user@acme.com/", "acme.com", false),
            ("https://evil.example\\@acme.com/", "acme.com", false),
            ("javascript:alert(1)//acme.com", "acme.com", false),
            ("ftp://acme.com/", "acme.com", false),
        ] {
            assert_eq!(Url::parse(url).is_ok_and(|url| is_under(&url, domain)), wanted, "{url}");
        }
    }
}
