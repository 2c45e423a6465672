use std::collections::BTreeMap;

use schemas::{
    accounts::Account,
    conversion::{Conversion, HouseStatus},
    decision::{EventKind, Outcome},
    event::Settle,
    facts::ConversionChange,
    ids::{CompanyId, PartnerId},
    money::Currency,
    time::Day,
};

/// What the ledger knows of a stretch of log, by offset.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decided {
    pub changes: BTreeMap<u64, Vec<ConversionChange>>,
    /// Clicks that were found a copy (None), a duplicate or refused.
    pub click_exceptions: BTreeMap<u64, Option<Outcome>>,
}

/// A decision that is to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyDue {
    /// Where the batch that made it begins.
    pub batch_from: u64,
    pub reply_to: Option<u32>,
    /// The encoded decision.
    pub record: Vec<u8>,
}

/// A settle that is to be appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettleDue {
    pub number: i64,
    /// To whose log.
    pub partition: u32,
    pub settle: Settle,
}

/// Which conversions a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListedStatus {
    Any,
    Only(HouseStatus),
}

/// Which page of a list, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageOf {
    pub page: u32,
    pub per_page: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversionsPage {
    pub conversions: Vec<Conversion>,
    /// How many there are on all pages.
    pub total: u64,
    /// Whatever the filter.
    pub counts: StatusCounts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatusCounts {
    pub pending: u64,
    pub approved: u64,
    pub rejected: u64,
    /// Not decided yet; in no list.
    pub processing: u64,
}

impl StatusCounts {
    pub fn of(self, status: ListedStatus) -> u64 {
        match status {
            ListedStatus::Any => self.pending + self.approved + self.rejected,
            ListedStatus::Only(HouseStatus::Pending) => self.pending,
            ListedStatus::Only(HouseStatus::Approved) => self.approved,
            ListedStatus::Only(HouseStatus::Rejected) => self.rejected,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    pub account: Account,
    pub currency: Currency,
    /// Credits less debits.
    pub amount_minor: i64,
}

/// What a partner's sales and leads with a company add up to as they stand: attributed and not rejected, less refunds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartnerTotals {
    pub partner: PartnerId,
    pub company: CompanyId,
    pub currency: Currency,
    pub conversions: i64,
    pub commission_minor: i64,
    /// Approved, whether it has matured or not.
    pub approved_commission_minor: i64,
    /// The partner's part of the commission.
    pub partner_minor: i64,
    pub partner_approved_minor: i64,
    /// Approved and not paid.
    pub partner_unpaid_minor: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutcomeCount {
    pub day: Day,
    pub kind: EventKind,
    pub outcome: Outcome,
    pub n: i64,
}

/// One currency's books. All is well where both sums are zero and no account differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Books {
    pub currency: Currency,
    /// Sum of all balances.
    pub balances_minor: i128,
    /// The same from the transfers alone.
    pub recounted_minor: i128,
    /// Accounts whose balance is not what their transfers add up to.
    pub accounts_that_differ: u64,
    pub transfers: u64,
}

/// A company's books in one currency. All is well where debits and credits are the same and no account differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompanyBooks {
    pub currency: Currency,
    pub transfers: u64,
    /// Sum of the balances below zero, as a positive number.
    pub debits_minor: i128,
    /// Sum of the balances above zero.
    pub credits_minor: i128,
    /// Accounts whose balance is not what their transfers add up to.
    pub accounts_that_differ: u64,
}
