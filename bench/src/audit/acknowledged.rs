use std::collections::BTreeMap;

use data_encoding::{BASE64URL_NOPAD, Encoding, Specification};

const RECEIPT_CHARS: usize = 64;
const SIGNATURE_BYTES: usize = 8;

/// What a load was answered: everything that the stores have to hold now.
#[derive(Debug, Default)]
pub(crate) struct Acknowledged {
    /// Of every click that was given a receipt, its [`signature`]. A retry that was given the same receipt stands here again.
    pub(crate) clicks: Vec<u64>,
    /// Orders that were taken and were not said to be there already.
    pub(crate) orders: Vec<Order>,
    /// Refunds that were made.
    pub(crate) refunds: Vec<Refund>,
    pub(crate) told: BTreeMap<Kind, Told>,
    /// What has to become of the clicks that were acknowledged.
    pub(crate) visits: Visits,
}

/// Of acknowledged clicks: what each is counted as if none is counted twice.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Visits {
    /// People's, each event once.
    pub(crate) people: u64,
    pub(crate) bots: u64,
    /// People's events again.
    pub(crate) repeats: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Click,
    Order,
    Refund,
}

/// How events of a kind were answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) sent: u64,
    /// By status, with those in a batch by theirs and 200 for a click that is not tracked. A 409 is none: that event was taken, and
    /// decided to be a duplicate.
    pub(crate) refused: BTreeMap<u16, u64>,
    /// Not answered, or so that it may be kept and may not be: a redirect without a receipt.
    pub(crate) unsure: u64,
}

/// An order as it was sent, and what its answer said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Order {
    /// The [`number`] in its `conv_…`.
    pub(crate) id: u128,
    pub(crate) value_minor: i64,
    /// None where it was not decided yet.
    pub(crate) decided: Option<Decided>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decided {
    pub(crate) attributed: bool,
    pub(crate) commission_minor: i64,
    pub(crate) partner_minor: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refund {
    /// Of what: the [`number`] in its `conv_…`.
    pub(crate) conversion: u128,
    /// Its `refundId`.
    pub(crate) name: String,
}

impl Told {
    /// Of which somebody's counts say what became of them.
    pub(crate) fn taken(&self) -> u64 {
        self.sent.saturating_sub(self.refused.values().sum::<u64>()).saturating_sub(self.unsure)
    }
}

/// A receipt's own signature, over its time, link, visitor, address and event: no two clicks have one alike. None for what is no
/// receipt.
pub(crate) fn signature(receipt: &[u8]) -> Option<u64> {
    // The last twelve characters are the last nine bytes.
    let end = receipt.get(RECEIPT_CHARS - 12..RECEIPT_CHARS).filter(|_| receipt.len() == RECEIPT_CHARS)?;
    let mut bytes = [0; SIGNATURE_BYTES + 1];
    BASE64URL_NOPAD.decode_mut(end, &mut bytes).ok()?;
    Some(u64::from_be_bytes(bytes[1..].try_into().ok()?))
}

/// The number that a conversion's id stands for.
pub(crate) fn number(id: &str) -> Option<u128> {
    let bytes = base32().decode(id.strip_prefix("conv_")?.as_bytes()).ok()?;
    Some(u128::from_be_bytes(bytes.try_into().ok()?))
}

fn base32() -> &'static Encoding {
    static ENCODING: std::sync::LazyLock<Encoding> = std::sync::LazyLock::new(|| {
        let mut spec = Specification::new();
        spec.symbols.push_str("0123456789abcdefghjkmnpqrstvwxyz");
        spec.encoding().expect("32 distinct symbols are an alphabet")
    });
    &ENCODING
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_an_answer_is_what_stores_hold() {
        let mut bytes = [7; 48];
        bytes[40..].copy_from_slice(&0x0123_4567_89ab_cdef_u64.to_be_bytes());
        assert_eq!(signature(BASE64URL_NOPAD.encode(&bytes).as_bytes()), Some(0x0123_4567_89ab_cdef));
        for wrong in ["", "short", &"=".repeat(64), &"A".repeat(65)] {
            assert_eq!(signature(wrong.as_bytes()), None, "{wrong}");
        }
        let id = format!("conv_{}", base32().encode(&(1_u128 << 100 | 5).to_be_bytes()));
        assert_eq!(number(&id), Some(1 << 100 | 5));
        for wrong in ["", "conv_", "conv_u", "cmp_00000000000000000000000001", "conv_0000"] {
            assert_eq!(number(wrong), None, "{wrong}");
        }
    }
}
