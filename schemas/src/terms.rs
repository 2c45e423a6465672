//! A program's terms: versioned, effective-dated, never changed in place. Those in force at a conversion's time decide it.

use serde::{Deserialize, Serialize};

use crate::{
    ids::ProgramId,
    money::{Currency, Rate},
    time::TimeMs,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    pub program: ProgramId,
    /// From 1, one more a change.
    pub version: u32,
    pub effective_from: TimeMs,
    pub policy: Policy,
    pub commission: Vec<CommissionRule>,
    /// The platform's part of a commission.
    pub platform_fee: Rate,
    /// How long a commission is held before it matures.
    pub hold_days: u32,
    #[serde(default)]
    pub caps: Caps,
    pub fraud: FraudTerms,
}

/// Who is credited, and on what evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Name and version for explanations, for example `refuel/1`.
    pub name: String,
    /// What to try, in this order.
    pub keys: Vec<EvidenceKey>,
    pub selector: Selector,
    /// How old a click may be at the conversion, in days.
    pub window_days: u32,
    /// A typed code counts only with a click of it inside the window.
    pub code_needs_click: bool,
    /// The first partner to win a customer keeps it.
    pub lock_customer: bool,
    /// A sale of an unknown customer without evidence waits this long for its lead; 0: it does not wait.
    pub await_lead_hours: u32,
    pub on_conflict: OnConflict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKey {
    Receipt,
    Code,
    Customer,
}

/// Which of several clicks of a code counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selector {
    Last,
    First,
}

/// Who wins where the code and the receipt name different links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    CodeWins,
    ClickWins,
    BothRequired,
}

/// What earns, and how much. The first rule that fits an event decides it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommissionRule {
    pub on: Trigger,
    /// Only for this product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    pub amount: CommissionAmount,
    /// From how much earned volume on another amount takes this one's place, lowest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurring: Option<Recurring>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    Lead,
    Sale,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommissionAmount {
    Percent(Rate),
    Flat { amount_minor: i64, currency: Currency },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    pub from_minor: i64,
    pub amount: CommissionAmount,
}

/// How long one customer's payments earn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recurring {
    Months(u32),
    Payments(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Caps {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_partner_minor: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_minor: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<TimeMs>,
}

/// Weights and thresholds are terms, so a change of them never touches what was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FraudTerms {
    pub signals: Vec<SignalTerms>,
    /// From this score on a conversion waits for review.
    pub review_from: Rate,
    /// From this score on it is listed first and never approved in bulk.
    pub severe_from: Rate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalTerms {
    pub name: SignalName,
    pub weight: Rate,
    /// In the signal's own unit: clicks, customers, milliseconds, times the median; 0 where it has none.
    pub threshold: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalName {
    OwnEmail,
    DuplicateCustomer,
    BotClick,
    SharedClick,
    VelocityAddress,
    DisposableEmail,
    VelocityCode,
    ValueOutlier,
    TooFast,
}

impl SignalName {
    pub const ALL: [SignalName; 9] = [
        SignalName::OwnEmail,
        SignalName::DuplicateCustomer,
        SignalName::BotClick,
        SignalName::SharedClick,
        SignalName::VelocityAddress,
        SignalName::DisposableEmail,
        SignalName::VelocityCode,
        SignalName::ValueOutlier,
        SignalName::TooFast,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            SignalName::OwnEmail => "own_email",
            SignalName::DuplicateCustomer => "duplicate_customer",
            SignalName::BotClick => "bot_click",
            SignalName::SharedClick => "shared_click",
            SignalName::VelocityAddress => "velocity_address",
            SignalName::DisposableEmail => "disposable_email",
            SignalName::VelocityCode => "velocity_code",
            SignalName::ValueOutlier => "value_outlier",
            SignalName::TooFast => "too_fast",
        }
    }
}
