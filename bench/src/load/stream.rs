//! The requests of a load, by number: the same seed, names and prepared events make the same bytes.

use anyhow::{Context as _, ensure};

use crate::{
    aim::Aim,
    record::{Load, Scenario},
};

use super::{
    ask::{Ask, Click, Deserved, Kind, Order, Sent, Visit},
    chance::{below, of_text, spread},
    crowd::Clickers,
    day::Day,
    render::Writer,
    world::World,
};

pub(crate) struct Stream<'a> {
    load: &'a Load,
    world: &'a World,
    day: Option<Day>,
    clickers: Clickers,
    writer: Writer,
}

impl<'a> Stream<'a> {
    pub(crate) fn new(target: &Aim, load: &'a Load, world: &'a World) -> anyhow::Result<Stream<'a>> {
        ensure!(!world.names.codes.is_empty(), "a load names the codes of links: none is known");
        let visitors_from = load.seed.wrapping_add(of_text(&world.names.run));
        let day = (load.scenario == Scenario::Day).then(|| Day::new(load.seed, visitors_from, world.names.codes.len()));
        let clickers = Clickers::new(load, world.names.codes.len(), visitors_from)?;
        let writer = Writer::new(target, load.scenario, &world.names);
        Ok(Stream { load, world, day: day.transpose()?, clickers, writer })
    }

    /// What request `number` asks for.
    pub(crate) fn ask(&self, number: u64) -> Ask {
        let events = self.load.events_a_request;
        let first = number * u64::from(events);
        match (self.load.scenario, &self.day) {
            (Scenario::Day, Some(day)) => day.ask(number),
            (Scenario::Click | Scenario::Day, _) => Ask::Click(self.clickers.click(number, false)),
            (Scenario::Beacon, _) => Ask::Click(self.clickers.click(number, true)),
            (Scenario::Batch, _) => Ask::Clicks(self.clickers.click(first, false), events),
            (Scenario::Redirect, _) => Ask::Redirect(self.clickers.click(number, false)),
            (Scenario::Conversion, _) if events == 1 => Ask::Order(order(number)),
            (Scenario::Conversion, _) => Ask::Orders(order(first), events),
        }
    }

    /// Whether it goes to the API and not to where events go.
    pub(crate) fn is_for_the_api(&self, number: u64) -> bool {
        self.world.names.api.is_some() && matches!(self.ask(number), Ask::Refund(_))
    }

    /// Appends the request's bytes.
    pub(crate) fn render(&mut self, number: u64, out: &mut Vec<u8>) -> anyhow::Result<Sent> {
        let ask = self.ask(number);
        let (world, clickers) = (self.world, self.clickers);
        let (codes, key) = (&world.names.codes, world.names.key.as_deref());
        match ask {
            Ask::Click(click) => self.writer.click(out, codes, click),
            Ask::Redirect(click) => self.writer.redirect(out, codes, click),
            Ask::Clicks(first, events) => {
                let events = first.event..first.event + u64::from(events);
                self.writer.clicks(out, codes, first, events.map(|event| clickers.click(event, false)));
            }
            Ask::Order(order) => {
                let line = (order, value_minor(order.index), receipt_of(world, order)?);
                self.writer.order(out, codes, key, line);
            }
            Ask::Orders(first, events) => {
                let orders = (first.index..first.index + u64::from(events)).map(order);
                let lines = orders.map(|order| Ok((order, value_minor(order.index), receipt_of(world, order)?)));
                self.writer.orders(out, codes, key, lines)?;
            }
            Ask::Refund(index) => {
                let prepared = world.orders.get(index as usize).context("more refunds than were prepared")?;
                self.writer.refund(out, key, index, prepared, part_minor(index, prepared.value_minor));
            }
        }
        Ok(sent(ask))
    }
}

fn receipt_of(world: &World, order: Order) -> anyhow::Result<Option<&[u8]>> {
    let receipt = world.receipts.get(order.index as usize).context("more orders than were prepared")?;
    Ok(order.with_receipt.then_some(receipt.as_slice()))
}

/// Of the orders of one seed and all others: amounts that differ and are known again.
pub(crate) fn value_minor(index: u64) -> u64 {
    1_000 + below(spread(index), 20_000)
}

fn order(index: u64) -> Order {
    Order { index, repeat: false, broken: false, with_receipt: true }
}

/// Every other refund is of the whole.
fn part_minor(index: u64, value_minor: u64) -> Option<u64> {
    index.is_multiple_of(2).then_some(value_minor / 3)
}

fn sent(ask: Ask) -> Sent {
    let of_click = |click: Click, events| Sent {
        kind: Kind::Click,
        events,
        deserves: click.broken.map_or(Deserved::Taken, |broken| Deserved::Refused(broken.deserves())),
        event: click.event,
        visit: click.visit,
        repeat: click.repeat,
    };
    let of_order = |order: Order, events| Sent {
        kind: Kind::Order,
        events,
        deserves: match (order.broken, order.repeat) {
            (true, _) => Deserved::Refused(400),
            (false, true) => Deserved::TakenOnce,
            (false, false) => Deserved::Taken,
        },
        event: order.index,
        visit: Visit::Person,
        repeat: order.repeat,
    };
    match ask {
        Ask::Click(click) | Ask::Redirect(click) => of_click(click, 1),
        Ask::Clicks(click, events) => of_click(click, events),
        Ask::Order(order) => of_order(order, 1),
        Ask::Orders(order, events) => of_order(order, events),
        Ask::Refund(index) => Sent { kind: Kind::Refund, event: index, ..of_order(order(index), 1) },
    }
}
