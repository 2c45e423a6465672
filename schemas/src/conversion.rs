//! A decided lead or sale as it stands now, and its three independent axes.

use crate::{
    decision::Refusal,
    explanation::Explanation,
    hashes::KeyKind,
    ids::{CompanyId, ConversionId, EventId, LinkId, PartnerId, Position, ProgramId},
    money::Currency,
    terms::SignalName,
    time::TimeMs,
};

/// A lead or sale. Money is what it is worth now, after every refund so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    pub id: ConversionId,
    pub company: CompanyId,
    pub kind: KeyKind,
    pub event: EventId,
    pub position: Position,
    pub program: Option<ProgramId>,
    /// Who is credited; None where nobody is.
    pub partner: Option<PartnerId>,
    /// The link that won, or that was named.
    pub link: Option<LinkId>,
    /// Order id or lead's name as people see it.
    pub label: String,
    pub amount_minor: i64,
    pub currency: Currency,
    pub refunded_minor: i64,
    /// Whose terms were in force, and where the sale stands in dashboards: `occurredAt`, else when the log took it.
    pub occurred_at: TimeMs,
    /// When the log took it.
    pub taken_at: TimeMs,
    pub standing: Standing,
    pub commission_minor: i64,
    pub partner_minor: i64,
    pub platform_minor: i64,
    pub review: ReviewState,
    pub maturity: Maturity,
    pub settlement: Settlement,
    /// Parts per million.
    pub score_ppm: u32,
    /// Signals that fired, strongest first.
    pub signals: Vec<SignalName>,
    pub terms_version: u32,
    /// Hash of what the caller sent.
    pub body_hash: u128,
    pub explanation: Explanation,
}

/// What a lead or sale came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    Attributed,
    Unattributed(Unattributed),
    /// Kept under its id; its keys are free again.
    Refused(Refusal),
    /// Not decided yet.
    Parked,
}

/// Why nobody is credited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Unattributed {
    NoClickInWindow = 1,
    NoEvidence = 2,
    /// Code and click disagree, and the terms ask for both.
    EvidenceDisagrees = 3,
    /// It waited for its customer's lead, and none came.
    NoLead = 4,
}

impl Unattributed {
    pub const ALL: [Unattributed; 4] = [
        Unattributed::NoClickInWindow,
        Unattributed::NoEvidence,
        Unattributed::EvidenceDisagrees,
        Unattributed::NoLead,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Unattributed::NoClickInWindow => "no_click_in_window",
            Unattributed::NoEvidence => "no_evidence",
            Unattributed::EvidenceDisagrees => "evidence_disagrees",
            Unattributed::NoLead => "no_lead",
        }
    }
}

/// First axis: did anybody look at it, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ReviewState {
    AutoApproved = 1,
    Pending = 2,
    Approved = 3,
    Rejected = 4,
}

impl ReviewState {
    pub const ALL: [ReviewState; 4] =
        [ReviewState::AutoApproved, ReviewState::Pending, ReviewState::Approved, ReviewState::Rejected];

    pub fn as_str(self) -> &'static str {
        match self {
            ReviewState::AutoApproved => "auto_approved",
            ReviewState::Pending => "pending_review",
            ReviewState::Approved => "approved",
            ReviewState::Rejected => "rejected",
        }
    }

    pub fn is_approved(self) -> bool {
        matches!(self, ReviewState::AutoApproved | ReviewState::Approved)
    }
}

/// Second axis: is the hold over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Maturity {
    HeldUntil(TimeMs),
    Matured,
}

/// Third axis: was it paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Settlement {
    Unpaid = 1,
    InPayout = 2,
    Paid = 3,
    Reversed = 4,
}

impl Settlement {
    pub const ALL: [Settlement; 4] = [Settlement::Unpaid, Settlement::InPayout, Settlement::Paid, Settlement::Reversed];
}

/// Refuel's one status word for the three axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum HouseStatus {
    Pending = 1,
    Approved = 2,
    Rejected = 3,
}

impl HouseStatus {
    pub const ALL: [HouseStatus; 3] = [HouseStatus::Pending, HouseStatus::Approved, HouseStatus::Rejected];

    pub fn as_str(self) -> &'static str {
        match self {
            HouseStatus::Pending => "pending",
            HouseStatus::Approved => "approved",
            HouseStatus::Rejected => "rejected",
        }
    }

    pub fn parse(text: &str) -> Option<HouseStatus> {
        HouseStatus::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

impl Conversion {
    /// None while it is not decided: the house says `processing`.
    pub fn house_status(&self) -> Option<HouseStatus> {
        match self.standing {
            Standing::Parked => None,
            Standing::Unattributed(_) | Standing::Refused(_) => Some(HouseStatus::Rejected),
            Standing::Attributed => Some(match self.review {
                ReviewState::Pending => HouseStatus::Pending,
                ReviewState::AutoApproved | ReviewState::Approved => HouseStatus::Approved,
                ReviewState::Rejected => HouseStatus::Rejected,
            }),
        }
    }

    /// What refunds have left of the sale, in minor units.
    pub fn left_minor(&self) -> i64 {
        self.amount_minor - self.refunded_minor
    }

    /// Whether the partner's part may be paid out: approved and matured.
    pub fn is_available(&self) -> bool {
        self.review.is_approved() && self.maturity == Maturity::Matured
    }
}

/// A refund that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundApplied {
    pub company: CompanyId,
    pub conversion: ConversionId,
    /// Its id is derived from its key like a conversion's.
    pub id: ConversionId,
    pub event: EventId,
    pub label: String,
    pub amount_minor: i64,
    /// All that was refunded of the sale, this one included.
    pub refunded_minor: i64,
    pub commission_minor: i64,
    pub partner_minor: i64,
    pub reason: Option<String>,
    pub at: TimeMs,
}
