//! Streams of one kind of step, for those who wait for what it leads to.

use super::{Click, Lane, Order, Shop, Step, Stream, When};

/// Few, so that there are codes of every partition; from 20 sales of a code in an hour on a signal fires, too.
const ORDERS_A_LANE: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Sales that are told when they happen.
    Plain,
    /// Sales that are told after a later click.
    Backdated,
    /// Sales that are won by a click which the log has after them.
    BeforeTheirClick,
}

impl Stream {
    /// At least so many sales of this kind; no two streams of one deployment have the same tag.
    pub(crate) fn of_one_kind(tag: &str, kind: Kind, sales: usize) -> Stream {
        let shop = Shop {
            email: format!("owner-{tag}@example.com"),
            domain: format!("shop-{tag}.example"),
            rate_ppm: 125_000,
        };
        let of_lane = if kind == Kind::BeforeTheirClick { 1 } else { ORDERS_A_LANE };
        let lanes = (0..sales.div_ceil(of_lane)).map(|number| Lane {
            shop: 0,
            code: format!("code-{tag}-{number}"),
            partner_email: format!("partner-{tag}-{number}@example.com"),
            steps: steps(&format!("{tag}-{number}"), kind, of_lane),
        });
        Stream { lanes: lanes.collect(), shops: vec![shop] }
    }
}

fn steps(name: &str, kind: Kind, sales: usize) -> Vec<Step> {
    let when = if kind == Kind::Backdated { When::AfterFirstClick } else { When::Now };
    let click = |number: usize| {
        let (page, event_id) = (format!("/{name}/{number}"), format!("e-{name}-{number}"));
        Step::Click(Click { page, event_id, bot: false, times: 1, late: kind == Kind::BeforeTheirClick })
    };
    let sale = |number: usize| {
        let id = format!("order-{name}-{number}");
        Step::Sale(Order { id, value_minor: 1_000 + 17 * number as i64, when, by_partner: false, customer: None })
    };
    let sales = (0..sales).map(sale);
    match kind {
        Kind::Plain => [click(0)].into_iter().chain(sales).collect(),
        Kind::Backdated => [click(0), click(1)].into_iter().chain(sales).collect(),
        Kind::BeforeTheirClick => sales.chain([click(0)]).collect(),
    }
}

#[test]
fn every_kind_has_its_sales_in_order() {
    let check = |kind, sales, lanes, first: fn(&Step) -> bool| {
        let stream = Stream::of_one_kind("x", kind, sales);
        assert_eq!(stream.lanes.len(), lanes, "{kind:?}");
        assert!(stream.orders().count() >= sales && stream.orders().all(|(_, _, due)| due.attributed), "{kind:?}");
        assert!(stream.lanes.iter().all(|lane| first(&lane.steps[0])), "{kind:?}");
    };
    check(Kind::Plain, 6, 2, |step| matches!(step, Step::Click(_)));
    check(Kind::Backdated, 5, 1, |step| matches!(step, Step::Click(_)));
    check(Kind::BeforeTheirClick, 5, 5, |step| matches!(step, Step::Sale(_)));
}
