use super::{Click, Lane, Order, Refund, Shop, Step, Stream, When};
use crate::seeded::Seeded;

/// Each with another rounding.
const RATES_PPM: [i64; 3] = [100_000, 125_000, 72_500];
/// No click of these lanes counts, so that nobody wins their sales.
const UNCLICKED_EVERY: usize = 6;
/// From 20 sales of a code in an hour on a signal fires, and who wins then depends on the order between lanes no more.
const ORDERS_MAX: usize = 12;
/// Within 20 times each other, so that none is an outlier.
const VALUES_MINOR: (i64, i64) = (500, 5_000);

pub(super) fn stream(seed: u64, lanes: usize, steps: usize) -> Stream {
    let mut seeded = Seeded::new(seed);
    let tag = format!("s{seed:x}");
    let shops = RATES_PPM.iter().enumerate().map(|(number, rate_ppm)| Shop {
        email: format!("owner-{tag}-{number}@example.com"),
        domain: format!("shop-{tag}-{number}.example"),
        rate_ppm: *rate_ppm,
    });
    let shops: Vec<Shop> = shops.collect();
    let lanes = (0..lanes).map(|number| {
        let maker = Maker {
            seeded: seeded.fork(),
            name: format!("{tag}-{number}"),
            steps: Vec::new(),
            orders: 0,
            refundable: Vec::new(),
        };
        let steps = maker.steps(steps, number % UNCLICKED_EVERY == UNCLICKED_EVERY - 1);
        let code = format!("code-{tag}-{number}");
        Lane { shop: number % shops.len(), code, partner_email: format!("partner-{tag}-{number}@example.com"), steps }
    });
    let lanes = lanes.collect();
    Stream { shops, lanes }
}

struct Maker {
    seeded: Seeded,
    name: String,
    steps: Vec<Step>,
    orders: usize,
    /// Orders that nothing was refunded of yet.
    refundable: Vec<Order>,
}

impl Maker {
    fn steps(mut self, wanted: usize, unclicked: bool) -> Vec<Step> {
        self.click(unclicked);
        while self.steps.len() < wanted {
            let chance = self.seeded.below(100);
            match chance {
                0..40 => self.click(unclicked || chance < 8),
                40..85 if self.orders < ORDERS_MAX => self.sale(unclicked),
                _ => self.refund(),
            }
        }
        self.steps
    }

    fn click(&mut self, bot: bool) {
        let number = self.steps.len();
        let page = format!("/{}/{number}", self.name);
        let times = if self.seeded.below(100) < 15 { 2 } else { 1 };
        self.steps.push(Step::Click(Click {
            page,
            event_id: format!("e-{}-{number}", self.name),
            bot,
            times,
            late: false,
        }));
    }

    fn sale(&mut self, unclicked: bool) {
        let id = format!("order-{}-{}", self.name, self.orders);
        self.orders += 1;
        let (from, to) = VALUES_MINOR;
        let value_minor = from + self.seeded.below((to - from).unsigned_abs()).cast_signed();
        let chance = self.seeded.below(100);
        let when = match chance {
            0..8 if !unclicked => When::AfterFirstClick,
            8..14 => When::BeforeAllClicks,
            _ => When::Now,
        };
        let by_partner = (14..26).contains(&chance) && !unclicked;
        let customer = (chance >= 60).then(|| format!("customer-{}", self.name));
        let order = Order { id: id.clone(), value_minor, when, by_partner, customer };
        self.steps.push(Step::Sale(order.clone()));
        if by_partner && self.seeded.below(100) < 80 {
            let approve = self.seeded.below(2) == 0;
            self.steps.push(Step::Review { order: id.clone(), approve });
        }
        if self.seeded.below(100) < 15 {
            let same_body = self.seeded.below(3) > 0;
            self.steps.push(Step::SaleAgain { order: id, same_body });
        }
        self.refundable.push(order);
    }

    /// A part of a sale, or all of it in three parts.
    fn refund(&mut self) {
        if self.refundable.is_empty() {
            return self.click(true);
        }
        let which = self.seeded.below(self.refundable.len() as u64) as usize;
        let order = self.refundable.swap_remove(which);
        let third = order.value_minor / 3;
        let parts = match self.seeded.below(3) {
            0 => vec![third, third, order.value_minor - 2 * third],
            1 => vec![1 + self.seeded.below(third.unsigned_abs()).cast_signed(), third],
            _ => vec![third],
        };
        let mut so_far_minor = 0;
        for (part, amount_minor) in parts.into_iter().enumerate() {
            so_far_minor += amount_minor;
            let refund = Refund { id: format!("back-{}-{part}", order.id), amount_minor, so_far_minor };
            self.steps.push(Step::Refund { order: order.id.clone(), refund: refund.clone() });
            if self.seeded.below(100) < 15 {
                self.steps.push(Step::RefundAgain { order: order.id.clone(), refund });
            }
        }
    }
}
