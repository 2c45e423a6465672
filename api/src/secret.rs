//! Random secrets: shown once, kept as SHA-256.

use data_encoding::BASE64URL_NOPAD;
use schemas::catalog::CredentialKind;
use stores::catalog::digest;

/// 256 bits that nobody can guess, as text.
pub(crate) struct Secret {
    pub(crate) text: String,
    pub(crate) digest: [u8; 32],
}

impl Secret {
    /// An API key, for example `sk_live_…`.
    pub(crate) fn key(kind: CredentialKind) -> Result<Secret, getrandom::Error> {
        Secret::with_prefix(kind.prefix())
    }

    /// The token of a magic link.
    pub(crate) fn token() -> Result<Secret, getrandom::Error> {
        Secret::with_prefix("")
    }

    fn with_prefix(prefix: &str) -> Result<Secret, getrandom::Error> {
        let text = format!("{prefix}{}", BASE64URL_NOPAD.encode(&random::<32>()?));
        let digest = digest(&text);
        Ok(Secret { text, digest })
    }
}

/// So many random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_a_prefix_and_43_characters_of_chance() {
        for kind in [CredentialKind::Secret, CredentialKind::Publishable, CredentialKind::Postback] {
            let (one, two) = (Secret::key(kind).unwrap(), Secret::key(kind).unwrap());
            let chance = one.text.strip_prefix(kind.prefix()).unwrap();
            assert_eq!(chance.len(), 43);
            assert!(one.text != two.text && one.digest == digest(&one.text));
        }
    }
}
