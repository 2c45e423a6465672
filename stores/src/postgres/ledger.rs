//! The ledger in Postgres: one transaction a batch, in two round trips.

mod ask;
mod columns;
mod commit;
mod conversion_row;
mod decided;
mod fetch;
mod lists;
mod lock;
mod money;
mod open;
mod plan;
mod replies;
mod session;
mod settles;
mod shared;
mod single;
mod take;

use std::sync::atomic::{AtomicBool, Ordering};

use deadpool_postgres::{PoolError, TimeoutType};
use schemas::{
    accounts::Transfer,
    conversion::{Conversion, RefundApplied},
    event::Settle,
    hashes::KeyKind,
    ids::{CompanyId, ConversionId, PartnerId},
    time::Day,
};

use super::Postgres;
use crate::{
    DeploymentId, OpenError, StoreError,
    ledger::{
        Balance, Batch, Books, CommitError, CompanyBooks, ConversionsPage, Decided, LedgerFetched, LedgerNeeds,
        ListedStatus, OutcomeCount, PageOf, PartnerTotals, Plan, Progress, Quarantined, ReplyDue, SettleDue, Taken,
        Versions,
    },
};
pub(crate) use lock::Locked;
use session::Session;

pub struct Ledger {
    postgres: Postgres,
    partitions: u32,
    /// The pool is not the ledger's alone to close.
    closed: AtomicBool,
}

impl Ledger {
    pub(crate) async fn connect(
        postgres: Postgres,
        deployment: DeploymentId,
        partitions: u32,
    ) -> Result<Ledger, OpenError> {
        open::open(&postgres, deployment, partitions).await?;
        Ok(Ledger { postgres, partitions, closed: AtomicBool::new(false) })
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    async fn session(&self) -> Result<Session, StoreError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(StoreError::Closed);
        }
        Session::start(&self.postgres).await
    }
}

impl Ledger {
    pub(crate) fn partitions(&self) -> u32 {
        self.partitions
    }

    pub(crate) async fn ask(&self) -> Result<(), StoreError> {
        match self.progress(0).await {
            Err(StoreError::PostgresPool(PoolError::Timeout(TimeoutType::Wait))) => Ok(()),
            asked => asked.map(drop),
        }
    }

    pub(crate) async fn take(&self, partition: u32) -> Result<Taken, StoreError> {
        take::take(self, partition).await
    }

    pub(crate) async fn progress(&self, partition: u32) -> Result<Option<Progress>, StoreError> {
        take::progress(self.session().await?, partition).await
    }

    pub(crate) async fn fetch(&self, needs: LedgerNeeds) -> Result<LedgerFetched, StoreError> {
        fetch::fetch(self.session().await?, &needs).await
    }

    pub(crate) async fn commit(&self, batch: Batch) -> Result<(), CommitError> {
        commit::commit(self.session().await?, batch).await
    }

    pub(crate) async fn lock(&self, partition: u32, epoch: u64, rows: Versions) -> Result<Locked, CommitError> {
        lock::lock(self.session().await?, partition, epoch, &rows).await
    }

    pub(crate) async fn commit_locked(&self, locked: Locked, batch: Batch) -> Result<(), CommitError> {
        commit::commit_locked(locked, batch).await
    }

    pub(crate) async fn plan(&self, partition: u32, epoch: u64, plan: Plan) -> Result<(), CommitError> {
        plan::plan(self.session().await?, partition, epoch, plan).await
    }

    pub(crate) async fn check_epoch(&self, partition: u32, epoch: u64) -> Result<(), CommitError> {
        plan::check_epoch(self.session().await?, partition, epoch).await
    }

    pub(crate) async fn begin_incarnation(
        &self,
        partition: u32,
        epoch: u64,
        from: u64,
        at_least: u32,
    ) -> Result<u32, CommitError> {
        plan::begin_incarnation(self.session().await?, partition, epoch, from, at_least).await
    }

    pub(crate) async fn raise_epoch(&self, partition: u32, epoch: u64, to: u64) -> Result<(), CommitError> {
        plan::raise_epoch(self.session().await?, partition, epoch, to).await
    }

    pub(crate) async fn trust_facts(&self, partition: u32, epoch: u64) -> Result<(), CommitError> {
        plan::trust_facts(self.session().await?, partition, epoch).await
    }

    pub(crate) async fn open_plans(&self, partition: u32) -> Result<Vec<Plan>, StoreError> {
        plan::open_plans(self.session().await?, partition).await
    }

    pub(crate) async fn mark(&self, partition: u32, epoch: u64, plan: Plan) -> Result<(), CommitError> {
        plan::mark(self.session().await?, partition, epoch, plan).await
    }

    pub(crate) async fn drop_plans(&self, partition: u32, epoch: u64, before: u64) -> Result<(), CommitError> {
        plan::drop_plans(self.session().await?, partition, epoch, before).await
    }

    pub(crate) async fn decided(&self, partition: u32, from: u64, to: u64) -> Result<Decided, StoreError> {
        decided::decided(self.session().await?, partition, from, to).await
    }

    pub(crate) async fn replies_from(&self, partition: u32, published: u64) -> Result<Vec<ReplyDue>, StoreError> {
        replies::replies_from(self.session().await?, partition, published).await
    }

    pub(crate) async fn set_published(&self, partition: u32, epoch: u64, up_to: u64) -> Result<(), CommitError> {
        replies::set_published(self.session().await?, partition, epoch, up_to).await
    }

    pub(crate) async fn parked_due(
        &self,
        partition: u32,
        facts_held: u64,
        limit: usize,
    ) -> Result<Vec<Settle>, StoreError> {
        settles::parked_due(self.session().await?, partition, facts_held, limit).await
    }

    pub(crate) async fn late_due(
        &self,
        partition: u32,
        facts_held: u64,
        limit: usize,
    ) -> Result<Vec<Settle>, StoreError> {
        settles::late_due(self.session().await?, partition, facts_held, limit).await
    }

    pub(crate) async fn settles_due(&self, partition: u32, limit: usize) -> Result<Vec<SettleDue>, StoreError> {
        settles::settles_due(self.session().await?, partition, limit).await
    }

    pub(crate) async fn quarantined(&self, partition: u32, limit: usize) -> Result<Vec<Quarantined>, StoreError> {
        decided::quarantined(self.session().await?, partition, limit).await
    }

    pub(crate) async fn remove_settles(
        &self,
        partition: u32,
        epoch: u64,
        numbers: Vec<i64>,
    ) -> Result<(), CommitError> {
        settles::remove_settles(self.session().await?, partition, epoch, numbers).await
    }
}

impl Ledger {
    pub(crate) async fn conversion(&self, id: ConversionId) -> Result<Option<Conversion>, StoreError> {
        single::conversion(self.session().await?, id).await
    }

    pub(crate) async fn refunds(&self, conversion: ConversionId) -> Result<Vec<RefundApplied>, StoreError> {
        single::refunds(self.session().await?, conversion).await
    }

    pub(crate) async fn transfers_of(&self, conversion: ConversionId) -> Result<Vec<Transfer>, StoreError> {
        single::transfers_of(self.session().await?, conversion).await
    }

    pub(crate) async fn conversions_page(
        &self,
        company: CompanyId,
        kind: KeyKind,
        status: ListedStatus,
        page: PageOf,
    ) -> Result<ConversionsPage, StoreError> {
        lists::conversions_page(self.session().await?, company, kind, status, page).await
    }

    pub(crate) async fn balances_of_company(&self, company: CompanyId) -> Result<Vec<Balance>, StoreError> {
        money::balances_of_company(self.session().await?, company).await
    }

    pub(crate) async fn balances_of_partner(&self, partner: PartnerId) -> Result<Vec<Balance>, StoreError> {
        money::balances_of_partner(self.session().await?, partner).await
    }

    pub(crate) async fn partner_totals(&self, partner: PartnerId) -> Result<Vec<PartnerTotals>, StoreError> {
        lists::partner_totals(self.session().await?, partner).await
    }

    pub(crate) async fn totals_of_company(&self, company: CompanyId) -> Result<Vec<PartnerTotals>, StoreError> {
        lists::totals_of_company(self.session().await?, company).await
    }

    pub(crate) async fn outcomes(
        &self,
        company: CompanyId,
        from: Day,
        to: Day,
    ) -> Result<Vec<OutcomeCount>, StoreError> {
        lists::outcomes(self.session().await?, company, from, to).await
    }

    pub(crate) async fn books_of_company(&self, company: CompanyId) -> Result<Vec<CompanyBooks>, StoreError> {
        money::books_of_company(self.session().await?, company).await
    }

    pub(crate) async fn sum_by_currency(&self) -> Result<Vec<Books>, StoreError> {
        money::sum_by_currency(self.session().await?).await
    }
}
