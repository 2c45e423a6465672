//! The ledger: what was decided, what money moved for it, and how far the log is decided. Only the processor writes it.

mod batch;
pub(crate) mod codes;
mod fetch;
mod lock;
mod read;
pub(crate) mod sums;
mod take;

use std::{path::Path, sync::Arc};

use schemas::{
    accounts::Transfer,
    conversion::{Conversion, RefundApplied},
    event::Settle,
    hashes::KeyKind,
    ids::{CompanyId, ConversionId, PartnerId},
    time::{Day, TimeMs},
};

use crate::{DeploymentId, OpenError, Postgres, StoreError, postgres, sqlite};

pub use batch::{Batch, CommitError, Plan, Quarantined, SharedRow};
pub use fetch::{Due, LedgerFetched, LedgerNeeds, Versions};
use lock::Held;
pub use lock::Locked;
pub use read::{
    Balance, Books, CompanyBooks, ConversionsPage, Decided, ListedStatus, OutcomeCount, PageOf, PartnerTotals,
    ReplyDue, SettleDue, StatusCounts,
};
pub use take::{FactsDoubt, Progress, Taken};

#[derive(Clone)]
pub enum Ledger {
    Embedded(Arc<sqlite::ledger::Ledger>),
    Distributed(Arc<postgres::ledger::Ledger>),
}

impl Ledger {
    pub fn open(folder: &Path, deployment: DeploymentId) -> Result<Ledger, OpenError> {
        sqlite::ledger::Ledger::open(folder, deployment).map(|ledger| Ledger::Embedded(Arc::new(ledger)))
    }

    /// Makes the tables where they are missing. The number of partitions is fixed when the ledger is made.
    pub async fn connect(postgres: Postgres, deployment: DeploymentId, partitions: u32) -> Result<Ledger, OpenError> {
        let ledger = postgres::ledger::Ledger::connect(postgres, deployment, partitions).await?;
        Ok(Ledger::Distributed(Arc::new(ledger)))
    }

    /// Runs what waits and ends the ledger for every handle.
    pub async fn close(&self) {
        match self {
            Ledger::Embedded(ledger) => ledger.close().await,
            Ledger::Distributed(ledger) => ledger.close(),
        }
    }
}

/// What the owner of a partition does.
impl Ledger {
    /// How many partitions the deployment was made with.
    pub async fn partitions(&self) -> Result<u32, StoreError> {
        match self {
            Ledger::Embedded(ledger) => ledger.partitions().await,
            Ledger::Distributed(ledger) => Ok(ledger.partitions()),
        }
    }

    /// Whether its server answers. One of which all connections are in use does.
    pub async fn ask(&self) -> Result<(), StoreError> {
        match self {
            Ledger::Embedded(_) => Ok(()),
            Ledger::Distributed(ledger) => ledger.ask().await,
        }
    }

    /// Makes the caller the partition's owner: whoever owned it before commits nothing more.
    pub async fn take(&self, partition: u32) -> Result<Taken, StoreError> {
        match self {
            Ledger::Embedded(ledger) => ledger.take(partition).await,
            Ledger::Distributed(ledger) => ledger.take(partition).await,
        }
    }

    /// How far a partition is, without taking it. None where nobody ever did.
    pub async fn progress(&self, partition: u32) -> Result<Option<Progress>, StoreError> {
        match self {
            Ledger::Embedded(ledger) => ledger.progress(partition).await,
            Ledger::Distributed(ledger) => ledger.progress(partition).await,
        }
    }

    /// Everything that a batch needs of the ledger, in one go.
    pub async fn fetch(&self, needs: LedgerNeeds) -> Result<LedgerFetched, StoreError> {
        match self {
            Ledger::Embedded(ledger) => ledger.fetch(needs).await,
            Ledger::Distributed(ledger) => ledger.fetch(needs).await,
        }
    }

    /// All of the batch, or, where an error says so, nothing of it.
    pub async fn commit(&self, batch: Batch) -> Result<(), CommitError> {
        match self {
            Ledger::Embedded(ledger) => ledger.commit(batch).await,
            Ledger::Distributed(ledger) => ledger.commit(batch).await,
        }
    }

    /// Holds these rows against all other batches, for one that is fetched and decided again now: nobody changes them meanwhile.
    /// To be committed or dropped within seconds. It keeps a connection from the pool, and what is fetched meanwhile takes another.
    pub async fn lock(&self, partition: u32, epoch: u64, rows: Versions) -> Result<Locked, CommitError> {
        match self {
            Ledger::Embedded(_) => Ok(Locked(Held::Nothing)),
            Ledger::Distributed(ledger) => {
                ledger.lock(partition, epoch, rows).await.map(|locked| Locked(Held::Rows(Box::new(locked))))
            }
        }
    }

    /// As [`Ledger::commit`], and lets go of the rows either way.
    pub async fn commit_locked(&self, locked: Locked, batch: Batch) -> Result<(), CommitError> {
        match (self, locked.0) {
            (Ledger::Distributed(ledger), Held::Rows(locked)) => ledger.commit_locked(*locked, batch).await,
            (_, Held::Nothing) | (Ledger::Embedded(_), _) => self.commit(batch).await,
        }
    }

    /// Closes a block of facts without a batch.
    pub async fn plan(&self, partition: u32, epoch: u64, plan: Plan) -> Result<(), CommitError> {
        match self {
            Ledger::Embedded(ledger) => ledger.plan(partition, epoch, plan).await,
            Ledger::Distributed(ledger) => ledger.plan(partition, epoch, plan).await,
        }
    }

    /// Whether the partition is still the caller's.
    pub async fn check_epoch(&self, partition: u32, epoch: u64) -> Result<(), CommitError> {
        match self {
            Ledger::Embedded(ledger) => ledger.check_epoch(partition, epoch).await,
            Ledger::Distributed(ledger) => ledger.check_epoch(partition, epoch).await,
        }
    }

    /// Facts are to be made again, or the ledger was restored from a copy: no block that begins at `from` or after it is marked
    /// any more, and what is inserted from now on carries the incarnation that comes back. Whoever takes the partition is told that
    /// facts are being taken out, until [`Ledger::trust_facts`]. Incarnations are numbered by the clock where that is ahead of
    /// them: a ledger that is restored twice from one copy must not use a number twice, as facts would take its blocks for sent.
    pub async fn begin_incarnation(
        &self,
        partition: u32,
        epoch: u64,
        from: u64,
        now: TimeMs,
    ) -> Result<u32, CommitError> {
        let at_least = incarnation_at(now);
        match self {
            Ledger::Embedded(ledger) => ledger.begin_incarnation(partition, epoch, from, at_least).await,
            Ledger::Distributed(ledger) => ledger.begin_incarnation(partition, epoch, from, at_least).await,
        }
    }

    /// A restored ledger counts takings from an older number on; other stores remember what it was.
    pub async fn raise_epoch(&self, partition: u32, epoch: u64, to: u64) -> Result<(), CommitError> {
        match self {
            Ledger::Embedded(ledger) => ledger.raise_epoch(partition, epoch, to).await,
            Ledger::Distributed(ledger) => ledger.raise_epoch(partition, epoch, to).await,
        }
    }

    /// Facts are those of this ledger: somebody has looked, or has taken out all others.
    pub async fn trust_facts(&self, partition: u32, epoch: u64) -> Result<(), CommitError> {
        match self {
            Ledger::Embedded(ledger) => ledger.trust_facts(partition, epoch).await,
            Ledger::Distributed(ledger) => ledger.trust_facts(partition, epoch).await,
        }
    }

    /// Blocks that are planned and not marked, in order.
    pub async fn open_plans(&self, partition: u32) -> Result<Vec<Plan>, StoreError> {
        match self {
            Ledger::Embedded(ledger) => ledger.open_plans(partition).await,
            Ledger::Distributed(ledger) => ledger.open_plans(partition).await,
        }
    }

    /// Notes that facts hold this planned block.
    pub async fn mark(&self, partition: u32, epoch: u64, plan: Plan) -> Result<(), CommitError> {
        match self {
            Ledger::Embedded(ledger) => ledger.mark(partition, epoch, plan).await,
            Ledger::Distributed(ledger) => ledger.mark(partition, epoch, plan).await,
        }
    }

    /// Drops blocks that facts hold and that end before this offset: where the log starts, nothing makes them again.
    pub async fn drop_plans(&self, partition: u32, epoch: u64, before: u64) -> Result<(), CommitError> {
        match self {
            Ledger::Embedded(ledger) => ledger.drop_plans(partition, epoch, before).await,
            Ledger::Distributed(ledger) => ledger.drop_plans(partition, epoch, before).await,
        }
    }

    /// What was decided at the offsets from `from` to before `to`: with the log all that facts are made of.
    pub async fn decided(&self, partition: u32, from: u64, to: u64) -> Result<Decided, StoreError> {
        match self {
            Ledger::Embedded(ledger) => ledger.decided(partition, from, to).await,
            Ledger::Distributed(ledger) => ledger.decided(partition, from, to).await,
        }
    }

    /// Replies of batches from the cursor on, in order, that are to be published; whole batches, at least one where there is one.
    pub async fn replies_from(&self, partition: u32, published: u64) -> Result<Vec<ReplyDue>, StoreError> {
        match self {
            Ledger::Embedded(ledger) => ledger.replies_from(partition, published).await,
            Ledger::Distributed(ledger) => ledger.replies_from(partition, published).await,
        }
    }

    /// Moves the cursor to where a batch ended, and forgets the replies before it.
    pub async fn set_published(&self, partition: u32, epoch: u64, up_to: u64) -> Result<(), CommitError> {
        match self {
            Ledger::Embedded(ledger) => ledger.set_published(partition, epoch, up_to).await,
            Ledger::Distributed(ledger) => ledger.set_published(partition, epoch, up_to).await,
        }
    }

    /// Parked conversions whose facts are complete once facts hold all before `facts_held`.
    pub async fn parked_due(&self, partition: u32, facts_held: u64, limit: usize) -> Result<Vec<Settle>, StoreError> {
        match self {
            Ledger::Embedded(ledger) => ledger.parked_due(partition, facts_held, limit).await,
            Ledger::Distributed(ledger) => ledger.parked_due(partition, facts_held, limit).await,
        }
    }

    /// Conversions that a late click could win, where facts hold that click.
    pub async fn late_due(&self, partition: u32, facts_held: u64, limit: usize) -> Result<Vec<Settle>, StoreError> {
        match self {
            Ledger::Embedded(ledger) => ledger.late_due(partition, facts_held, limit).await,
            Ledger::Distributed(ledger) => ledger.late_due(partition, facts_held, limit).await,
        }
    }

    /// Settles that were decided on and that the owner has not removed yet, oldest first.
    pub async fn settles_due(&self, partition: u32, limit: usize) -> Result<Vec<SettleDue>, StoreError> {
        match self {
            Ledger::Embedded(ledger) => ledger.settles_due(partition, limit).await,
            Ledger::Distributed(ledger) => ledger.settles_due(partition, limit).await,
        }
    }

    /// Records that could not be decoded, oldest first.
    pub async fn quarantined(&self, partition: u32, limit: usize) -> Result<Vec<Quarantined>, StoreError> {
        match self {
            Ledger::Embedded(ledger) => ledger.quarantined(partition, limit).await,
            Ledger::Distributed(ledger) => ledger.quarantined(partition, limit).await,
        }
    }

    /// Forgets those that the log has now.
    pub async fn remove_settles(&self, partition: u32, epoch: u64, numbers: Vec<i64>) -> Result<(), CommitError> {
        match self {
            Ledger::Embedded(ledger) => ledger.remove_settles(partition, epoch, numbers).await,
            Ledger::Distributed(ledger) => ledger.remove_settles(partition, epoch, numbers).await,
        }
    }
}

/// What people ask.
impl Ledger {
    pub async fn conversion(&self, id: ConversionId) -> Result<Option<Conversion>, StoreError> {
        match self {
            Ledger::Embedded(ledger) => ledger.conversion(id).await,
            Ledger::Distributed(ledger) => ledger.conversion(id).await,
        }
    }

    /// Oldest first.
    pub async fn refunds(&self, conversion: ConversionId) -> Result<Vec<RefundApplied>, StoreError> {
        match self {
            Ledger::Embedded(ledger) => ledger.refunds(conversion).await,
            Ledger::Distributed(ledger) => ledger.refunds(conversion).await,
        }
    }

    /// Oldest first.
    pub async fn transfers_of(&self, conversion: ConversionId) -> Result<Vec<Transfer>, StoreError> {
        match self {
            Ledger::Embedded(ledger) => ledger.transfers_of(conversion).await,
            Ledger::Distributed(ledger) => ledger.transfers_of(conversion).await,
        }
    }

    /// A company's decided conversions of a kind, those that the log took last first.
    pub async fn conversions_page(
        &self,
        company: CompanyId,
        kind: KeyKind,
        status: ListedStatus,
        page: PageOf,
    ) -> Result<ConversionsPage, StoreError> {
        match self {
            Ledger::Embedded(ledger) => ledger.conversions_page(company, kind, status, page).await,
            Ledger::Distributed(ledger) => ledger.conversions_page(company, kind, status, page).await,
        }
    }

    pub async fn balances_of_company(&self, company: CompanyId) -> Result<Vec<Balance>, StoreError> {
        match self {
            Ledger::Embedded(ledger) => ledger.balances_of_company(company).await,
            Ledger::Distributed(ledger) => ledger.balances_of_company(company).await,
        }
    }

    /// With every company.
    pub async fn balances_of_partner(&self, partner: PartnerId) -> Result<Vec<Balance>, StoreError> {
        match self {
            Ledger::Embedded(ledger) => ledger.balances_of_partner(partner).await,
            Ledger::Distributed(ledger) => ledger.balances_of_partner(partner).await,
        }
    }

    /// One row a company and currency.
    pub async fn partner_totals(&self, partner: PartnerId) -> Result<Vec<PartnerTotals>, StoreError> {
        match self {
            Ledger::Embedded(ledger) => ledger.partner_totals(partner).await,
            Ledger::Distributed(ledger) => ledger.partner_totals(partner).await,
        }
    }

    /// One row a partner and currency.
    pub async fn totals_of_company(&self, company: CompanyId) -> Result<Vec<PartnerTotals>, StoreError> {
        match self {
            Ledger::Embedded(ledger) => ledger.totals_of_company(company).await,
            Ledger::Distributed(ledger) => ledger.totals_of_company(company).await,
        }
    }

    /// Both days included.
    pub async fn outcomes(&self, company: CompanyId, from: Day, to: Day) -> Result<Vec<OutcomeCount>, StoreError> {
        match self {
            Ledger::Embedded(ledger) => ledger.outcomes(company, from, to).await,
            Ledger::Distributed(ledger) => ledger.outcomes(company, from, to).await,
        }
    }

    /// The same of one company, from its transfers alone.
    pub async fn books_of_company(&self, company: CompanyId) -> Result<Vec<CompanyBooks>, StoreError> {
        match self {
            Ledger::Embedded(ledger) => ledger.books_of_company(company).await,
            Ledger::Distributed(ledger) => ledger.books_of_company(company).await,
        }
    }

    /// Whether the books are right: balances sum to zero and equal a recount from the transfers. Reads every transfer.
    pub async fn sum_by_currency(&self) -> Result<Vec<Books>, StoreError> {
        match self {
            Ledger::Embedded(ledger) => ledger.sum_by_currency().await,
            Ledger::Distributed(ledger) => ledger.sum_by_currency().await,
        }
    }
}

/// Seconds since the beginning of 2020.
fn incarnation_at(now: TimeMs) -> u32 {
    const BEGINNING_S: i64 = 1_577_836_800;
    let seconds = (now.0 / 1_000 - BEGINNING_S).clamp(0, i64::from(i32::MAX));
    u32::try_from(seconds).unwrap_or_default()
}
