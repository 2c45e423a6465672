//! Rows for analysts. A fact holds nothing that the log and the ledger don't, so that facts can be made again from the two.

use compact_str::CompactString;

use crate::{
    decision::{EventKind, Outcome},
    ids::{CompanyId, ConversionId, EventId, LinkId, PartnerId, Position, ProgramId},
    money::Currency,
    receipt::Receipt,
    time::TimeMs,
    web::{Device, Page, Utm},
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    Click(Box<ClickFact>),
    Change(Box<ConversionChange>),
}

/// One click, whatever became of it; copies have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClickFact {
    pub position: Position,
    pub event: EventId,
    pub company: CompanyId,
    pub program: ProgramId,
    pub partner: PartnerId,
    pub link: LinkId,
    /// The click's own time: its edge's stamp, but at most the log's append time.
    pub at: TimeMs,
    pub outcome: Outcome,
    pub receipt: Receipt,
    pub landing: Page,
    pub referrer_host: Option<CompactString>,
    pub utm: Utm,
    pub device: Device,
}

impl ClickFact {
    pub fn source(&self) -> &str {
        source_of(self.utm.source.as_deref(), self.referrer_host.as_deref())
    }
}

/// What brought a visitor: `utmSource`, else the referrer's host, else `direct`.
pub fn source_of<'a>(utm_source: Option<&'a str>, referrer_host: Option<&'a str>) -> &'a str {
    utm_source.or(referrer_host).unwrap_or("direct")
}

/// What one decided event changed of a conversion, as signed differences, so that sums over changes are the present state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversionChange {
    pub position: Position,
    pub event: EventId,
    pub kind: EventKind,
    pub conversion: ConversionId,
    pub company: CompanyId,
    pub program: Option<ProgramId>,
    pub partner: Option<PartnerId>,
    pub link: Option<LinkId>,
    pub currency: Currency,
    /// The conversion's own time: changes of it stand on its day.
    pub at: TimeMs,
    /// When this change was appended.
    pub changed_at: TimeMs,
    /// +1 when it begins to count (attributed and not rejected), -1 when it stops.
    pub conversions: i64,
    /// Sale value that counts, less refunds.
    pub revenue_minor: i64,
    pub commission_minor: i64,
    /// Commission that is approved, whether it has matured or not.
    pub approved_minor: i64,
    pub partner_minor: i64,
    pub partner_approved_minor: i64,
}
