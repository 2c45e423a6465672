use std::collections::{BTreeMap, BTreeSet, HashMap};

use rules::{
    effect::{KeyTaken, Parked},
    known::{Awaiting, ClickName, Ident, IdentRecord, LinkSales},
};
use schemas::{
    conversion::Conversion,
    hashes::KeyHash,
    ids::{CompanyId, ConversionId, LinkId, ProgramId},
    money::Currency,
    time::TimeMs,
};

/// What to look up, in the order of its keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerNeeds {
    pub keys: BTreeSet<KeyHash>,
    pub conversions: BTreeSet<ConversionId>,
    pub parked: BTreeSet<ConversionId>,
    /// Parked conversions that wait for a lead with this identifier.
    pub parked_by_ident: BTreeSet<(CompanyId, Ident)>,
    pub idents: BTreeSet<(CompanyId, Ident)>,
    pub click_customers: BTreeSet<ClickName>,
    /// Links with the earliest time whose sales are looked at.
    pub link_sales: BTreeMap<LinkId, TimeMs>,
    pub recent_values: BTreeSet<(CompanyId, Currency)>,
    pub budgets: BTreeSet<(ProgramId, Currency)>,
    /// Links with the earliest time of a late click: conversions at or after it could be won.
    pub awaiting: BTreeMap<LinkId, TimeMs>,
    pub due: Option<Due>,
}

/// What time has come for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub partition: u32,
    pub at: TimeMs,
    pub limit: usize,
}

/// What was found. What was asked for and is in no map is not there.
#[derive(Debug, Default)]
pub struct LedgerFetched {
    pub keys: HashMap<KeyHash, KeyTaken>,
    /// Those asked for, and those that are due.
    pub conversions: HashMap<ConversionId, Conversion>,
    /// Those asked for by id or identifier, and those that are due.
    pub parked: HashMap<ConversionId, Parked>,
    pub idents: HashMap<(CompanyId, Ident), IdentRecord>,
    pub click_customers: HashMap<ClickName, BTreeSet<u128>>,
    pub link_sales: HashMap<LinkId, LinkSales>,
    pub recent_values: HashMap<(CompanyId, Currency), Vec<i64>>,
    /// What is spent of each.
    pub budgets: HashMap<(ProgramId, Currency), i64>,
    pub awaiting: HashMap<LinkId, Vec<Awaiting>>,
    /// Conversions whose hold is over and parked ones whose time has passed, by id.
    pub due: Vec<ConversionId>,
    /// Of every key, identifier and budget that was asked for.
    pub versions: Versions,
}

/// How often each row that several partitions write had changed when it was looked up. 0: it was not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Versions {
    pub keys: BTreeMap<KeyHash, u64>,
    /// Conversions that are parked under an identifier are part of it.
    pub idents: BTreeMap<(CompanyId, Ident), u64>,
    pub budgets: BTreeMap<(ProgramId, Currency), u64>,
}
