//! A day as it is: a thousand clicks to twenty orders to one refund, the same few links and visitors again and again, robots among
//! them, retries, and what is not valid.

use anyhow::anyhow;
use rand_distr::{Distribution as _, Zipf};
use rand_pcg::rand_core::Rng as _;

use super::{
    ask::{Ask, Broken, Click, Order, Visit},
    chance::{below, dice},
};

pub(crate) const CLICKS: u64 = 1_000;
pub(crate) const ORDERS: u64 = 20;
pub(crate) const REFUNDS: u64 = 1;
/// A prime, so that every step through it comes to each place once.
pub(crate) const CYCLE: u64 = CLICKS + ORDERS + REFUNDS;
const STEP: u64 = 389;

/// Addresses that clicks come from, each with a browser and a fingerprint of its own.
pub(crate) const VISITORS: u64 = 1 << 21;
/// Flat enough that nobody clicks more often than an address may, short of 100,000 clicks a second for a minute.
const VISITORS_EXPONENT: f64 = 0.5;
pub(super) const LINKS_EXPONENT: f64 = 1.0;

/// Of a thousand clicks.
const REPEATS: u64 = 150;
const BOTS: u64 = 50;
const INVALID: u64 = 10;
/// How far back a repeated click lies at most.
const REPEATED_WITHIN: u64 = 1_000;
/// Of a hundred orders.
const ORDERS_INVALID: u64 = 2;
const ORDERS_REPEATED: u64 = 5;

pub(crate) struct Day {
    seed: u64,
    visitors_from: u64,
    links: Zipf<f64>,
    visitors: Zipf<f64>,
}

impl Day {
    pub(crate) fn new(seed: u64, visitors_from: u64, links: usize) -> anyhow::Result<Day> {
        let links = u32::try_from(links).map_or(u32::MAX, |links| links.max(1));
        let zipf =
            |of, exponent| Zipf::new(of, exponent).map_err(|error| anyhow!("no such Zipf distribution: {error}"));
        Ok(Day {
            seed,
            visitors_from,
            links: zipf(f64::from(links), LINKS_EXPONENT)?,
            visitors: zipf(VISITORS_F64, VISITORS_EXPONENT)?,
        })
    }

    /// What request `number` asks for.
    pub(crate) fn ask(&self, number: u64) -> Ask {
        let (cycle, place) = (number / CYCLE, number % CYCLE * STEP % CYCLE);
        match place {
            0..CLICKS => Ask::Click(self.click(number)),
            place if place < CLICKS + ORDERS => Ask::Order(self.order(cycle * ORDERS + place - CLICKS)),
            _ => Ask::Refund(cycle),
        }
    }

    /// A retry is the very same click again; only people's are retried, and no retry is.
    fn click(&self, number: u64) -> Click {
        let (class, bits) = self.class(number);
        if class != Class::Repeat {
            return self.original(number, class);
        }
        let back = 1 + below(bits, REPEATED_WITHIN);
        let earlier = (0..number.saturating_sub(back)).rev().take(REPEATED_WITHIN as usize);
        let mut people = earlier.filter(|number| is_click(*number) && self.class(*number).0 == Class::Person);
        match people.next() {
            Some(first) => Click { repeat: true, ..self.original(first, Class::Person) },
            None => self.original(number, Class::Person),
        }
    }

    fn class(&self, number: u64) -> (Class, u64) {
        let mut dice = dice(self.seed, number);
        let class = match below(dice.next_u64(), 1_000) {
            0..REPEATS => Class::Repeat,
            at if at < REPEATS + BOTS => Class::Bot,
            at if at < REPEATS + BOTS + INVALID => Class::Invalid,
            _ => Class::Person,
        };
        (class, dice.next_u64())
    }

    fn original(&self, number: u64, class: Class) -> Click {
        let mut dice = dice(!self.seed, number);
        let visitor = self.visitors.sample(&mut dice) as u64 - 1;
        let link = self.links.sample(&mut dice) as usize - 1;
        let broken = (class == Class::Invalid).then(|| Broken::of_a_click(dice.next_u64()));
        let visit = if class == Class::Bot { Visit::Bot } else { Visit::Person };
        Click {
            event: number,
            link,
            visitor: visitor.wrapping_add(self.visitors_from),
            visit,
            repeat: false,
            broken,
            named: true,
        }
    }

    fn order(&self, index: u64) -> Order {
        let mut dice = dice(self.seed.rotate_left(32), index);
        let drawn = below(dice.next_u64(), 100);
        let repeat = drawn < ORDERS_REPEATED && index > 0;
        let broken = !repeat && (ORDERS_REPEATED..ORDERS_REPEATED + ORDERS_INVALID).contains(&drawn);
        // Whoever is repeated is neither broken nor a repeat itself, or else the second were the first.
        if repeat && !self.is_plain(index - 1) {
            return Order { index, repeat: false, broken: false, with_receipt: index.is_multiple_of(2) };
        }
        let index = if repeat { index - 1 } else { index };
        Order { index, repeat, broken, with_receipt: broken || index.is_multiple_of(2) }
    }

    fn is_plain(&self, index: u64) -> bool {
        below(dice(self.seed.rotate_left(32), index).next_u64(), 100) >= ORDERS_REPEATED + ORDERS_INVALID
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Person,
    Bot,
    Repeat,
    Invalid,
}

const VISITORS_F64: f64 = VISITORS as f64;

fn is_click(number: u64) -> bool {
    number % CYCLE * STEP % CYCLE < CLICKS
}
