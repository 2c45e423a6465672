//! What a decision does, as data. The processor commits it; [`crate::Known`] takes it in for the batch's next event.

use schemas::{
    accounts::Transfer,
    conversion::{Conversion, RefundApplied},
    decision::{Decision, EventKind, Outcome},
    event::{Event, Logged, Settle},
    facts::Fact,
    hashes::{AddressHash, KeyHash},
    ids::{CompanyId, ConversionId, EventId, LinkId, Position, ProgramId},
    money::Currency,
    time::{Day, TimeMs},
};

use crate::{
    known::{ClickName, Ident, IdentRecord},
    touches::{SeenId, Touch},
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Moves a count of `/companies/outcomes`; the day is that of the event's first append.
    Count {
        company: CompanyId,
        kind: EventKind,
        outcome: Outcome,
        day: Day,
        by: i64,
    },
    /// A click found a copy (`outcome` None), a duplicate or refused: what facts and touches need to be made again.
    ExceptClick {
        position: Position,
        outcome: Option<Outcome>,
    },
    /// The key names this conversion (or refund) for good.
    TakeKey {
        key: KeyHash,
        taken: KeyTaken,
    },
    /// Its conversion was refused after all: the key is free again.
    FreeKey {
        key: KeyHash,
    },
    /// The conversion as it is now, whole.
    PutConversion(Box<Conversion>),
    PutRefund(RefundApplied),
    /// Of a conversion that was put, by this batch or before.
    Post(Transfer),
    /// What the company knows of a customer by one identifier, whole.
    PutIdent {
        company: CompanyId,
        ident: Ident,
        record: IdentRecord,
    },
    /// A customer used a click.
    UseClick {
        click: ClickName,
        customer: u128,
    },
    /// A sale of the link, for its velocity.
    CountSale {
        link: LinkId,
        at: TimeMs,
    },
    /// A sale's value, for the company's median.
    NoteValue {
        company: CompanyId,
        currency: Currency,
        amount_minor: i64,
    },
    /// The row of one that waits, whole.
    Park(Box<Parked>),
    /// It waits for nothing any more: its row goes, and what [`Effect::Await`] noted of it.
    Unpark {
        conversion: ConversionId,
    },
    /// A late click that this conversion could win: settle it once facts hold the click.
    NoteLate {
        company: CompanyId,
        conversion: ConversionId,
        click: Position,
    },
    /// Its notes of clicks before here have been looked at.
    ClearLate {
        conversion: ConversionId,
        facts_up_to: u64,
    },
    /// To be appended to this partition's log.
    AppendSettle {
        partition: u32,
        settle: Settle,
    },
    /// The event is another partition's to decide: to be appended there before this batch commits.
    Forward {
        partition: u32,
        event: Box<Event>,
    },
    /// What a commission takes of its program's budget, or gives back below zero.
    Spend {
        program: ProgramId,
        currency: Currency,
        amount_minor: i64,
    },
    /// A counted click, for attribution; `address_before` is what its address was hashed to yesterday.
    Remember {
        link: LinkId,
        touch: Touch,
        address_before: Option<AddressHash>,
    },
    /// An event id that must not count twice.
    See {
        id: SeenId,
        position: Position,
        at: TimeMs,
    },
    /// A sale of the link at this time is unattributed or parked: a click that comes later in the log could win it.
    Await {
        company: CompanyId,
        link: LinkId,
        conversion: ConversionId,
        at: TimeMs,
    },
    /// What facts take of a conversion. Those of clicks are no effects: [`crate::replay::click_fact`] makes them of their records.
    Record(Fact),
    Reply(Decision),
}

/// What a key was taken by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyTaken {
    pub company: CompanyId,
    pub conversion: ConversionId,
    pub event: EventId,
    pub body_hash: u128,
}

/// A conversion that waits, with the event as the log took it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    pub logged: Logged,
    pub company: CompanyId,
    pub conversion: ConversionId,
    pub link: Option<LinkId>,
    /// The conversion's own time.
    pub at: TimeMs,
    pub until: ParkedUntil,
    /// Identifiers that a lead could be found by.
    pub idents: Vec<Ident>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParkedUntil {
    /// Facts hold all of the partition's log before this offset.
    FactsHold { offset: u64 },
    /// Its lead arrives, or this time passes.
    Lead { expires_at: TimeMs },
    /// It is decided, and unattributed; the event is kept for a click that comes late and could win it.
    LateClick,
}
