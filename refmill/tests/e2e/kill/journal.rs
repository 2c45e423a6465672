//! What the load generator sent and what it was told: nothing else decides what has to be there.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::observed::Observed;
use crate::account::Company;
use crate::http::{Reply, Request};
use crate::server::Server;

#[derive(Default)]
pub(super) struct Journal {
    /// By landing page, and whether it was acknowledged.
    pub(super) clicks: BTreeMap<String, Click>,
    /// By order id.
    pub(super) orders: BTreeMap<String, Order>,
    /// Codes of the last round's links.
    pub(super) codes: Vec<String>,
    /// Clicks that were there after the rounds before: of those without an answer nobody else can say.
    pub(super) clicks_before: i64,
    /// Sales and refunds asked again that had been taken: duplicates that the outcomes count.
    pub(super) repeated_sales: i64,
    pub(super) repeated_refunds: i64,
}

pub(super) struct Click {
    pub(super) round: usize,
    pub(super) acknowledged: bool,
}

pub(super) struct Order {
    pub(super) round: usize,
    pub(super) body: Value,
    pub(super) value: i64,
    /// Whether a click counts for it.
    pub(super) attributed: bool,
    /// Its conversion, once somebody said so.
    pub(super) conversion: Option<String>,
    /// Whether the answer was the decision.
    pub(super) decided: bool,
    pub(super) refund: Option<Refund>,
}

#[derive(Clone)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) amount: i64,
    pub(super) acknowledged: bool,
}

impl Journal {
    pub(super) fn sale_answered(&mut self, order: &str, reply: &Reply) {
        assert!(matches!(reply.status, 200 | 202), "{order}: {reply:?}");
        let conversion = reply.data()["conversionId"].as_str().expect("an id").to_owned();
        let order = self.orders.get_mut(order).expect("it was sent");
        order.conversion = Some(conversion);
        order.decided = reply.status == 200;
    }

    pub(super) fn refund_answered(&mut self, order: &str, reply: &Reply) {
        let refund = self.orders.get_mut(order).and_then(|order| order.refund.as_mut()).expect("it was sent");
        // What was taken and not decided in time is asked again.
        assert!(matches!(reply.status, 200 | 503), "{order}: {reply:?}");
        refund.acknowledged = reply.status == 200;
    }

    /// Sends again what was not answered, under the same names.
    pub(super) fn ask_again(&mut self, server: &Server, company: &Company, round: usize) {
        let mut connection = server.connect();
        let mut send = |request: Request| connection.send(&request.key(&company.key)).expect("an answer");
        for order in self.orders.values_mut().filter(|order| order.round == round && order.conversion.is_none()) {
            let reply = send(Request::post("/track/conversion").json(&order.body));
            let id = match reply.status {
                200 | 202 => reply.data()["conversionId"].clone(),
                409 => {
                    self.repeated_sales += 1;
                    assert!(reply.message().contains("same content"), "{reply:?}");
                    reply.json()["error"]["conversionId"].clone()
                }
                _ => panic!("{reply:?}"),
            };
            order.conversion = Some(id.as_str().expect("an id").to_owned());
        }
        for order in self.orders.values_mut().filter(|order| order.round == round) {
            let Some(refund) = order.refund.as_mut().filter(|refund| !refund.acknowledged) else { continue };
            let path = format!("/conversions/{}/refund", order.conversion.as_ref().expect("a sale that was decided"));
            let reply = send(Request::post(path).json(&json!({ "refundId": refund.id, "amount": refund.amount })));
            assert!(matches!(reply.status, 200 | 409), "{reply:?}");
            self.repeated_refunds += i64::from(reply.status == 409);
            refund.acknowledged = true;
        }
    }

    /// What is there and should not be, or should be and is not.
    pub(super) fn differences(&self, seen: &Observed) -> Vec<String> {
        let mut found = Vec::new();
        self.compare_clicks(seen, &mut found);
        self.compare_orders(seen, &mut found);
        let mut say = |what: &str, is: i64, wanted: i64| {
            if is != wanted {
                found.push(format!("{what}: {is}, and the journal says {wanted}"));
            }
        };
        let (owed, fees) = self.recount();
        say("owed to partners", seen.owed, owed);
        say("platform fees", seen.fees, fees);
        say("sales under review", seen.pending, 0);
        let clicks = self.clicks_before + seen.clicks.values().sum::<usize>() as i64;
        say("clicks on the dashboard", seen.dashboard_clicks, clicks);
        say("clicks counted", seen.outcome("click", "counted"), clicks);
        let attributed = self.orders.values().filter(|order| order.attributed).count() as i64;
        say("conversions on the dashboard", seen.dashboard_conversions, attributed);
        say("sales attributed", seen.outcome("sale", "attributed"), attributed);
        say("sales unattributed", seen.outcome("sale", "unattributed"), self.orders.len() as i64 - attributed);
        say("sales parked", seen.outcome("sale", "parked"), 0);
        say("sales repeated", seen.outcome("sale", "duplicate"), self.repeated_sales);
        say("refunds applied", seen.outcome("refund", "applied"), self.refunds().count() as i64);
        say("refunds repeated", seen.outcome("refund", "duplicate"), self.repeated_refunds);
        for (kind, outcome) in
            [("click", "duplicate"), ("click", "refused"), ("sale", "refused"), ("refund", "refused")]
        {
            say(&format!("{kind} {outcome}"), seen.outcome(kind, outcome), 0);
        }
        found
    }

    fn compare_clicks(&self, seen: &Observed, found: &mut Vec<String>) {
        for (page, click) in self.clicks.iter().filter(|(_, click)| click.round == seen.round) {
            let times = seen.clicks.get(page).copied().unwrap_or(0);
            if times > 1 || (times == 0 && click.acknowledged) {
                found
                    .push(format!("the click on {page}, acknowledged: {}, is there {times} times", click.acknowledged));
            }
        }
        found.extend(
            seen.clicks
                .keys()
                .filter(|page| !self.clicks.contains_key(*page))
                .map(|page| format!("nobody sent {page}")),
        );
    }

    fn compare_orders(&self, seen: &Observed, found: &mut Vec<String>) {
        for (id, order) in self.orders.iter().filter(|(_, order)| order.round == seen.round) {
            let wanted = order.shown();
            match seen.orders.get(id).map(Vec::as_slice) {
                Some([one]) if *one == wanted => {}
                other => found.push(format!("{id} is {other:?}, and the journal says {wanted:?}")),
            }
        }
        found.extend(
            seen.orders.keys().filter(|id| !self.orders.contains_key(*id)).map(|id| format!("nobody sent {id}")),
        );
    }

    fn refunds(&self) -> impl Iterator<Item = &Refund> {
        self.orders.values().filter_map(|order| order.refund.as_ref())
    }

    /// What partners and the platform have earned by all orders, worked out from what was sent alone.
    fn recount(&self) -> (i64, i64) {
        let parts = self.orders.values().map(|order| split(order.commission()));
        parts.fold((0, 0), |(owed, fees), (partner, platform)| (owed + partner, fees + platform))
    }
}

/// An order in a list: conversion, value, commission.
pub(super) type Shown = (String, i64, i64);

impl Order {
    /// A tenth of what refunds have left of it, half up.
    fn commission(&self) -> i64 {
        let left = self.value - self.refund.as_ref().map_or(0, |refund| refund.amount);
        if self.attributed { (left + 5) / 10 } else { 0 }
    }

    fn shown(&self) -> Shown {
        (self.conversion.clone().unwrap_or_default(), self.value, self.commission())
    }
}

/// 80 % to the partner; of what is left over the larger fraction takes it.
fn split(commission: i64) -> (i64, i64) {
    let partner = (commission * 8 + 5) / 10;
    (partner, commission - partner)
}

impl std::fmt::Display for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let acknowledged = self.clicks.values().filter(|click| click.acknowledged).count();
        let (clicks, orders, again) = (self.clicks.len(), self.orders.len(), self.repeated_sales);
        write!(
            f,
            "{acknowledged} of {clicks} clicks acknowledged, {orders} orders, {again} of them taken without an answer"
        )
    }
}

#[test]
fn a_tenth_and_four_fifths_of_it() {
    let check = |value: i64, refunded: i64, wanted: (i64, i64, i64)| {
        let refund = Refund { id: String::new(), amount: refunded, acknowledged: true };
        let order = Order {
            round: 0,
            body: Value::Null,
            value,
            attributed: true,
            conversion: None,
            decided: true,
            refund: Some(refund),
        };
        let (partner, platform) = split(order.commission());
        assert_eq!((order.commission(), partner, platform), wanted, "{value} less {refunded}");
    };
    check(9999, 0, (1000, 800, 200));
    check(10_000, 3333, (667, 534, 133));
    check(10_000, 6666, (333, 266, 67));
    check(15, 0, (2, 2, 0));
    check(500, 500, (0, 0, 0));
}
