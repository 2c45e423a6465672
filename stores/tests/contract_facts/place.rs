//! Where facts of each shape stand in a test, and what is put into them.

use std::path::Path;

use schemas::{
    decision::{EventKind, Outcome},
    facts::{ClickFact, ConversionChange, Fact},
    ids::{CompanyId, ConversionId, EventId, LinkId, PartnerId, Position, ProgramId},
    money::Currency,
    receipt::{Receipt, ReceiptFields, ReceiptKey, ReceiptKeyId, Visit},
    time::TimeMs,
    web::{Device, Page, Utm},
};
use stores::{
    DeploymentId,
    facts::{Block, Facts, Removal},
};
use tempfile::TempDir;

use crate::database::Database;

/// 2026-11-20T12:00:00Z, a Friday.
pub(crate) const NOON: TimeMs = TimeMs(1_795_176_000_000);

/// Takes out all of a partition from an offset on, for facts of this incarnation to come in its place.
pub(crate) async fn take_out(facts: &Facts, partition: u32, from: u64, incarnation: u32) {
    let mut left = Some(Removal::new(partition, from, incarnation));
    while let Some(removal) = left {
        left = facts.remove(removal).await.unwrap();
    }
}

/// A place for facts of one shape. A new shape names itself here and in `all`.
pub(crate) enum Place {
    Embedded(TempDir),
    Distributed(Database),
}

/// Partitions that a test may write.
const PARTITIONS: u32 = 4;

impl Place {
    pub(crate) fn all() -> Vec<Place> {
        vec![Place::Embedded(tempfile::tempdir().unwrap()), Place::Distributed(Database::new())]
    }

    pub(crate) async fn open(&self) -> Facts {
        match self {
            Place::Embedded(folder) => Facts::open(folder.path(), DeploymentId(1)).unwrap(),
            Place::Distributed(database) => Facts::connect(&database.servers, DeploymentId(1)).await.unwrap(),
        }
    }

    /// What a processor does that ends and comes back.
    pub(crate) async fn reopen(&self, facts: Facts) -> Facts {
        let marked = facts.held().borrow().clone();
        facts.close().await;
        drop(facts);
        let facts = self.open().await;
        for partition in 0..PARTITIONS {
            facts.resume(partition, marked.up_to(partition));
        }
        facts
    }

    /// Where it keeps files of its own.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Place::Embedded(folder) => Some(folder.path()),
            Place::Distributed(_) => None,
        }
    }
}

/// A block of the first partition that ends after the last of its facts.
pub(crate) fn block(from: u64, to: u64, facts: Vec<Fact>) -> Block {
    Block { partition: 0, from, to, incarnation: 1, facts: facts.into() }
}

/// A person's click on link 1 of partner 1 of company 1.
pub(crate) fn click(offset: u64, at: TimeMs) -> ClickFact {
    visited(offset, at, LinkId(1), Visit::Person)
}

pub(crate) fn visited(offset: u64, at: TimeMs, link: LinkId, visit: Visit) -> ClickFact {
    let fields =
        ReceiptFields { visit, client_event_id: false, at, link, visitor: 0, address_cut: 7, event_id_hash: offset };
    ClickFact {
        position: Position { partition: 0, offset },
        event: EventId(u128::from(offset)),
        company: CompanyId(1),
        program: ProgramId(1),
        partner: PartnerId(1),
        link,
        at,
        outcome: if visit.counts() { Outcome::Counted } else { Outcome::Bot },
        receipt: Receipt::sign(&ReceiptKey { id: ReceiptKeyId(0), secret: [7; 16] }, &fields),
        landing: Page { host: "shop.example".into(), path: "/pricing".into() },
        referrer_host: Some("twitter.com".into()),
        utm: Utm::default(),
        device: Device::Desktop,
    }
}

/// An approved sale of `revenue_minor` by way of link 1, a tenth of it commission.
pub(crate) fn sold(offset: u64, at: TimeMs, currency: Currency, revenue_minor: i64) -> ConversionChange {
    let commission_minor = revenue_minor / 10;
    let partner_minor = commission_minor / 5 * 4;
    ConversionChange {
        position: Position { partition: 0, offset },
        event: EventId(u128::from(offset)),
        kind: EventKind::Sale,
        conversion: ConversionId(u128::from(offset)),
        company: CompanyId(1),
        program: Some(ProgramId(1)),
        partner: Some(PartnerId(1)),
        link: Some(LinkId(1)),
        currency,
        at,
        changed_at: at,
        conversions: 1,
        revenue_minor,
        commission_minor,
        approved_minor: commission_minor,
        partner_minor,
        partner_approved_minor: partner_minor,
    }
}

pub(crate) fn clicked(click: ClickFact) -> Fact {
    Fact::Click(Box::new(click))
}

pub(crate) fn changed(change: ConversionChange) -> Fact {
    Fact::Change(Box::new(change))
}
