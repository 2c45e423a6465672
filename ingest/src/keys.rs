//! The keys an edge hashes and signs with, as the catalog publishes them.

use schemas::{
    hashes::{AddressHash, IdKey, PersonKey},
    receipt::ReceiptKey,
    time::TimeMs,
};
use stores::{
    StoreError,
    catalog::{Catalog, DayKey, DayKeys, ReceiptKeys},
};

use crate::address::Address;

#[derive(Clone)]
pub struct EdgeKeys {
    pub ids: IdKey,
    pub persons: PersonKey,
    days: DayKeys,
    receipts: ReceiptKeys,
    /// All of `receipts`, for checking.
    checked_under: Vec<ReceiptKey>,
}

/// An address under today's key and, in the hour after midnight, under yesterday's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressHashes {
    pub today: AddressHash,
    pub before: Option<AddressHash>,
}

impl EdgeKeys {
    pub async fn load(catalog: &Catalog, now: TimeMs) -> Result<EdgeKeys, StoreError> {
        let secrets = catalog.secrets();
        // Both come in one transaction: where there are a day's there are receipts' too.
        let days = catalog.day_keys(now).await?;
        let receipts = catalog.receipt_keys().await?;
        Ok(EdgeKeys {
            ids: secrets.id_key.clone(),
            persons: secrets.person_key.clone(),
            days,
            checked_under: receipts.all(),
            receipts,
        })
    }

    /// With the day keys of `before` that the catalog has lost: a crash empties its table. An edge goes on with what it has until
    /// the next rotation makes them anew, which then count.
    pub(crate) fn with_lost_days_of(mut self, before: &EdgeKeys, now: TimeMs) -> EdgeKeys {
        let is_lost =
            |key: &&DayKey| key.day.0 >= now.day().0 - 1 && self.days.keys.iter().all(|there| there.day != key.day);
        let lost: Vec<DayKey> = before.days.keys.iter().filter(is_lost).copied().collect();
        self.days.keys.extend(lost);
        self
    }

    /// None where the day's key has not been published yet.
    pub fn hash(&self, address: Address, now: TimeMs) -> Option<AddressHashes> {
        let keys = self.days.at(now)?;
        Some(AddressHashes {
            today: AddressHash(address.hash(&keys.today.secret)),
            before: keys.before.map(|key| AddressHash(address.hash(&key.secret))),
        })
    }

    /// The key that receipts are signed with at `now`; None where none has been published yet.
    pub fn signing(&self, now: TimeMs) -> Option<ReceiptKey> {
        self.receipts.signing(now)
    }

    /// Whether clicks can be taken at `now`.
    pub fn are_there(&self, now: TimeMs) -> bool {
        self.days.at(now).is_some() && self.receipts.signing(now).is_some()
    }

    /// Every key under which a receipt may still be genuine.
    pub fn receipts(&self) -> &[ReceiptKey] {
        &self.checked_under
    }
}
