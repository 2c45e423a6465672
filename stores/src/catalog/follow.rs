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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i64)]
pub(crate) enum ChangeKind {
    Company = 1,
    Credential = 2,
    Link = 3,
}

impl LoadFrom {
    pub(crate) const START: LoadFrom = LoadFrom { kind: ChangeKind::Company, id: i64::MIN };
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
