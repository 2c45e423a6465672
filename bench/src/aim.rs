use std::net::SocketAddr;

use anyhow::{Context as _, bail, ensure};
use http::{HeaderValue, Uri};

/// Where requests go.
#[derive(Clone, Debug)]
pub(crate) struct Aim {
    pub(crate) address: SocketAddr,
    pub(crate) host: HeaderValue,
}

impl Aim {
    /// Refuses a host of which any address is another machine's, unless told that this is meant.
    pub(crate) async fn find(url: &str, anywhere: bool) -> anyhow::Result<Aim> {
        let uri: Uri = url.parse().with_context(|| format!("{url} is no URL"))?;
        let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            bail!("{url} is no http:// URL");
        };
        ensure!(matches!(uri.path(), "" | "/"), "{url} names a path: name the edge alone");
        let place = (authority.host().trim_matches(['[', ']']).to_owned(), authority.port_u16().unwrap_or(80));
        let found: Vec<SocketAddr> =
            tokio::net::lookup_host(place).await.with_context(|| format!("{url} was not found"))?.collect();
        let address = *found.first().with_context(|| format!("{url} has no address"))?;
        ensure!(
            anywhere || found.iter().all(|address| address.ip().is_loopback()),
            "{url} is another machine: a load is aimed there only with --anywhere"
        );
        Ok(Aim { address, host: HeaderValue::from_str(authority.as_str())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_load_is_aimed_elsewhere_only_when_told() {
        for (url, anywhere, says) in [
            ("http://127.0.0.1:8080", false, None),
            ("http://127.0.0.9", false, None),
            ("http://[::1]:8080/", false, None),
            ("http://192.0.2.1:8080", false, Some("--anywhere")),
            ("http://[2001:db8::1]:8080", false, Some("--anywhere")),
            ("http://0.0.0.0:8080", false, Some("--anywhere")),
            ("http://192.0.2.1:8080", true, None),
            ("https://127.0.0.1:8080", false, Some("no http://")),
            ("127.0.0.1:8080", false, Some("no")),
            ("http://127.0.0.1:8080/track", false, Some("a path")),
        ] {
            let found = Aim::find(url, anywhere).await.map(|aim| aim.address);
            match says {
                None => assert!(found.is_ok(), "{url}: {found:?}"),
                Some(says) => {
                    let why = found.expect_err(url).to_string();
                    assert!(why.contains(says), "{url}: {why}");
                }
            }
        }
    }
}
