use std::collections::HashMap;

use schemas::{
    catalog::{CatalogChange, ChangeNo, LinkRow, PartnerRow},
    ids::{KeyId, LinkId, PartnerId, ProgramId},
    terms::Terms,
    time::TimeMs,
};

/// Whole rows, each as it is now, in the order of their newest change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    pub rows: Vec<CatalogChange>,
    /// Ask for what comes after this next.
    pub up_to: ChangeNo,
}

/// Where a full load goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadFrom {
    pub(crate) kind: ChangeKind,
    pub(crate) id: i64,
}

/// A part of a full load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadPage {
    pub rows: Vec<CatalogChange>,
    /// None: that was all.
    pub next: Option<LoadFrom>,
    /// Rows are at least as new as this. Follow from the first page's number.
    pub current_to: ChangeNo,
}

/// What edges follow, in the order of a full load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i64)]
pub(crate) enum ChangeKind {
    Company = 1,
    Credential = 2,
    Link = 3,
}

impl LoadFrom {
    pub(crate) const START: LoadFrom = LoadFrom { kind: ChangeKind::Company, id: i64::MIN };

    /// Where to go on after `found`, of which `wanted` were asked for.
    pub(crate) fn following(self, found: &[CatalogChange], wanted: usize) -> Option<LoadFrom> {
        let last = match found.last() {
            Some(CatalogChange::Company(row)) => Some(row.id.0),
            Some(CatalogChange::Key(row)) => Some(row.id.0),
            Some(CatalogChange::Link(row)) => Some(row.id.0),
            None => None,
        };
        let more = last.filter(|_| found.len() == wanted).and_then(|last| last.cast_signed().checked_add(1));
        let next_kind = match self.kind {
            ChangeKind::Company => Some(ChangeKind::Credential),
            ChangeKind::Credential => Some(ChangeKind::Link),
            ChangeKind::Link => None,
        };
        match more {
            Some(id) => Some(LoadFrom { kind: self.kind, id }),
            None => next_kind.map(|kind| LoadFrom { kind, id: i64::MIN }),
        }
    }
}

impl ChangeKind {
    /// By its number in the catalog.
    pub(crate) fn of(number: i64) -> Option<ChangeKind> {
        [ChangeKind::Company, ChangeKind::Credential, ChangeKind::Link].into_iter().find(|kind| *kind as i64 == number)
    }
}

/// What a batch's decisions ask of the catalog. The programs and partners of the links come with them.
#[derive(Debug, Clone, Default)]
pub struct DecisionKeys {
    pub links: Vec<LinkId>,
    pub programs: Vec<ProgramId>,
    pub partners: Vec<PartnerId>,
    pub keys: Vec<KeyId>,
}

/// What is not in here is not in the catalog.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DecisionRows {
    pub links: Vec<LinkRow>,
    /// All versions, oldest first.
    pub terms: HashMap<ProgramId, Vec<Terms>>,
    pub partners: Vec<PartnerRow>,
    pub revoked: HashMap<KeyId, TimeMs>,
}
