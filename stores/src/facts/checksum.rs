use std::fmt;

use schemas::{
    facts::{ClickFact, ConversionChange, Fact},
    time::Day,
};
use xxhash_rust::xxh3::xxh3_128;

/// What tells two states of a partition's facts apart, in whatever order they were written and whichever shape holds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checksum {
    /// How many facts there are.
    pub facts: u64,
    /// Over each of them.
    pub rows: u128,
    /// Over each sum by day that is not nothing.
    pub sums: u128,
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} facts {:032x} sums {:032x}", self.facts, self.rows, self.sums)
    }
}

impl Checksum {
    pub(crate) fn add_fact(&mut self, fact: &Fact) {
        let mut told = Told(Vec::with_capacity(512));
        match fact {
            Fact::Click(click) => told.click(click),
            Fact::Change(change) => told.change(change),
        }
        self.facts += 1;
        self.rows = self.rows.wrapping_add(xxh3_128(&told.0));
    }

    /// `name` is the source, page or currency; `numbers` are partner and link, where the sum has them, and what was summed.
    pub(crate) fn add_sum(&mut self, table: &str, company: u64, day: Day, name: &str, numbers: &[i128]) {
        let mut told = Told(Vec::with_capacity(256));
        told.text(table).number(company.into()).number(day.0.into()).text(name);
        for number in numbers {
            told.number(*number);
        }
        self.sums = self.sums.wrapping_add(xxh3_128(&told.0));
    }
}

/// Everything of a row, so that no two rows read the same.
struct Told(Vec<u8>);

impl Told {
    fn number(&mut self, number: i128) -> &mut Told {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn text(&mut self, text: &str) -> &mut Told {
        self.number(text.len() as i128);
        self.0.extend(text.as_bytes());
        self
    }

    fn text_or_none(&mut self, text: Option<&str>) -> &mut Told {
        match text {
            Some(text) => self.number(1).text(text),
            None => self.number(0),
        }
    }

    fn click(&mut self, click: &ClickFact) {
        self.text("click").number(click.position.partition.into()).number(click.position.offset.into());
        self.0.extend(click.event.0.to_be_bytes());
        for id in [click.company.0, click.program.0, click.partner.0, click.link.0] {
            self.number(id.into());
        }
        self.number(click.at.0.into()).number(click.outcome as i128);
        self.0.extend(click.receipt.as_bytes());
        self.text(&click.landing.host).text(&click.landing.path).text_or_none(click.referrer_host.as_deref());
        for text in [&click.utm.source, &click.utm.medium, &click.utm.campaign] {
            self.text_or_none(text.as_deref());
        }
        self.text(click.device.as_str());
    }

    fn change(&mut self, change: &ConversionChange) {
        self.text("change").number(change.position.partition.into()).number(change.position.offset.into());
        self.0.extend(change.event.0.to_be_bytes());
        self.0.extend(change.conversion.0.to_be_bytes());
        self.number(change.kind as i128).number(change.company.0.into());
        let ids = [change.program.map(|id| id.0), change.partner.map(|id| id.0), change.link.map(|id| id.0)];
        for id in ids {
            self.number(id.unwrap_or(0).into());
        }
        self.text(change.currency.code()).number(change.at.0.into()).number(change.changed_at.0.into());
        for by in [
            change.conversions,
            change.revenue_minor,
            change.commission_minor,
            change.approved_minor,
            change.partner_minor,
            change.partner_approved_minor,
        ] {
            self.number(by.into());
        }
    }
}
