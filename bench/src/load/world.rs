//! What a load is made of besides chance: the names that the target gave out, ahead of the measured time.

use std::sync::Arc;

use crate::{aim::Aim, record::Scenario};

use super::day;

/// What is known of a target before anything is sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    /// Codes of links, the most clicked first.
    pub(crate) codes: Arc<[String]>,
    /// The company's secret key, which orders and refunds need.
    pub(crate) key: Option<String>,
    /// Sets the ids of this run apart from all others'.
    pub(crate) run: String,
    /// Where single clicks go, if not to `/track/click`.
    pub(crate) path: Option<String>,
    /// Where refunds go, if not where events go.
    pub(crate) api: Option<Aim>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub(crate) names: Names,
    /// A click's for each order, in the order of the orders.
    pub(crate) receipts: Arc<[Receipt]>,
    /// Orders to be refunded, in the order of the refunds.
    pub(crate) orders: Arc<[Prepared]>,
}

/// A click id as it is sent.
pub(crate) type Receipt = [u8; RECEIPT_CHARS];
pub(crate) const RECEIPT_CHARS: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prepared {
    pub(crate) conversion: String,
    pub(crate) value_minor: u64,
}

/// How many orders and refunds a load of so many requests has in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Needs {
    pub(crate) orders: u64,
    pub(crate) refunds: u64,
}

impl Needs {
    pub(crate) fn of(scenario: Scenario, requests: u64, events_a_request: u32) -> Needs {
        match scenario {
            Scenario::Conversion => Needs { orders: requests * u64::from(events_a_request), refunds: 0 },
            Scenario::Day => {
                let cycles = requests.div_ceil(day::CYCLE);
                Needs { orders: cycles * day::ORDERS, refunds: cycles * day::REFUNDS }
            }
            Scenario::Click | Scenario::Beacon | Scenario::Batch | Scenario::Redirect => {
                Needs { orders: 0, refunds: 0 }
            }
        }
    }
}
