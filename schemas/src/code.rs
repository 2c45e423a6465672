//! Affiliate link codes: unique in a deployment, matched without regard to case.

use std::fmt;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// A code as its maker spelled it: `[A-Za-z0-9_-]{3,64}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Code(CompactString);

/// A text that can be no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("takes 3 to 64 of A-Z, a-z, 0-9, _ and -")]
pub struct NotACode;

impl Code {
    pub const MIN_LEN: usize = 3;
    pub const MAX_LEN: usize = 64;

    pub fn parse(text: &str) -> Result<Code, NotACode> {
        let fits = (Self::MIN_LEN..=Self::MAX_LEN).contains(&text.len());
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if fits && plain { Ok(Code(text.into())) } else { Err(NotACode) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The spelling that codes are compared in.
    pub fn folded(&self) -> String {
        self.0.as_str().to_ascii_lowercase()
    }

    /// Where the code's events go, and where it stands in tables: xxh3 of the folded spelling.
    pub fn route(&self) -> u64 {
        let mut folded = [0; Self::MAX_LEN];
        let folded = &mut folded[..self.0.len()];
        folded.copy_from_slice(self.0.as_bytes());
        folded.make_ascii_lowercase();
        xxhash_rust::xxh3::xxh3_64(folded)
    }
}

impl TryFrom<String> for Code {
    type Error = NotACode;

    fn try_from(text: String) -> Result<Self, NotACode> {
        Code::parse(&text)
    }
}

impl From<Code> for String {
    fn from(code: Code) -> String {
        code.0.into()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_plain_and_folded_for_comparison() {
        for wrong in ["", "ab", "a b", "a.b", "a\0b", "caf\u{e9}", &"x".repeat(65)] {
            assert_eq!(Code::parse(wrong), Err(NotACode), "{wrong:?}");
        }
        let (a, b) = (Code::parse("Jane-10_x").unwrap(), Code::parse("jANE-10_X").unwrap());
        assert_eq!((a.folded(), a.route()), (b.folded(), b.route()));
        assert_eq!(a.as_str(), "Jane-10_x");
    }
}
