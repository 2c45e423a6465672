use schemas::{
    hashes::{IdKey, PersonKey},
    receipt::ReceiptKey,
    time::{DAY_MS, Day, HOUR_MS, TimeMs},
};

/// How long after midnight addresses are hashed under both days' keys.
pub const BOTH_DAYS_MS: i64 = HOUR_MS;
/// How many days a receipt key signs.
pub const RECEIPT_KEY_SIGNS_DAYS: u32 = 7;
/// How many days after it began to sign a receipt key is destroyed.
pub const RECEIPT_KEY_KEPT_DAYS: u32 = 200;
/// How many days a receipt key is checked after its successor has begun to sign.
pub(crate) const CHECKED_AFTER_DAYS: u32 = RECEIPT_KEY_KEPT_DAYS - RECEIPT_KEY_SIGNS_DAYS;
/// How long before its use a key is there for all to load.
pub const PUBLISHED_AHEAD_MS: i64 = DAY_MS;

/// What the deployment made at its first start and keeps for good.
#[derive(Clone)]
pub struct Secrets {
    pub id_key: IdKey,
    pub person_key: PersonKey,
    pub jwt_key: [u8; 32],
}

/// The key that addresses are hashed under for one UTC day.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DayKey {
    pub day: Day,
    pub secret: [u8; 16],
}

/// The day keys that there are: yesterday's, today's and tomorrow's.
#[derive(Clone, Default)]
pub struct DayKeys {
    pub keys: Vec<DayKey>,
}

/// What an address is hashed under at one moment.
#[derive(Clone, Copy)]
pub struct DayKeysNow {
    pub today: DayKey,
    /// Yesterday's, in the hour after midnight.
    pub before: Option<DayKey>,
}

impl DayKeys {
    /// None where nobody made today's key: see [`super::Catalog::rotate_keys`].
    pub fn at(&self, now: TimeMs) -> Option<DayKeysNow> {
        let of = |day: Day| self.keys.iter().find(|key| key.day == day).copied();
        let day = now.day();
        let early = now.since_ms(day.start()) < BOTH_DAYS_MS;
        let before = if early { of(Day(day.0 - 1)) } else { None };
        Some(DayKeysNow { today: of(day)?, before })
    }
}

#[derive(Clone, Copy)]
pub struct PublishedReceiptKey {
    pub key: ReceiptKey,
    pub published_at: TimeMs,
    pub signs_from: TimeMs,
}

/// The receipt keys that there are, in the order in which they sign.
#[derive(Clone, Default)]
pub struct ReceiptKeys {
    pub keys: Vec<PublishedReceiptKey>,
}

impl ReceiptKeys {
    /// The key to sign with; None where nobody made one yet.
    pub fn signing(&self, now: TimeMs) -> Option<ReceiptKey> {
        let signs = self.keys.iter().rev().find(|key| key.signs_from <= now);
        signs.or(self.keys.first()).map(|key| key.key)
    }

    /// All that receipts are checked against.
    pub fn all(&self) -> Vec<ReceiptKey> {
        self.keys.iter().map(|key| key.key).collect()
    }
}

/// Random material for keys that may be due.
pub struct FreshKeys {
    pub today: [u8; 16],
    pub tomorrow: [u8; 16],
    pub receipt: [u8; 16],
}

/// What a rotation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rotated {
    pub made: u32,
    pub destroyed: u32,
    /// False where a reader was in the way of it: the next rotation tries again.
    pub wiped: bool,
}
