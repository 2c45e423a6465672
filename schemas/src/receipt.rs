//! A click id is a receipt: 48 signed bytes that name the click, so that a conversion which brings it back needs no lookup.
//!
//! version and key id 1 · flags 1 · time in ms 6 · link 8 · visitor 8 · address hash 8 · event-id hash 8 · MAC 8

use std::hash::Hasher;

use data_encoding::BASE64URL_NOPAD;
use siphasher::sip::SipHasher24;
use subtle::ConstantTimeEq;

use crate::{ids::LinkId, time::TimeMs};

pub const RECEIPT_BYTES: usize = 48;
pub const RECEIPT_CHARS: usize = 64;

const SIGNED_BYTES: usize = 40;
const VERSION: u8 = 1;

/// Which of the deployment's receipt keys signed: 6 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiptKeyId(pub u8);

impl ReceiptKeyId {
    pub const COUNT: u8 = 64;
}

#[derive(Clone, Copy)]
pub struct ReceiptKey {
    pub id: ReceiptKeyId,
    pub secret: [u8; 16],
}

/// What kind of client the click came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Visit {
    Person,
    Bot,
    Prefetch,
    Head,
}

impl Visit {
    /// Only people's clicks are counted, remembered and won by.
    pub fn counts(self) -> bool {
        self == Visit::Person
    }
}

/// What a receipt says of its click.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiptFields {
    pub visit: Visit,
    /// The client sent an event id of its own, so that a retry is the same click.
    pub client_event_id: bool,
    pub at: TimeMs,
    pub link: LinkId,
    /// Hash of the fingerprint, 0 for none.
    pub visitor: u64,
    pub address_cut: u64,
    pub event_id_hash: u64,
}

/// A signed click id. Holding one says nothing of whether its MAC is right: see [`Receipt::check`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Receipt([u8; RECEIPT_BYTES]);

/// A text that never was a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a click id")]
pub struct NotAReceipt;

/// What the MAC says under the keys at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptCheck {
    Genuine,
    Forged,
    /// Signed with a key that is not known here (yet).
    UnknownKey,
}

impl Receipt {
    pub fn sign(key: &ReceiptKey, fields: &ReceiptFields) -> Receipt {
        let mut bytes = [0; RECEIPT_BYTES];
        bytes[0] = VERSION << 6 | (key.id.0 & 0x3f);
        bytes[1] = fields.visit as u8 | u8::from(fields.client_event_id) << 2;
        let at = u64::try_from(fields.at.0).unwrap_or(0).to_be_bytes();
        bytes[2..8].copy_from_slice(&at[2..]);
        bytes[8..16].copy_from_slice(&fields.link.0.to_be_bytes());
        bytes[16..24].copy_from_slice(&fields.visitor.to_be_bytes());
        bytes[24..32].copy_from_slice(&fields.address_cut.to_be_bytes());
        bytes[32..40].copy_from_slice(&fields.event_id_hash.to_be_bytes());
        let mac = mac(&key.secret, &bytes[..SIGNED_BYTES]);
        bytes[SIGNED_BYTES..].copy_from_slice(&mac);
        Receipt(bytes)
    }

    /// Adds its text.
    pub fn push_to(&self, text: &mut String) {
        BASE64URL_NOPAD.encode_append(&self.0, text);
    }

    pub fn from_bytes(bytes: [u8; RECEIPT_BYTES]) -> Result<Receipt, NotAReceipt> {
        let known_form = bytes[0] >> 6 == VERSION && bytes[1] & !0b111 == 0;
        if known_form { Ok(Receipt(bytes)) } else { Err(NotAReceipt) }
    }

    pub fn parse(text: &str) -> Result<Receipt, NotAReceipt> {
        if text.len() != RECEIPT_CHARS {
            return Err(NotAReceipt);
        }
        let mut bytes = [0; RECEIPT_BYTES];
        BASE64URL_NOPAD.decode_mut(text.as_bytes(), &mut bytes).map_err(|_| NotAReceipt)?;
        Receipt::from_bytes(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; RECEIPT_BYTES] {
        &self.0
    }

    pub fn key_id(&self) -> ReceiptKeyId {
        ReceiptKeyId(self.0[0] & 0x3f)
    }

    /// Checks the MAC in constant time under the key that the receipt names.
    pub fn check(&self, keys: &[ReceiptKey]) -> ReceiptCheck {
        let Some(key) = keys.iter().find(|key| key.id == self.key_id()) else {
            return ReceiptCheck::UnknownKey;
        };
        let right = mac(&key.secret, &self.0[..SIGNED_BYTES]);
        if right.ct_eq(&self.0[SIGNED_BYTES..]).into() { ReceiptCheck::Genuine } else { ReceiptCheck::Forged }
    }

    pub fn fields(&self) -> ReceiptFields {
        ReceiptFields {
            visit: match self.0[1] & 0b11 {
                0 => Visit::Person,
                1 => Visit::Bot,
                2 => Visit::Prefetch,
                _ => Visit::Head,
            },
            client_event_id: self.0[1] & 0b100 != 0,
            at: TimeMs(i64::try_from(self.u64_at(0) & 0xffff_ffff_ffff).unwrap_or(i64::MAX)),
            link: LinkId(self.u64_at(8)),
            visitor: self.u64_at(16),
            address_cut: self.u64_at(24),
            event_id_hash: self.u64_at(32),
        }
    }

    fn u64_at(&self, start: usize) -> u64 {
        let mut word = [0; 8];
        word.copy_from_slice(&self.0[start..start + 8]);
        u64::from_be_bytes(word)
    }
}

impl std::fmt::Display for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

fn mac(secret: &[u8; 16], signed: &[u8]) -> [u8; 8] {
    let mut hasher = SipHasher24::new_with_key(secret);
    hasher.write(signed);
    hasher.finish().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> ReceiptFields {
        ReceiptFields {
            visit: Visit::Prefetch,
            client_event_id: true,
            at: TimeMs(1_790_000_000_123),
            link: LinkId(u64::MAX - 5),
            visitor: 3,
            address_cut: 4,
            event_id_hash: 5,
        }
    }

    #[test]
    fn a_receipt_tells_its_click() {
        let key = ReceiptKey { id: ReceiptKeyId(63), secret: [9; 16] };
        let text = Receipt::sign(&key, &fields()).to_string();
        assert_eq!(text.len(), RECEIPT_CHARS);
        let back = Receipt::parse(&text).unwrap();
        assert_eq!(
            (back.fields(), back.check(&[key]), back.check(&[])),
            (fields(), ReceiptCheck::Genuine, ReceiptCheck::UnknownKey)
        );
    }

    #[test]
    fn no_bit_can_be_changed() {
        let key = ReceiptKey { id: ReceiptKeyId(1), secret: [9; 16] };
        let genuine = *Receipt::sign(&key, &fields()).as_bytes();
        for bit in 0..RECEIPT_BYTES * 8 {
            let mut bytes = genuine;
            bytes[bit / 8] ^= 1 << (bit % 8);
            let accepted =
                Receipt::from_bytes(bytes).is_ok_and(|changed| changed.check(&[key]) == ReceiptCheck::Genuine);
            assert!(!accepted, "bit {bit}");
        }
    }

    #[test]
    fn other_texts_are_no_receipts() {
        for wrong in ["", "A", &"A".repeat(48), &"A".repeat(64), &"=".repeat(64), &"\u{e9}".repeat(32)] {
            assert_eq!(Receipt::parse(wrong), Err(NotAReceipt), "{wrong}");
        }
    }
}
