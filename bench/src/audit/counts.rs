//! What the stores had counted before a load, so that only what it brought is compared.

use std::collections::{BTreeMap, BTreeSet};

use super::{Places, clickhouse::ClickHouse, edges::refused_by_edges, settled::quiet, store::Store};

/// As the ledger writes them.
pub(super) mod code {
    pub(crate) const CLICK: u8 = 1;
    pub(crate) const SALE: u8 = 3;
    pub(crate) const REFUND: u8 = 4;
    pub(crate) const REVIEW: u8 = 5;

    pub(crate) const COUNTED: u8 = 1;
    pub(crate) const BOT: u8 = 2;
    pub(crate) const DUPLICATE: u8 = 3;
    pub(crate) const REFUSED: u8 = 4;
    pub(crate) const ATTRIBUTED: u8 = 5;
    pub(crate) const UNATTRIBUTED: u8 = 6;
    pub(crate) const APPLIED: u8 = 8;
    pub(crate) const EDGE_REFUSED: u8 = 9;
}

/// What was there at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    pub(super) outcomes: Outcomes,
    pub(super) refunds: Outcomes,
    /// By partition: the place in the log from which on nothing was there yet.
    pub(super) ends: Ends,
    pub(super) quarantined: i128,
    pub(super) sums: BTreeMap<&'static str, [i128; 3]>,
    /// None where no metrics can be read.
    pub(super) refused_by_edges: Option<i128>,
}

/// By company, kind and outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Outcomes(pub(super) BTreeMap<(u64, u8, u8), i128>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ends(BTreeMap<u32, u64>);

pub(super) struct Stores {
    /// Of a single process; another's is not looked at.
    pub(super) log: Option<Store>,
    pub(super) ledger: Option<Store>,
    pub(super) facts: Option<Store>,
    /// URLs.
    pub(super) metrics: Vec<String>,
}

/// Tables of sums by day, and what of each is added up.
pub(super) const SUMS: [(&str, [&str; 3]); 4] = [
    ("clicks_by_day", ["clicks", "bots", "0"]),
    ("sources_by_day", ["clicks", "0", "0"]),
    ("pages_by_day", ["clicks", "0", "0"]),
    ("sales_by_day", ["conversions", "commission_minor", "partner_minor"]),
];

const OUTCOMES: &str = "SELECT company, kind, outcome, sum(n) FROM @outcomes GROUP BY company, kind, outcome";

/// Each was applied.
const REFUNDS: &str = "SELECT company, 4, 8, count(*) FROM @refunds GROUP BY company";

impl Counts {
    /// Counts what is there once nothing is on its way any more. To be called before the first event is sent.
    pub(crate) async fn now(places: &Places) -> anyhow::Result<Counts> {
        let stores = Stores::open(places).await?;
        quiet(&stores).await?;
        Counts::read(&stores).await
    }

    pub(super) async fn read(stores: &Stores) -> anyhow::Result<Counts> {
        let mut counts = Counts { refused_by_edges: refused_by_edges(&stores.metrics).await?, ..Counts::default() };
        if let Some(ledger) = &stores.ledger {
            counts.outcomes = Outcomes::read(ledger, OUTCOMES).await?;
            counts.refunds = Outcomes::read(ledger, REFUNDS).await?;
            counts.ends = Ends::read(ledger, "SELECT partition, next FROM @progress").await?;
            [counts.quarantined] = ledger.numbers("SELECT count(*) FROM @quarantine").await?;
        }
        if let Some(facts) = &stores.facts {
            for (table, [first, second, third]) in SUMS {
                let question = format!("SELECT sum({first}), sum({second}), sum({third}) FROM {table}");
                counts.sums.insert(table, facts.numbers(&question).await?);
            }
            if stores.ledger.is_none() {
                let ends = "SELECT partition, max(log_offset) + 1 FROM clicks GROUP BY partition";
                counts.ends = Ends::read(facts, ends).await?;
            }
        }
        Ok(counts)
    }
}

impl Stores {
    pub(super) async fn open(places: &Places) -> anyhow::Result<Stores> {
        let file = |name: &str| {
            let file = places.sqlite.as_ref().map(|folder| folder.join(name));
            file.filter(|file| file.exists()).map(Store::Sqlite)
        };
        let ledger = match &places.postgres {
            Some(url) => Some(Store::postgres(url).await?),
            None => file("ledger.db"),
        };
        let facts = match &places.clickhouse {
            Some(url) => Some(Store::ClickHouse(ClickHouse::of(url)?)),
            None => file("facts.db"),
        };
        Ok(Stores {
            log: file("log.db"),
            ledger,
            facts,
            metrics: places.metrics.iter().map(|(_, url)| url.clone()).collect(),
        })
    }

    /// Whether nothing can be looked at.
    pub(super) fn are_none(&self) -> bool {
        self.ledger.is_none() && self.facts.is_none()
    }
}

impl Outcomes {
    /// Rows of company, kind, outcome and how many.
    pub(super) async fn read(store: &Store, question: &str) -> anyhow::Result<Outcomes> {
        let mut outcomes = BTreeMap::new();
        store
            .each(question, &mut |row| {
                outcomes.insert((row.id(0)?, row.number(1)?, row.number(2)?), row.number(3)?);
                Ok(())
            })
            .await?;
        Ok(Outcomes(outcomes))
    }

    pub(super) fn since(&self, before: &Outcomes) -> Outcomes {
        let counted = self.0.iter().map(|(of, n)| (*of, n - before.0.get(of).copied().unwrap_or_default()));
        Outcomes(counted.filter(|(_, n)| *n != 0).collect())
    }

    /// Of all companies together.
    pub(super) fn sum(&self, kind: u8, outcomes: &[u8]) -> i128 {
        let of_kind = self.0.iter().filter(|((_, known, outcome), _)| *known == kind && outcomes.contains(outcome));
        of_kind.map(|(_, n)| n).sum()
    }

    /// How many of these kinds and outcomes are not the same in both.
    pub(super) fn differences(&self, other: &Outcomes, looked_at: impl Fn(u8, u8) -> bool) -> u64 {
        let of: BTreeSet<_> =
            self.0.keys().chain(other.0.keys()).filter(|(_, kind, outcome)| looked_at(*kind, *outcome)).collect();
        of.into_iter()
            .filter(|of| self.0.get(of).copied().unwrap_or_default() != other.0.get(of).copied().unwrap_or_default())
            .count() as u64
    }
}

impl Ends {
    async fn read(store: &Store, question: &str) -> anyhow::Result<Ends> {
        let mut ends = BTreeMap::new();
        store
            .each(question, &mut |row| {
                ends.insert(row.number(0)?, row.number(1)?);
                Ok(())
            })
            .await?;
        Ok(Ends(ends))
    }

    /// Whether a row's place in the log, which stands in this column, lies after these ends.
    pub(super) fn after(&self, offset: &str) -> String {
        if self.0.is_empty() {
            return "1 = 1".to_owned();
        }
        let known: Vec<String> = self.0.keys().map(u32::to_string).collect();
        let of = |(partition, end): (&u32, &u64)| format!("partition = {partition} AND {offset} >= {end} OR ");
        let of: String = self.0.iter().map(of).collect();
        format!("({of}partition NOT IN ({}))", known.join(", "))
    }
}
