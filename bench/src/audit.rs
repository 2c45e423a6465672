//! Counts again after a load, from outside: what was acknowledged is there once, all sums are the sums of what they are sums of, and
//! when each event had come how far. Nobody else may send meanwhile.

pub(crate) mod acknowledged;

mod clickhouse;
mod clicks;
mod counts;
mod edges;
mod facts;
mod matched;
mod money;
mod orders;
mod sent;
mod settled;
mod sizes;
mod store;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use crate::record::{Answers, AuditLine};

use acknowledged::Acknowledged;
pub(crate) use counts::Counts;
use counts::Stores;
pub(crate) use settled::{ENQUEUED, Settled, settled};
pub(crate) use sizes::{rows, sizes};

/// Where it can be looked. What can't be looked at is not claimed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// The ledger's, as the processes were told it.
    pub(crate) postgres: Option<String>,
    /// That of the facts, with its database.
    pub(crate) clickhouse: Option<String>,
    /// The folder of a single process: ledger and facts.
    pub(crate) sqlite: Option<PathBuf>,
    /// Of every edge and API: name and URL. One that is missing would be a difference.
    pub(crate) metrics: Vec<(String, String)>,
    /// Of stores that can't be asked how large they are: a name and where they keep everything.
    pub(crate) folders: Vec<(String, PathBuf)>,
}

/// Line by line what was counted twice, from two sides, once all has [`settled`]. Who measures what a load cost does so before: to count
/// again is no part of it.
pub(crate) async fn recount(
    places: &Places,
    before: &Counts,
    acknowledged: &Acknowledged,
    answers: &Answers,
    settled: &Settled,
) -> anyhow::Result<Vec<AuditLine>> {
    let mut found = Found::default();
    recount_in(&Stores::open(places).await?, before, acknowledged, answers, settled, &mut found).await?;
    Ok(found.0)
}

async fn recount_in(
    stores: &Stores,
    before: &Counts,
    acknowledged: &Acknowledged,
    answers: &Answers,
    settled: &Settled,
    found: &mut Found,
) -> anyhow::Result<()> {
    if let Some(ledger) = &stores.ledger {
        let now = Counts::read(stores).await?;
        found.nothing("log positions that are not decided and in facts", settled.behind);
        found.nothing("events that wait for others", settled.waiting);
        found.nothing("records put aside as no event", now.quarantined - before.quarantined);
        sent::compare(before, &now, acknowledged, found);
        orders::compare_ledger(ledger, before, acknowledged, found).await?;
        money::compare(ledger, found).await?;
        if let Some(facts) = &stores.facts {
            orders::compare_facts(ledger, facts, before, acknowledged, found).await?;
        }
    }
    if let Some(facts) = &stores.facts {
        clicks::compare(facts, before, acknowledged, found).await?;
        facts::compare(stores, before, found).await?;
    }
    edges::compare(stores, before, answers, found).await
}

/// The lines so far.
#[derive(Default)]
struct Found(Vec<AuditLine>);

impl Found {
    fn line(&mut self, what: impl Into<String>, expected: impl Into<i128>, found: impl Into<i128>) {
        self.0.push(AuditLine { what: what.into(), expected: expected.into(), found: found.into() });
    }

    /// Something of which there should be none.
    fn nothing(&mut self, what: impl Into<String>, found: impl Into<i128>) {
        self.line(what, 0, found);
    }
}
