//! Ids as types of their own. On the outside each is a prefix and lower-case base32 (`cmp_…`), inside an integer.

use std::{fmt, str::FromStr};

use data_encoding::{Encoding, Specification};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use xxhash_rust::xxh3::xxh3_64;

/// A text that is no id of the kind asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {prefix}…")]
pub struct NotAnId {
    pub prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $int:ty, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $int);

        impl $name {
            pub const PREFIX: &'static str = $prefix;
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($prefix)?;
                f.write_str(&base32().encode(&self.0.to_be_bytes()))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let wrong = NotAnId { prefix: $prefix };
                let bytes = base32().decode(text.strip_prefix($prefix).ok_or(wrong)?.as_bytes()).map_err(|_| wrong)?;
                Ok(Self(<$int>::from_be_bytes(bytes.try_into().map_err(|_| wrong)?)))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(/** A tenant. */ CompanyId, u64, "cmp_");
id!(/** Terms under a company. */ ProgramId, u64, "prg_");
id!(/** An affiliate, one a folded e-mail, whatever companies it works with. */ PartnerId, u64, "aff_");
id!(/** A code with its program, partner and destination. */ LinkId, u64, "lnk_");
id!(/** A credential of a company. */ KeyId, u64, "key_");
id!(/** One accepted event, kept through retry, spool and forwarding. */ EventId, u128, "evt_");
id!(/** A decided lead or sale. Made by [`crate::hashes::IdKey::conversion_id`]. */ ConversionId, u128, "conv_");
id!(/** One row of the ledger, derived from its cause. */ TransferId, u128, "trf_");

impl LinkId {
    /// xxh3 of the link and a number on it, the same for good: what is saved is found again by it.
    pub fn hash_with(self, number: u64) -> u64 {
        xxh3_64([self.0.to_be_bytes(), number.to_be_bytes()].as_flattened())
    }
}

/// Where a record stands in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    pub partition: u32,
    pub offset: u64,
}

fn base32() -> &'static Encoding {
    static ENCODING: std::sync::LazyLock<Encoding> = std::sync::LazyLock::new(|| {
        let mut spec = Specification::new();
        spec.symbols.push_str("0123456789abcdefghjkmnpqrstvwxyz");
        spec.check_trailing_bits = true;
        spec.encoding().expect("32 distinct ASCII symbols are a base32 alphabet")
    });
    &ENCODING
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_link_and_a_number_are_saved_under_stays() {
        assert_eq!(LinkId(1).hash_with(2), 14_160_562_377_131_761_837);
        assert_ne!(LinkId(1).hash_with(2), LinkId(2).hash_with(1));
    }

    #[test]
    fn ids_round_trip_and_refuse_everything_else() {
        let id = CompanyId(0x0123_4567_89ab_cdef);
        assert_eq!(id.to_string().len(), "cmp_".len() + 13);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(ConversionId(u128::MAX).to_string().parse(), Ok(ConversionId(u128::MAX)));
        for wrong in [
            "",
            "cmp_",
            "cmp_nothing",
            "aff_0000000000000",
            "cmp_000000000000",
            "cmp_000000000000z",
            "cmp_000000000000\u{e9}",
        ] {
            assert_eq!(wrong.parse::<CompanyId>(), Err(NotAnId { prefix: "cmp_" }), "{wrong}");
        }
    }
}
