//! What became of an event, and the answer its caller waits for.

use crate::{
    conversion::{HouseStatus, Unattributed},
    ids::{CompanyId, ConversionId, EventId, Position},
    money::Currency,
};

/// What is counted per company and day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum EventKind {
    Click = 1,
    Lead = 2,
    Sale = 3,
    Refund = 4,
    Review = 5,
}

impl EventKind {
    pub const ALL: [EventKind; 5] =
        [EventKind::Click, EventKind::Lead, EventKind::Sale, EventKind::Refund, EventKind::Review];

    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::Click => "click",
            EventKind::Lead => "lead",
            EventKind::Sale => "sale",
            EventKind::Refund => "refund",
            EventKind::Review => "review",
        }
    }
}

/// Every accepted event has exactly one. Clicks: counted, bot, duplicate, refused. Leads and sales: attributed, unattributed,
/// duplicate, refused, parked. Refunds and reviews: applied, duplicate, refused. `EdgeRefused` never reached the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Outcome {
    Counted = 1,
    Bot = 2,
    Duplicate = 3,
    Refused = 4,
    Attributed = 5,
    Unattributed = 6,
    Parked = 7,
    Applied = 8,
    EdgeRefused = 9,
}

impl Outcome {
    pub const ALL: [Outcome; 9] = [
        Outcome::Counted,
        Outcome::Bot,
        Outcome::Duplicate,
        Outcome::Refused,
        Outcome::Attributed,
        Outcome::Unattributed,
        Outcome::Parked,
        Outcome::Applied,
        Outcome::EdgeRefused,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Counted => "counted",
            Outcome::Bot => "bot",
            Outcome::Duplicate => "duplicate",
            Outcome::Refused => "refused",
            Outcome::Attributed => "attributed",
            Outcome::Unattributed => "unattributed",
            Outcome::Parked => "parked",
            Outcome::Applied => "applied",
            Outcome::EdgeRefused => "edge_refused",
        }
    }
}

/// Why the processor refused an event, in precedence order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[repr(u8)]
pub enum Refusal {
    #[error("the key that brought it was revoked before")]
    KeyRevoked = 1,
    #[error("clickId: was not issued here")]
    ReceiptForged = 2,
    #[error("clickId: belongs to another company")]
    ReceiptForeign = 3,
    #[error("no link and no program that it names is known")]
    UnknownLink = 4,
    #[error("no such conversion")]
    UnknownConversion = 5,
    #[error("the conversion is not decided yet")]
    Undecided = 10,
    #[error("the conversion is already resolved")]
    AlreadyResolved = 6,
    #[error("the conversion cannot be reviewed")]
    NotReviewable = 7,
    #[error("amount: is more than is left of the sale")]
    MoreThanLeft = 8,
    #[error("amount: nothing is left of the sale")]
    NothingLeft = 9,
}

impl Refusal {
    pub const ALL: [Refusal; 10] = [
        Refusal::KeyRevoked,
        Refusal::ReceiptForged,
        Refusal::ReceiptForeign,
        Refusal::UnknownLink,
        Refusal::UnknownConversion,
        Refusal::Undecided,
        Refusal::AlreadyResolved,
        Refusal::NotReviewable,
        Refusal::MoreThanLeft,
        Refusal::NothingLeft,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Refusal::KeyRevoked => "key_revoked",
            Refusal::ReceiptForged => "receipt_forged",
            Refusal::ReceiptForeign => "receipt_foreign",
            Refusal::UnknownLink => "unknown_link",
            Refusal::UnknownConversion => "unknown_conversion",
            Refusal::Undecided => "undecided",
            Refusal::AlreadyResolved => "already_resolved",
            Refusal::NotReviewable => "not_reviewable",
            Refusal::MoreThanLeft => "more_than_left",
            Refusal::NothingLeft => "nothing_left",
        }
    }

    pub fn parse(text: &str) -> Option<Refusal> {
        Refusal::ALL.into_iter().find(|refusal| refusal.as_str() == text)
    }
}

/// What the processor publishes of a decided lead, sale, refund or review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The event that was decided; for one that was parked the original, not the `settle`.
    pub event: EventId,
    pub position: Position,
    /// The reply partition that the event named.
    pub reply_to: Option<u32>,
    pub company: CompanyId,
    pub kind: EventKind,
    pub answer: Answer,
}

/// What the caller is told; each dialect renders it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Converted(Converted),
    /// The key was taken before by `first`.
    Duplicate {
        first: ConversionId,
        same_body: bool,
    },
    /// Waits for more; the conversion's id answers until then.
    Parked {
        conversion: ConversionId,
    },
    Refunded {
        conversion: ConversionId,
        refunded_minor: i64,
        commission_minor: i64,
        partner_minor: i64,
        currency: Currency,
    },
    Reviewed {
        conversion: ConversionId,
        status: HouseStatus,
    },
    Refused(Refusal),
}

/// A lead or sale with its commission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    pub conversion: ConversionId,
    /// None: attributed.
    pub unattributed: Option<Unattributed>,
    pub commission_minor: i64,
    pub partner_minor: i64,
    pub currency: Currency,
    pub status: HouseStatus,
    /// Parts per million.
    pub score_ppm: u32,
}
