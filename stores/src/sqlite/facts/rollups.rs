use std::collections::BTreeMap;

use hashbrown::HashMap;
use rusqlite::{Transaction, params};
use schemas::{
    decision::Outcome,
    facts::{ClickFact, ConversionChange, Fact},
    ids::{CompanyId, LinkId, PartnerId},
    money::Currency,
    time::Day,
};

use crate::sqlite::row::int;

type Place = (CompanyId, Day, PartnerId, LinkId);

/// A block's facts folded by day, so that a sum is written once a block and not once a fact.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rollups<'a> {
    clicks: HashMap<Place, Clicks>,
    sources: HashMap<(CompanyId, Day, &'a str), i64>,
    pages: HashMap<(CompanyId, Day, &'a str), i64>,
    sales: BTreeMap<(Place, Currency), Sales>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Clicks {
    people: i64,
    bots: i64,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Sales {
    conversions: i64,
    revenue_minor: i64,
    commission_minor: i64,
    approved_minor: i64,
    partner_minor: i64,
    partner_approved_minor: i64,
}

impl Sales {
    fn all(&mut self) -> [&mut i64; 6] {
        [
            &mut self.conversions,
            &mut self.revenue_minor,
            &mut self.commission_minor,
            &mut self.approved_minor,
            &mut self.partner_minor,
            &mut self.partner_approved_minor,
        ]
    }
}

/// What stands in a sum where a change names no partner or link.
const NOBODY: u64 = 0;

impl<'a> Rollups<'a> {
    pub(super) fn of(facts: &'a [Fact]) -> Rollups<'a> {
        let mut rollups = Rollups::default();
        for fact in facts {
            match fact {
                Fact::Click(click) => rollups.add_click(click),
                Fact::Change(change) => rollups.add_change(change),
            }
        }
        rollups
    }

    fn add_click(&mut self, click: &'a ClickFact) {
        let (company, day) = (click.company, click.at.day());
        let place = (company, day, click.partner, click.link);
        match click.outcome {
            Outcome::Counted => {
                self.clicks.entry(place).or_default().people += 1;
                *self.sources.entry((company, day, click.source())).or_default() += 1;
                *self.pages.entry((company, day, &click.landing.path)).or_default() += 1;
            }
            Outcome::Bot => self.clicks.entry(place).or_default().bots += 1,
            _ => {}
        }
    }

    fn add_change(&mut self, change: &ConversionChange) {
        let partner = change.partner.unwrap_or(PartnerId(NOBODY));
        let link = change.link.unwrap_or(LinkId(NOBODY));
        let place = (change.company, change.at.day(), partner, link);
        let sales = self.sales.entry((place, change.currency)).or_default();
        let by = [
            change.conversions,
            change.revenue_minor,
            change.commission_minor,
            change.approved_minor,
            change.partner_minor,
            change.partner_approved_minor,
        ];
        for (sum, by) in sales.all().into_iter().zip(by) {
            *sum = sum.saturating_add(by);
        }
    }

    /// The same to be taken away again.
    pub(super) fn less(mut self) -> Rollups<'a> {
        for clicks in self.clicks.values_mut() {
            (clicks.people, clicks.bots) = (-clicks.people, -clicks.bots);
        }
        for clicks in self.sources.values_mut().chain(self.pages.values_mut()) {
            *clicks = -*clicks;
        }
        for sales in self.sales.values_mut() {
            for sum in sales.all() {
                *sum = sum.saturating_neg();
            }
        }
        self
    }

    pub(super) fn write(&self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let mut clicks = transaction.prepare_cached(ADD_CLICKS)?;
        for ((company, day, partner, link), count) in in_order(&self.clicks) {
            clicks.execute(params![int(company.0), day.0, int(partner.0), int(link.0), count.people, count.bots])?;
        }
        for (add, counts) in [(ADD_SOURCE, &self.sources), (ADD_PAGE, &self.pages)] {
            let mut add = transaction.prepare_cached(add)?;
            for ((company, day, name), clicks) in in_order(counts) {
                add.execute(params![int(company.0), day.0, name, clicks])?;
            }
        }
        let mut sales = transaction.prepare_cached(ADD_SALES)?;
        for (((company, day, partner, link), currency), sums) in &self.sales {
            sales.execute(params![
                int(company.0),
                day.0,
                int(partner.0),
                int(link.0),
                currency.code(),
                day.weekday(),
                sums.conversions,
                sums.revenue_minor,
                sums.commission_minor,
                sums.approved_minor,
                sums.partner_minor,
                sums.partner_approved_minor,
            ])?;
        }
        Ok(())
    }
}

/// As their tables are, so that they go in side by side.
fn in_order<K: Ord, V>(sums: &HashMap<K, V>) -> Vec<(&K, &V)> {
    let mut sums: Vec<_> = sums.iter().collect();
    sums.sort_unstable_by_key(|(key, _)| *key);
    sums
}

const ADD_CLICKS: &str = "INSERT INTO clicks_by_day (company, day, partner, link, clicks, bots) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
                          ON CONFLICT DO UPDATE SET clicks = clicks + excluded.clicks, bots = bots + excluded.bots";
const ADD_SOURCE: &str = "INSERT INTO sources_by_day (company, day, source, clicks) VALUES (?1, ?2, ?3, ?4) \
                          ON CONFLICT DO UPDATE SET clicks = clicks + excluded.clicks";
const ADD_PAGE: &str = "INSERT INTO pages_by_day (company, day, path, clicks) VALUES (?1, ?2, ?3, ?4) \
                        ON CONFLICT DO UPDATE SET clicks = clicks + excluded.clicks";

/// A sum that 64 bits can't hold stays as it is: SQLite would make a float of it, and a block that is refused holds up all that follow.
macro_rules! added {
    ($column:literal) => {
        concat!(
            $column,
            " = iif(typeof(",
            $column,
            " + excluded.",
            $column,
            ") = 'integer', ",
            $column,
            " + excluded.",
            $column,
            ", ",
            $column,
            ")"
        )
    };
}

const ADD_SALES: &str = concat!(
    "INSERT INTO sales_by_day (company, day, partner, link, currency, weekday, conversions, revenue_minor, commission_minor, approved_minor, ",
    "partner_minor, partner_approved_minor) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT DO UPDATE SET ",
    added!("conversions"),
    ", ",
    added!("revenue_minor"),
    ", ",
    added!("commission_minor"),
    ", ",
    added!("approved_minor"),
    ", ",
    added!("partner_minor"),
    ", ",
    added!("partner_approved_minor"),
);
