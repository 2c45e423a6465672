//! What goes onto the log. Everything that changes money or a count is one of these, and one reader decides it.

use compact_str::CompactString;

use crate::{
    hashes::{AddressHash, CustomerHash, EmailHash, KeyHash},
    ids::{CompanyId, ConversionId, EventId, KeyId, LinkId, PartnerId, Position, ProgramId},
    money::Currency,
    receipt::Receipt,
    time::TimeMs,
    web::{Device, Page, Utm},
};

/// An accepted event as its edge stamped it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub id: EventId,
    pub stamped_at: TimeMs,
    /// A restarted edge may have sent this record before.
    pub resent: bool,
    /// The reply partition of the edge that waits for the decision.
    pub reply_to: Option<u32>,
    /// The credential that brought it: what was revoked before is refused.
    pub key: Option<KeyId>,
    /// When another partition's log took it first, where it was forwarded.
    pub first_appended_at: Option<TimeMs>,
    pub body: Body,
}

/// An event where the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    pub position: Position,
    /// The log's append time; never falls from one record to the next.
    pub appended_at: TimeMs,
    pub event: Event,
}

impl Logged {
    /// The time that decides: the first append, wherever it was.
    pub fn taken_at(&self) -> TimeMs {
        self.event.first_appended_at.unwrap_or(self.appended_at)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    Click(Box<Click>),
    Lead(Box<Claim>),
    Sale(Box<Sale>),
    Refund(Box<Refund>),
    Review(Review),
    Settle(Settle),
    EdgeCounts(EdgeCounts),
    /// Lets time pass: what is due at the record's append time matures or expires.
    Tick,
}

impl Body {
    pub fn company(&self) -> Option<CompanyId> {
        match self {
            Body::Click(click) => Some(click.company),
            Body::Lead(claim) => Some(claim.company),
            Body::Sale(sale) => Some(sale.claim.company),
            Body::Refund(refund) => Some(refund.company),
            Body::Review(review) => Some(review.company),
            Body::Settle(settle) => Some(settle.company),
            Body::EdgeCounts(_) | Body::Tick => None,
        }
    }
}

/// A visit by way of a link. Its receipt holds time, link, visitor, kind of visit and the event id's hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Click {
    pub company: CompanyId,
    pub program: ProgramId,
    pub partner: PartnerId,
    /// Folded.
    pub code: CompactString,
    pub receipt: Receipt,
    pub address: AddressHash,
    /// The same address under yesterday's key, in the hour after midnight.
    pub address_before: Option<AddressHash>,
    pub landing: Page,
    pub referrer_host: Option<CompactString>,
    pub utm: Utm,
    pub device: Device,
}

/// Which product's API brought an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    Refuel,
    Refairn,
    Reflio,
    Refport,
    Reditus,
}

/// What a lead and a sale have in common: who is said to have referred whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub company: CompanyId,
    pub dialect: Dialect,
    pub conversion: ConversionId,
    /// All its names, the one that gave the id first.
    pub keys: Vec<KeyHash>,
    /// Order id or lead's name as people see it, masked.
    pub label: String,
    /// Where no link names it.
    pub program: Option<ProgramId>,
    /// The link of the code that the caller gave.
    pub code_link: Option<LinkId>,
    pub receipt: Option<Receipt>,
    pub customer: Option<CustomerHash>,
    pub email: Option<EmailHash>,
    pub disposable_email: bool,
    pub occurred_at: Option<TimeMs>,
    /// Hash of what the caller sent, so that the same key with another body is told from a retry.
    pub body_hash: u128,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    pub claim: Claim,
    pub amount_minor: i64,
    pub currency: Currency,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    pub company: CompanyId,
    pub conversion: ConversionId,
    pub key: KeyHash,
    /// The caller's refund id as people see it, masked.
    pub label: String,
    /// None: all that is left.
    pub amount_minor: Option<i64>,
    /// Masked.
    pub reason: Option<String>,
    pub body_hash: u128,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReviewAction {
    Approve,
    Reject,
    /// Takes back what was approved before.
    ClawBack,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Review {
    pub company: CompanyId,
    pub conversion: ConversionId,
    pub action: ReviewAction,
}

/// Time to decide a conversion that was parked, or that a late click could win.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settle {
    pub company: CompanyId,
    pub conversion: ConversionId,
    /// Facts hold every click of the partition before this offset; only those are looked at.
    pub facts_up_to: u64,
}

/// What an edge refused since it last said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeCounts {
    pub counts: Vec<EdgeCount>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EdgeCount {
    pub company: CompanyId,
    pub kind: crate::decision::EventKind,
    pub refused: u64,
}
