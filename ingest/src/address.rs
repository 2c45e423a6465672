//! Who a request came from, as far as that can be known, and the only form in which it is kept.

use std::hash::Hasher;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use siphasher::sip128::{Hasher128, SipHasher24};

static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Forwarded addresses that are read; a chain of trusted proxies longer than this is no chain.
pub const HOPS_MAX: usize = 32;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("trusted proxies: {entry:?} is no network: write ADDRESS/BITS,ADDRESS/BITS, such as 127.0.0.1/32,::1/128")]
pub struct NotANetwork {
    pub entry: String,
}

/// The networks whose `X-Forwarded-For` is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
}

impl TrustedProxies {
    #[must_use]
    pub fn none() -> Self {
        Self { networks: Vec::new() }
    }

    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }
}

impl From<Vec<IpNet>> for TrustedProxies {
    fn from(networks: Vec<IpNet>) -> Self {
        Self { networks }
    }
}

impl FromStr for TrustedProxies {
    type Err = NotANetwork;

    /// Networks parted by commas, or nothing at all; an address alone is a network of one.
    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        if text.trim().is_empty() {
            return Ok(Self::none());
        }
        let networks = text.split(',').map(str::trim).map(network).collect::<Result<_, _>>()?;
        Ok(Self { networks })
    }
}

/// An address in the form that is hashed: IPv4 mapped into IPv6, IPv6 cut to its /64, because one
/// household has a /64 and can take any address in it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address {
    bytes: [u8; 16],
}

impl Address {
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        let bytes = match address.to_canonical() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).octets(),
        };
        Self { bytes }
    }

    /// SipHash-2-4-128 under a secret key: without the key an address can't be told from its hash,
    /// not even by trying all of IPv4.
    #[must_use]
    pub fn hash(self, key: &[u8; 16]) -> u128 {
        let mut hasher = SipHasher24::new_with_key(key);
        hasher.write(&self.bytes);
        hasher.finish128().as_u128()
    }
}

/// The peer, unless it is a trusted proxy: then the first address from the right of
/// `X-Forwarded-For` that is not. What a proxy can't have written ends the walk.
#[must_use]
pub fn client(peer: IpAddr, headers: &HeaderMap, trusted: &TrustedProxies) -> Address {
    let mut address = peer;
    let entries =
        headers.get_all(&FORWARDED_FOR).iter().rev().flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
    for entry in entries.take(HOPS_MAX) {
        if !trusted.trusts(address) {
            break;
        }
        match forwarded(entry) {
            Some(next) => address = next,
            None => break,
        }
    }
    Address::of(address)
}

fn network(entry: &str) -> Result<IpNet, NotANetwork> {
    entry
        .parse::<IpNet>()
        .or_else(|_| entry.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| NotANetwork { entry: entry.to_owned() })
}

/// An address, bare, in brackets or with a port, as proxies write them.
fn forwarded(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim_matches([' ', '\t']);
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn the_client_is_the_first_untrusted_from_the_right() {
        let trusted = "127.0.0.1/32,::1/128,10.0.0.0/8,fd00::/8".parse().expect("networks");
        let many = vec!["10.0.0.1"; 40].join(",");
        let check = |peer: &str, forwarded: &[&str], want: &str| {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append(&FORWARDED_FOR, HeaderValue::from_bytes(value.as_bytes()).expect("a header value"));
            }
            assert!(
                client(ip(peer), &headers, &trusted) == Address::of(ip(want)),
                "{peer} {forwarded:?}: wanted {want}"
            );
        };
        check("203.0.113.9", &[], "203.0.113.9");
        check("127.0.0.1", &[], "127.0.0.1");
        // forged by a peer that is nobody's proxy
        check("203.0.113.9", &["8.8.8.8"], "203.0.113.9");
        check("203.0.113.9", &["127.0.0.1"], "203.0.113.9");
        check("127.0.0.2", &["8.8.8.8"], "127.0.0.2");
        // through a proxy, the client's own forgery to the left
        check("127.0.0.1", &["198.51.100.7"], "198.51.100.7");
        check("127.0.0.1", &["8.8.8.8, 198.51.100.7"], "198.51.100.7");
        check("127.0.0.1", &["8.8.8.8, 198.51.100.7, 10.1.2.3"], "198.51.100.7");
        check("127.0.0.1", &["8.8.8.8", "198.51.100.7", "10.1.2.3"], "198.51.100.7");
        check("127.0.0.1", &["8.8.8.8,198.51.100.7", "\t10.1.2.3 , fd00::1"], "198.51.100.7");
        check("::1", &["2001:db8::5"], "2001:db8::5");
        check("::ffff:127.0.0.1", &["::ffff:198.51.100.7"], "198.51.100.7");
        // all trusted: the leftmost
        check("127.0.0.1", &["10.0.0.1, 10.0.0.2"], "10.0.0.1");
        // malformed: the last good one
        check("127.0.0.1", &["8.8.8.8, unknown"], "127.0.0.1");
        check("127.0.0.1", &["8.8.8.8, unknown, 10.0.0.2"], "10.0.0.2");
        check("127.0.0.1", &["8.8.8.8, 10.0.0.256, 10.0.0.2"], "10.0.0.2");
        check("127.0.0.1", &[""], "127.0.0.1");
        check("127.0.0.1", &["8.8.8.8,"], "127.0.0.1");
        check("127.0.0.1", &["8.8.8.8, \u{e9}"], "127.0.0.1");
        check("127.0.0.1", &["8.8.8.8", &many], "10.0.0.1");
        // as some proxies write them
        check("127.0.0.1", &["198.51.100.7:4711"], "198.51.100.7");
        check("127.0.0.1", &["[2001:db8::5]:4711"], "2001:db8::5");
        check("127.0.0.1", &["[2001:db8::5]"], "2001:db8::5");
    }

    #[test]
    fn an_address_is_cut_to_what_one_household_has() {
        let same = |a: &str, b: &str| Address::of(ip(a)) == Address::of(ip(b));
        assert!(same("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert!(!same("2001:db8:1:2::1", "2001:db8:1:3::1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
        assert!(!same("::1", "0.0.0.0"));
    }

    #[test]
    fn the_hash_is_siphash_2_4_128_of_the_canonical_bytes() {
        // the 17th of the reference implementation's vectors: key and input 00..0f
        let key: [u8; 16] = std::array::from_fn(|i| i as u8);
        let address = Address { bytes: key };
        let hash = address.hash(&key);
        assert_eq!(format!("{:032x}", hash.swap_bytes()), "6ee2a4ca67b054bbfd3315bf85230577");
        assert_ne!(hash, address.hash(&[0; 16]));
    }

    #[test]
    fn trusted_proxies_are_a_list_of_networks() {
        let parse = |text: &str| text.parse::<TrustedProxies>();
        assert_eq!(parse(""), Ok(TrustedProxies::none()));
        assert!(parse(" 10.0.0.0/8 , ::1").expect("two").trusts(ip("::1")));
        assert!(parse("10.0.0.0/8").expect("one").trusts(ip("::ffff:10.9.9.9")));
        for bad in ["10.0.0.0/33", "localhost", "10.0.0.0/8,", "10.0.0.0/8;::1/128", "::/129"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
