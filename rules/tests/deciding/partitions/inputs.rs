//! What a batch is decided on and not checked at its commit: it is stored with the decisions as their input.

use std::collections::{BTreeSet, HashMap};

use rules::{
    Effect, Known,
    known::{ClickName, LinkSales},
};
use schemas::{
    conversion::Conversion,
    event::Logged,
    ids::{CompanyId, ConversionId, LinkId},
    money::Currency,
};

use crate::store::{Decide, Store};

/// Signals of other partitions' sales, and which conversions were there: only a conversion's own partition changes it, and a
/// refund that comes before its sale is refused.
pub(crate) struct Inputs {
    conversions: HashMap<ConversionId, Conversion>,
    click_customers: HashMap<ClickName, BTreeSet<u128>>,
    link_sales: HashMap<LinkId, LinkSales>,
    recent_values: HashMap<(CompanyId, Currency), Vec<i64>>,
}

impl Inputs {
    pub(crate) fn of(known: &Known) -> Inputs {
        Inputs {
            conversions: known.conversions.clone(),
            click_customers: known.click_customers.clone(),
            link_sales: known.link_sales.clone(),
            recent_values: known.recent_values.clone(),
        }
    }

    /// On these and on everything else as it is now.
    pub(crate) fn decide_again(self, store: &Store, events: &[Logged], decide: Decide) -> Vec<Effect> {
        let Inputs { conversions, click_customers, link_sales, recent_values } = self;
        let mut known = Known { conversions, click_customers, link_sales, recent_values, ..store.fetch(events) };
        events.iter().flat_map(|logged| decide(&mut known, logged)).collect()
    }
}
