//! Everything that a batch's decisions may look at, fetched before the first of them.

use std::collections::{BTreeSet, HashMap};

use schemas::{
    catalog::LinkRow,
    conversion::Conversion,
    hashes::{CustomerHash, EmailHash, KeyHash},
    ids::{CompanyId, ConversionId, KeyId, LinkId, PartnerId, ProgramId},
    money::Currency,
    receipt::{Receipt, ReceiptKey},
    terms::Terms,
    time::{DAY_MS, HOUR_MS, TimeMs},
};

use crate::{
    effect::{KeyTaken, Parked},
    touches::{Before, Touch, Touches},
};

/// Absence is a value: what is not in a map was looked for and is not there.
#[derive(Default)]
pub struct Known {
    /// How many partitions the log has; 0 stands for one.
    pub partitions: u32,
    pub receipt_keys: Vec<ReceiptKey>,
    /// Keys of the batch that were revoked, and when.
    pub revoked: HashMap<KeyId, TimeMs>,
    pub links: HashMap<LinkId, LinkRow>,
    pub partners: HashMap<PartnerId, EmailHash>,
    /// All versions of a program's terms, oldest first.
    pub terms: HashMap<ProgramId, Vec<Terms>>,
    pub keys: HashMap<KeyHash, KeyTaken>,
    pub conversions: HashMap<ConversionId, Conversion>,
    /// Those that settles, ticks and identifiers of the batch can wake.
    pub parked: HashMap<ConversionId, Parked>,
    pub idents: HashMap<(CompanyId, Ident), IdentRecord>,
    /// Customers that used a click before.
    pub click_customers: HashMap<ClickName, BTreeSet<u128>>,
    pub link_sales: HashMap<LinkId, LinkSales>,
    /// The company's last sales, oldest first, at most [`RECENT_VALUES`].
    pub recent_values: HashMap<(CompanyId, Currency), Vec<i64>>,
    /// What is spent of each program's budget.
    pub budgets: HashMap<(ProgramId, Currency), i64>,
    /// Conversions of links that have late clicks in this batch, unattributed or parked, which such a click could win.
    pub awaiting: HashMap<LinkId, Vec<Awaiting>>,
    /// For each conversion that a `settle` of the batch names what facts hold of its code's link. The one map whose gaps are no
    /// values: where facts do not hold all before a settle's `facts_up_to`, or can't be asked, nothing is decided by it.
    pub fact_clicks: HashMap<ConversionId, FactTouches>,
    /// For ticks: conversions whose hold is over, and parked ones whose time has passed, by id.
    pub due: Vec<ConversionId>,
    /// The owner's touches.
    pub touches: Touches,
    /// What they were before the batch, where somebody may want that back.
    pub before: Option<Before>,
}

/// How many of a company's last sales the median is taken of.
pub const RECENT_VALUES: usize = 100;

/// The counted clicks that facts hold of a link.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FactTouches {
    /// They are all that there were before this offset.
    pub up_to: u64,
    pub clicks: Vec<Touch>,
}

/// By what a company knows a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ident {
    Customer(CustomerHash),
    Email(EmailHash),
}

/// What is known of a customer by one identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IdentRecord {
    /// Who was first credited with this customer, through which link, and when.
    pub bound: Option<Bound>,
    pub customer: Option<CustomerHash>,
    pub email: Option<EmailHash>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    pub partner: PartnerId,
    pub link: LinkId,
    pub at: TimeMs,
}

/// Names a click whichever of its receipts is brought back: its link and its event id's hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClickName {
    pub link: LinkId,
    pub event_id_hash: u64,
}

impl From<&Receipt> for ClickName {
    fn from(receipt: &Receipt) -> ClickName {
        let fields = receipt.fields();
        ClickName { link: fields.link, event_id_hash: fields.event_id_hash }
    }
}

/// A link's sales in buckets of [`LinkSales::BUCKET_MS`], newest last, none older than 7 days and an hour.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkSales {
    /// Bucket number (time / bucket length) and count, ascending.
    pub buckets: Vec<(i64, u32)>,
}

impl LinkSales {
    pub const BUCKET_MS: i64 = 10 * schemas::time::MINUTE_MS;
    /// How far behind the newest bucket the oldest is: 7 days and an hour.
    pub const KEPT: i64 = (7 * DAY_MS + HOUR_MS) / LinkSales::BUCKET_MS;

    pub fn count(&mut self, at: TimeMs) {
        let bucket = LinkSales::bucket_of(at);
        match self.buckets.binary_search_by_key(&bucket, |(number, _)| *number) {
            Ok(found) => self.buckets[found].1 = self.buckets[found].1.saturating_add(1),
            Err(place) => self.buckets.insert(place, (bucket, 1)),
        }
        let newest = self.buckets.last().map_or(bucket, |(number, _)| *number);
        self.buckets.retain(|(number, _)| newest - number <= LinkSales::KEPT);
    }

    /// Sales in the buckets from `first` to before `end`.
    pub fn between(&self, first: i64, end: i64) -> u64 {
        let within = self.buckets.iter().filter(|(number, _)| (first..end).contains(number));
        within.map(|(_, count)| u64::from(*count)).sum()
    }

    pub fn bucket_of(at: TimeMs) -> i64 {
        at.0.div_euclid(LinkSales::BUCKET_MS)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Awaiting {
    pub company: CompanyId,
    pub conversion: ConversionId,
    pub at: TimeMs,
}
