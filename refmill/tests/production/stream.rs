//! What is sent: made from a seed, with answers that are known beforehand however the lanes mix in the log.
//!
//! A lane is a link of a company with all that happens to it, one after the other. Lanes run side by side. Whether a sale
//! is attributed depends on its own lane alone, and no signal but those that a lane provokes can put it under review.

mod make;
mod single;

use schemas::code::Code;
pub(crate) use single::Kind;

pub(crate) struct Stream {
    pub(crate) shops: Vec<Shop>,
    pub(crate) lanes: Vec<Lane>,
}

/// A company to be registered.
pub(crate) struct Shop {
    pub(crate) email: String,
    pub(crate) domain: String,
    /// What a million minor units of sales earn.
    pub(crate) rate_ppm: i64,
}

pub(crate) struct Lane {
    pub(crate) shop: usize,
    pub(crate) code: String,
    pub(crate) partner_email: String,
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Click(Click),
    Sale(Order),
    /// The order once more, with the same body or another.
    SaleAgain {
        order: String,
        same_body: bool,
    },
    Refund {
        order: String,
        refund: Refund,
    },
    RefundAgain {
        order: String,
        refund: Refund,
    },
    Review {
        order: String,
        approve: bool,
    },
}

/// Sent `times` times under one event id: it counts once.
#[derive(Clone, Debug)]
pub(crate) struct Click {
    pub(crate) page: String,
    pub(crate) event_id: String,
    pub(crate) bot: bool,
    pub(crate) times: usize,
    /// Through an edge with a slow way to the log: the sale before it comes there first.
    pub(crate) late: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) value_minor: i64,
    pub(crate) when: When,
    /// The partner buys from itself: that is looked at by a person.
    pub(crate) by_partner: bool,
    pub(crate) customer: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Now,
    /// Told late: it happened after the lane's first click.
    AfterFirstClick,
    /// Told late: it happened before anybody clicked.
    BeforeAllClicks,
}

#[derive(Clone, Debug)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) amount_minor: i64,
    /// All refunds of the sale so far, this one included.
    pub(crate) so_far_minor: i64,
}

/// What an order comes to in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) attributed: bool,
    pub(crate) value_minor: i64,
    pub(crate) refunded_minor: i64,
    pub(crate) review: Review,
    pub(crate) rate_ppm: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Review {
    NotNeeded,
    Pending,
    Approved,
    Rejected,
}

impl Stream {
    pub(crate) fn new(seed: u64, lanes: usize, steps: usize) -> Stream {
        make::stream(seed, lanes, steps)
    }

    /// Every order with its lane and what it comes to.
    pub(crate) fn orders(&self) -> impl Iterator<Item = (usize, &Order, Due)> {
        self.lanes.iter().enumerate().flat_map(|(number, lane)| {
            let rate_ppm = self.shops[lane.shop].rate_ppm;
            lane.orders().map(move |order| (number, order, lane.due(order, rate_ppm)))
        })
    }

    pub(crate) fn count(&self, wanted: impl Fn(&Step) -> bool) -> usize {
        self.lanes.iter().flat_map(|lane| &lane.steps).filter(|step| wanted(step)).count()
    }
}

impl Lane {
    /// Whether a person clicks on it: the first step, if any does.
    pub(crate) fn is_clicked(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Click(click) if !click.bot))
    }

    pub(crate) fn partition(&self, partitions: u32) -> u32 {
        let route = Code::parse(&self.code).expect("a code").route();
        u32::try_from(route % u64::from(partitions)).expect("less than their number")
    }

    pub(crate) fn orders(&self) -> impl Iterator<Item = &Order> {
        self.steps.iter().filter_map(|step| match step {
            Step::Sale(order) => Some(order),
            _ => None,
        })
    }

    pub(crate) fn order(&self, id: &str) -> &Order {
        self.orders().find(|order| order.id == id).expect("an order of the lane")
    }

    fn due(&self, order: &Order, rate_ppm: i64) -> Due {
        let attributed = self.is_clicked() && order.when != When::BeforeAllClicks;
        let mut refunded_minor = 0;
        let mut review = if order.by_partner && attributed { Review::Pending } else { Review::NotNeeded };
        for step in &self.steps {
            match step {
                Step::Refund { order: id, refund } if *id == order.id => refunded_minor += refund.amount_minor,
                Step::Review { order: id, approve } if *id == order.id => {
                    review = if *approve { Review::Approved } else { Review::Rejected };
                }
                _ => {}
            }
        }
        Due { attributed, value_minor: order.value_minor, refunded_minor, review, rate_ppm }
    }
}

impl Due {
    /// As it stands after so much was refunded, whatever came or comes later.
    pub(crate) fn after(self, refunded_minor: i64) -> Due {
        Due { refunded_minor, ..self }
    }

    /// Half up, of what refunds have left.
    pub(crate) fn commission_minor(self) -> i64 {
        let left = i128::from(self.value_minor - self.refunded_minor);
        let doubled = left * i128::from(self.rate_ppm) * 2 + 1_000_000;
        if self.attributed { i64::try_from(doubled / 2_000_000).expect("minor units") } else { 0 }
    }

    /// Four fifths; the larger rest of the division decides who has the last unit, and they are never equal.
    pub(crate) fn partner_minor(self) -> i64 {
        (self.commission_minor() * 8 + 5) / 10
    }

    pub(crate) fn platform_minor(self) -> i64 {
        self.commission_minor() - self.partner_minor()
    }

    /// Whether it is anybody's money now.
    pub(crate) fn counts(self) -> bool {
        self.attributed && self.review != Review::Rejected
    }
}

#[test]
fn golden_commissions() {
    let check = |value_minor: i64, refunded_minor: i64, rate_ppm: i64, wanted: (i64, i64, i64)| {
        let due = Due { attributed: true, value_minor, refunded_minor, review: Review::NotNeeded, rate_ppm };
        let is = (due.commission_minor(), due.partner_minor(), due.platform_minor());
        assert_eq!(is, wanted, "{value_minor} less {refunded_minor}");
        assert_eq!(Due { attributed: false, ..due }.commission_minor(), 0);
    };
    check(9_999, 0, 100_000, (1_000, 800, 200));
    check(10_000, 3_333, 100_000, (667, 534, 133));
    check(10_000, 6_666, 100_000, (333, 266, 67));
    check(10_000, 10_000, 100_000, (0, 0, 0));
    check(1_004, 0, 125_000, (126, 101, 25));
    check(15, 0, 100_000, (2, 2, 0));
}

#[test]
fn a_seed_gives_the_same_stream_and_all_that_is_to_happen() {
    let stream = Stream::new(7, 20, 12);
    let told = |stream: &Stream| stream.lanes.iter().map(|lane| format!("{:?}", lane.steps)).collect::<Vec<_>>();
    assert_eq!(told(&stream), told(&Stream::new(7, 20, 12)));
    assert_ne!(told(&stream), told(&Stream::new(8, 20, 12)));
    let check = |what: &str, found: usize| assert!(found > 0, "no {what}");
    check("bot", stream.count(|step| matches!(step, Step::Click(click) if click.bot)));
    check("retried click", stream.count(|step| matches!(step, Step::Click(click) if click.times > 1)));
    check("repeated order", stream.count(|step| matches!(step, Step::SaleAgain { same_body: true, .. })));
    check("conflicting order", stream.count(|step| matches!(step, Step::SaleAgain { same_body: false, .. })));
    check("repeated refund", stream.count(|step| matches!(step, Step::RefundAgain { .. })));
    check("approval", stream.count(|step| matches!(step, Step::Review { approve: true, .. })));
    check("rejection", stream.count(|step| matches!(step, Step::Review { approve: false, .. })));
    let dues: Vec<_> = stream.orders().map(|(_, order, due)| (order.when, due)).collect();
    check("late sale that a click wins", dues.iter().filter(|(when, _)| *when == When::AfterFirstClick).count());
    check("late sale before all clicks", dues.iter().filter(|(when, _)| *when == When::BeforeAllClicks).count());
    check("sale that nobody won", dues.iter().filter(|(_, due)| !due.attributed).count());
    check("sale refunded in full", dues.iter().filter(|(_, due)| due.refunded_minor == due.value_minor).count());
    let orders = dues.len();
    let again = stream.count(|step| matches!(step, Step::SaleAgain { .. }));
    assert!((8..=30).contains(&(again * 100 / orders)), "{again} of {orders} orders are repeated");
}
