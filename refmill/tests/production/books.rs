//! What the stores hold, read from their tables and not through anything of ours, and the same for both shapes.

mod columns;
mod facts;
mod kafka;
mod ledger;
mod settled;

pub(crate) use settled::settled;

use schemas::decision::EventKind;

use crate::cluster::Cluster;

/// An owner ticks once a minute, so that one tick or another is in the way so often in a row is no chance any more.
const READS_MORE: usize = 5;

/// All of it at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Books {
    pub(crate) log: Vec<Logged>,
    /// By partition: the offset that the next event will have.
    pub(crate) ends: Vec<u64>,
    pub(crate) progress: Vec<Progress>,
    pub(crate) conversions: Vec<Conversion>,
    /// Those that name something: a key may be free again.
    pub(crate) keys: Vec<Key>,
    pub(crate) transfers: Vec<Transfer>,
    pub(crate) balances: Vec<Balance>,
    pub(crate) refunds: Vec<Refund>,
    pub(crate) status_counts: Vec<StatusCount>,
    pub(crate) partner_totals: Vec<PartnerTotal>,
    pub(crate) outcomes: Vec<OutcomeCount>,
    pub(crate) changes: Vec<Change>,
    /// Conversions that wait, settles and replies that are still to be sent, blocks that are not marked, records put aside.
    pub(crate) parked: u64,
    pub(crate) settles_due: u64,
    pub(crate) replies: u64,
    pub(crate) unmarked: u64,
    pub(crate) quarantined: u64,
    pub(crate) facts: Facts,
}

/// What analysts read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// All rows that are stored, those too that a merge would drop.
    pub(crate) clicks: Vec<ClickFact>,
    pub(crate) changes: Vec<Change>,
    /// How many there are with `FINAL`.
    pub(crate) clicks_final: usize,
    pub(crate) changes_final: usize,
    pub(crate) rollups: Vec<Rollup>,
}

/// A record of the log. Forwarded, it stands in two partitions under one id.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    pub(crate) offset: u64,
    pub(crate) event: u128,
    pub(crate) company: u64,
    /// None for what is nobody's: settles, ticks, counts of an edge.
    pub(crate) kind: Option<EventKind>,
    /// Base64 of a click's receipt.
    pub(crate) receipt: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Progress {
    pub(crate) partition: u32,
    pub(crate) next: u64,
    pub(crate) planned: u64,
    pub(crate) published: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Conversion {
    pub(crate) id: u128,
    pub(crate) company: u64,
    pub(crate) kind: u8,
    pub(crate) partner: u64,
    pub(crate) label: String,
    pub(crate) amount_minor: i64,
    pub(crate) currency: String,
    pub(crate) refunded_minor: i64,
    pub(crate) standing: u8,
    pub(crate) commission_minor: i64,
    pub(crate) partner_minor: i64,
    pub(crate) platform_minor: i64,
    pub(crate) review: u8,
    pub(crate) house_status: u8,
    pub(crate) signals: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) hash: u128,
    pub(crate) conversion: u128,
}

/// Kind, company and partner of an account.
pub(crate) type Account = (u8, u64, u64);

#[derive(Clone, Debug)]
pub(crate) struct Transfer {
    pub(crate) conversion: u128,
    pub(crate) id: u128,
    pub(crate) debit: Account,
    pub(crate) credit: Account,
    pub(crate) amount_minor: i64,
    pub(crate) currency: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Balance {
    pub(crate) account: Account,
    pub(crate) currency: String,
    pub(crate) amount_minor: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Refund {
    pub(crate) id: u128,
    pub(crate) conversion: u128,
    pub(crate) company: u64,
    pub(crate) label: String,
    pub(crate) amount_minor: i64,
}

/// Company, kind, status and how many.
pub(crate) type StatusCount = (u64, u8, u8, i64);

/// Partner, company, and what its conversions and commission add up to.
pub(crate) type PartnerTotal = (u64, u64, i64, i64);

/// Company, kind, outcome and how many.
pub(crate) type OutcomeCount = (u64, u8, u8, i64);

#[derive(Clone, Debug)]
pub(crate) struct ClickFact {
    pub(crate) offset: u64,
    pub(crate) event: u128,
    pub(crate) company: u64,
    pub(crate) day: i64,
    pub(crate) partner: u64,
    pub(crate) link: u64,
    pub(crate) outcome: u8,
    pub(crate) receipt: String,
    pub(crate) path: String,
    pub(crate) source: String,
}

/// By how much an event changed a conversion: in the ledger, from which facts can be made, and in facts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Change {
    pub(crate) partition: u32,
    pub(crate) offset: u64,
    pub(crate) conversion: u128,
    pub(crate) event: u128,
    pub(crate) kind: u8,
    pub(crate) company: u64,
    pub(crate) partner: u64,
    pub(crate) link: u64,
    pub(crate) currency: String,
    pub(crate) at_ms: i64,
    pub(crate) conversions: i64,
    pub(crate) revenue_minor: i64,
    pub(crate) commission_minor: i64,
    pub(crate) approved_minor: i64,
    pub(crate) partner_minor: i64,
    pub(crate) partner_approved_minor: i64,
}

/// A row of sums: the table, what it is of, and the sums, summed over partitions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rollup {
    pub(crate) table: &'static str,
    pub(crate) of: Vec<String>,
    pub(crate) sums: Vec<i64>,
}

impl Books {
    /// Reads all of it. Nothing may be on its way: see [`settled`]. Owners go on to tick: where a tick has come between two looks,
    /// it is read again once that is through, and what does not go away with a tick is left as it is.
    pub(crate) async fn read(cluster: &Cluster) -> Result<Books, String> {
        let mut books = Books::read_once(cluster).await?;
        for _ in 0..READS_MORE {
            if books.is_of_one_moment() || settled::ticks_are_through(cluster).await.is_err() {
                break;
            }
            books = Books::read_once(cluster).await?;
        }
        Ok(books)
    }

    /// Every partition is decided to where its log was seen to end, and no block is open.
    fn is_of_one_moment(&self) -> bool {
        let of = |partition: u32| self.progress.iter().find(|progress| progress.partition == partition);
        let next = |partition: u32| of(partition).map_or(0, |progress| progress.next);
        self.unmarked == 0 && (0..).zip(&self.ends).all(|(partition, end)| next(partition) == *end)
    }

    async fn read_once(cluster: &Cluster) -> Result<Books, String> {
        let mut books = Books::default();
        (books.log, books.ends) = kafka::read(cluster)?;
        ledger::read(cluster, &mut books).await?;
        books.facts = facts::read(cluster).await?;
        Ok(books)
    }
}
