//! What was sent and what was answered: with what the stream says, nothing else decides what has to be there.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::drive::Account;
use crate::stream::Stream;

/// A stream and what became of it at the door.
pub(crate) struct Run {
    pub(crate) stream: Rc<Stream>,
    pub(crate) accounts: Vec<Account>,
    pub(crate) journal: Journal,
}

#[derive(Default)]
pub(crate) struct Journal {
    /// By landing page.
    pub(crate) clicks: BTreeMap<String, Sent>,
    /// By order id, repeats included.
    pub(crate) orders: BTreeMap<String, Sent>,
    /// By refund id, repeats included.
    pub(crate) refunds: BTreeMap<String, Sent>,
    /// By order id.
    pub(crate) reviews: BTreeMap<String, Sent>,
    /// Answers that were not right when they came.
    pub(crate) wrong: Vec<String>,
    /// What was not taken yet, and what was said to it last.
    pub(crate) waiting: BTreeMap<String, String>,
    pub(crate) requests: usize,
    pub(crate) unanswered: usize,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) lane: usize,
    /// Requests, answered or not.
    pub(crate) tries: usize,
    /// Those that were answered with a 2xx.
    pub(crate) acknowledged: usize,
    /// An answer said what became of it, or that it was there before.
    pub(crate) decided: bool,
    /// Click ids that were given out.
    pub(crate) receipts: Vec<String>,
    /// The one id that all answers named.
    pub(crate) conversion: Option<String>,
}

impl Journal {
    pub(crate) fn wrong(&mut self, what: impl Into<String>) {
        self.wrong.push(what.into());
    }

    /// An answer named this conversion; all of an order must name the same.
    pub(crate) fn named(&mut self, order: &str, conversion: &str) {
        let sent = self.orders.entry(order.to_owned()).or_default();
        let first = sent.conversion.get_or_insert_with(|| conversion.to_owned());
        if first != conversion {
            let said = format!("{order} is {first} and {conversion}");
            self.wrong.push(said);
        }
    }
}

impl std::fmt::Display for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (clicks, orders, refunds) = (self.clicks.len(), self.orders.len(), self.refunds.len());
        let (requests, unanswered) = (self.requests, self.unanswered);
        write!(f, "{clicks} clicks, {orders} orders, {refunds} refunds in {requests} requests, {unanswered} unanswered")
    }
}
