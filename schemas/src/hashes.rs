//! Keyed hashes: of what identifies an order, and of what identifies a person. None can be enumerated without its key.

use std::hash::Hasher;

use serde::{Deserialize, Serialize};
use siphasher::{
    sip::SipHasher24,
    sip128::{Hasher128, SipHasher24 as SipHasher128},
};

use crate::ids::{CompanyId, ConversionId};

/// What names a conversion or refund for its caller, hashed with company, kind and type. Unique for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash(pub u128);

/// A folded e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailHash(pub u128);

/// A company's own id of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomerHash(pub u128);

/// An IP address (IPv6 by /64) under the key of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressHash(pub u128);

impl AddressHash {
    /// What of the hash a receipt has room for.
    pub fn cut(self) -> u64 {
        (self.0 >> 64) as u64
    }
}

/// What a key names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    Sale,
    Lead,
    Refund,
}

/// The type of a key: the same text as order and as invoice names two sales. In the order in which a sale's id is taken from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyType {
    Order,
    PaymentIntent,
    Invoice,
    Checkout,
    Caller,
    EventId,
}

const ID_MAC_BITS: u32 = 40;

/// The deployment's key for ids of conversions.
#[derive(Clone)]
pub struct IdKey([u8; 16]);

impl IdKey {
    pub fn new(key: [u8; 16]) -> IdKey {
        IdKey(key)
    }

    pub fn key_hash(&self, company: CompanyId, kind: KeyKind, key_type: KeyType, text: &str) -> KeyHash {
        let mut hasher = SipHasher128::new_with_key(&self.0);
        hasher.write(&company.0.to_be_bytes());
        hasher.write(&[kind as u8, key_type as u8]);
        hasher.write(text.as_bytes());
        KeyHash(hasher.finish128().as_u128())
    }

    /// The id of what `key` names: the same for every copy, whoever derives it.
    pub fn conversion_id(&self, company: CompanyId, key: KeyHash) -> ConversionId {
        let name = key.0 >> ID_MAC_BITS;
        ConversionId(name << ID_MAC_BITS | u128::from(self.id_mac(company, name)))
    }

    /// Whether `id` was derived for `company`, decided or not. An invented id passes once in 2^40.
    pub fn is_of(&self, company: CompanyId, id: ConversionId) -> bool {
        let name = id.0 >> ID_MAC_BITS;
        let mac = (id.0 & ((1 << ID_MAC_BITS) - 1)) as u64;
        mac == self.id_mac(company, name)
    }

    /// Of what a caller sent, so that the same key with other content is told from a retry.
    pub fn body_hash(&self, told: &[u8]) -> u128 {
        let mut hasher = SipHasher128::new_with_key(&self.0);
        hasher.write(told);
        hasher.finish128().as_u128()
    }

    fn id_mac(&self, company: CompanyId, name: u128) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(b"conversion");
        hasher.write(&company.0.to_be_bytes());
        hasher.write(&name.to_be_bytes());
        hasher.finish() >> (64 - ID_MAC_BITS)
    }
}

/// The deployment's key for what identifies a person.
#[derive(Clone)]
pub struct PersonKey([u8; 16]);

impl PersonKey {
    pub fn new(key: [u8; 16]) -> PersonKey {
        PersonKey(key)
    }

    pub fn email(&self, address: &str) -> EmailHash {
        EmailHash(self.hash(b"email", &fold_email(address)))
    }

    pub fn customer(&self, company: CompanyId, id: &str) -> CustomerHash {
        let mut hasher = SipHasher128::new_with_key(&self.0);
        hasher.write(b"customer");
        hasher.write(&company.0.to_be_bytes());
        hasher.write(id.as_bytes());
        CustomerHash(hasher.finish128().as_u128())
    }

    /// A browser's fingerprint; 0 stands for none.
    pub fn visitor(&self, fingerprint: &str) -> u64 {
        (self.hash(b"visitor", fingerprint) as u64).max(1)
    }

    /// A client's own id of an event, which may be anything.
    pub fn event_id(&self, id: &str) -> u64 {
        self.hash(b"event", id) as u64
    }

    /// Short mark that tells two masked texts apart.
    pub(crate) fn mark(&self, text: &str) -> u32 {
        (self.hash(b"mark", text) >> 104) as u32
    }

    fn hash(&self, domain: &[u8], text: &str) -> u128 {
        let mut hasher = SipHasher128::new_with_key(&self.0);
        hasher.write(domain);
        hasher.write(&[0]);
        hasher.write(text.as_bytes());
        hasher.finish128().as_u128()
    }
}

/// The form in which two spellings of an e-mail address are the same.
pub fn fold_email(address: &str) -> String {
    address.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_its_companys_and_nobody_elses() {
        let (key, other) = (IdKey::new([7; 16]), IdKey::new([8; 16]));
        let (mine, theirs) = (CompanyId(1), CompanyId(2));
        let hash = key.key_hash(mine, KeyKind::Sale, KeyType::Order, "order_1");
        let id = key.conversion_id(mine, hash);
        assert_eq!(id, key.conversion_id(mine, key.key_hash(mine, KeyKind::Sale, KeyType::Order, "order_1")));
        assert!(key.is_of(mine, id));
        assert!(!key.is_of(theirs, id) && !other.is_of(mine, id) && !key.is_of(mine, ConversionId(id.0 ^ 1 << 90)));
        let distinct = [
            key.key_hash(mine, KeyKind::Sale, KeyType::Invoice, "order_1"),
            key.key_hash(mine, KeyKind::Refund, KeyType::Order, "order_1"),
            key.key_hash(theirs, KeyKind::Sale, KeyType::Order, "order_1"),
        ];
        assert!(distinct.iter().all(|d| *d != hash));
    }

    #[test]
    fn spellings_of_an_address_are_one_person() {
        let key = PersonKey::new([1; 16]);
        assert_eq!(key.email(" Jane@Example.COM "), key.email("jane@example.com"));
        assert_ne!(key.customer(CompanyId(1), "u1"), key.customer(CompanyId(2), "u1"));
    }
}
