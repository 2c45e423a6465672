mod columns;
mod commit;
mod conversion_row;
mod decided;
mod fetch;
mod lists;
mod money;
mod plan;
mod replies;
mod settles;
mod single;
mod take;

use std::{path::Path, sync::Arc};

use rusqlite::Connection;
use schemas::{
    accounts::Transfer,
    conversion::{Conversion, RefundApplied},
    event::Settle,
    hashes::KeyKind,
    ids::{CompanyId, ConversionId, PartnerId},
    time::Day,
};

use super::{
    belonging, checkpoint,
    file::{self, Durability, Pages},
    owner::Owner,
};
use crate::{
    DeploymentId, OpenError, StoreError,
    ledger::{
        Balance, Batch, Books, CommitError, CompanyBooks, ConversionsPage, Decided, LedgerFetched, LedgerNeeds,
        ListedStatus, OutcomeCount, PageOf, PartnerTotals, Plan, Progress, Quarantined, ReplyDue, SettleDue, Taken,
    },
};

mod migrations {
    refinery::embed_migrations!("../schemas/sql/ledger");
}

/// Page cache of the connection that writes, in KiB: a batch touches its keys' pages all over the file, and what does not
/// fit is written twice.
const CACHE_KIB: i64 = 16_384;

/// Its file in the data folder.
pub(crate) const FILE: &str = "ledger.db";

/// `ledger.db`: the owner's thread writes and fetches, one beside it answers people, one takes what is written into the file.
pub struct Ledger {
    owner: Owner,
    checkpointer: Arc<Owner>,
    reader: Owner,
}

impl Ledger {
    pub(crate) fn open(folder: &Path, deployment: DeploymentId) -> Result<Ledger, OpenError> {
        let path = folder.join(FILE);
        let mut connection = file::open(&path, Durability::Full, Pages::SMALL, migrations::migrations::runner())?;
        belonging::belong(&connection, &path, folder, deployment)?;
        connection
            .pragma_update(None, "cache_size", -CACHE_KIB)
            .map_err(|source| OpenError::Sqlite { file: path.clone(), source })?;
        let reader = Owner::start("ledger-reader", file::open_reader(&path)?).map_err(OpenError::Thread)?;
        let checkpointer = checkpoint::start("ledger-wal", &path, &mut connection)?;
        let owner = Owner::start("ledger", connection).map_err(OpenError::Thread)?;
        Ok(Ledger { owner, checkpointer, reader })
    }

    pub(crate) async fn close(&self) {
        // The last connection to close takes the write-ahead log into the file, which a reader cannot.
        self.reader.close().await;
        self.checkpointer.close().await;
        self.owner.close().await;
    }

    pub(crate) async fn partitions(&self) -> Result<u32, StoreError> {
        self.reader.call(|connection| take::partitions(connection)).await
    }

    pub(crate) async fn take(&self, partition: u32) -> Result<Taken, StoreError> {
        self.owner.call(move |connection| take::take(connection, partition)).await
    }

    pub(crate) async fn progress(&self, partition: u32) -> Result<Option<Progress>, StoreError> {
        self.reader.call(move |connection| take::progress(connection, partition)).await
    }

    pub(crate) async fn fetch(&self, needs: LedgerNeeds) -> Result<LedgerFetched, StoreError> {
        self.owner.call(move |connection| fetch::fetch(connection, &needs)).await
    }

    pub(crate) async fn commit(&self, batch: Batch) -> Result<(), CommitError> {
        self.owner.call(move |connection| commit::commit(connection, batch)).await
    }

    pub(crate) async fn plan(&self, partition: u32, epoch: u64, plan: Plan) -> Result<(), CommitError> {
        self.owner.call(move |connection| plan::plan(connection, partition, epoch, plan)).await
    }

    pub(crate) async fn check_epoch(&self, partition: u32, epoch: u64) -> Result<(), CommitError> {
        let own = move |connection: &mut Connection| plan::check_epoch(&connection.transaction()?, partition, epoch);
        self.owner.call(own).await
    }

    pub(crate) async fn begin_incarnation(
        &self,
        partition: u32,
        epoch: u64,
        from: u64,
        at_least: u32,
    ) -> Result<u32, CommitError> {
        self.owner.call(move |connection| plan::begin_incarnation(connection, partition, epoch, from, at_least)).await
    }

    pub(crate) async fn raise_epoch(&self, partition: u32, epoch: u64, to: u64) -> Result<(), CommitError> {
        self.owner.call(move |connection| plan::raise_epoch(connection, partition, epoch, to)).await
    }

    pub(crate) async fn trust_facts(&self, partition: u32, epoch: u64) -> Result<(), CommitError> {
        self.owner.call(move |connection| plan::trust_facts(connection, partition, epoch)).await
    }

    pub(crate) async fn open_plans(&self, partition: u32) -> Result<Vec<Plan>, StoreError> {
        self.reader.call(move |connection| Ok(plan::open(connection, partition)?)).await
    }

    pub(crate) async fn mark(&self, partition: u32, epoch: u64, plan: Plan) -> Result<(), CommitError> {
        self.owner.call(move |connection| plan::mark(connection, partition, epoch, plan)).await
    }

    pub(crate) async fn drop_plans(&self, partition: u32, epoch: u64, before: u64) -> Result<(), CommitError> {
        self.owner.call(move |connection| plan::drop_plans(connection, partition, epoch, before)).await
    }

    pub(crate) async fn decided(&self, partition: u32, from: u64, to: u64) -> Result<Decided, StoreError> {
        self.reader.call(move |connection| decided::decided(connection, partition, from, to)).await
    }

    pub(crate) async fn replies_from(&self, partition: u32, published: u64) -> Result<Vec<ReplyDue>, StoreError> {
        self.reader.call(move |connection| replies::replies_from(connection, partition, published)).await
    }

    pub(crate) async fn set_published(&self, partition: u32, epoch: u64, up_to: u64) -> Result<(), CommitError> {
        self.owner.call(move |connection| replies::set_published(connection, partition, epoch, up_to)).await
    }

    pub(crate) async fn parked_due(
        &self,
        partition: u32,
        facts_held: u64,
        limit: usize,
    ) -> Result<Vec<Settle>, StoreError> {
        self.reader.call(move |connection| settles::parked_due(connection, partition, facts_held, limit)).await
    }

    pub(crate) async fn late_due(
        &self,
        partition: u32,
        facts_held: u64,
        limit: usize,
    ) -> Result<Vec<Settle>, StoreError> {
        self.reader.call(move |connection| settles::late_due(connection, partition, facts_held, limit)).await
    }

    pub(crate) async fn settles_due(&self, partition: u32, limit: usize) -> Result<Vec<SettleDue>, StoreError> {
        self.reader.call(move |connection| settles::settles_due(connection, partition, limit)).await
    }

    pub(crate) async fn quarantined(&self, partition: u32, limit: usize) -> Result<Vec<Quarantined>, StoreError> {
        self.reader.call(move |connection| decided::quarantined(connection, partition, limit)).await
    }

    pub(crate) async fn remove_settles(
        &self,
        partition: u32,
        epoch: u64,
        numbers: Vec<i64>,
    ) -> Result<(), CommitError> {
        self.owner.call(move |connection| settles::remove_settles(connection, partition, epoch, &numbers)).await
    }
}

impl Ledger {
    pub(crate) async fn conversion(&self, id: ConversionId) -> Result<Option<Conversion>, StoreError> {
        self.reader.call(move |connection| single::conversion(connection, id)).await
    }

    pub(crate) async fn refunds(&self, conversion: ConversionId) -> Result<Vec<RefundApplied>, StoreError> {
        self.reader.call(move |connection| single::refunds(connection, conversion)).await
    }

    pub(crate) async fn transfers_of(&self, conversion: ConversionId) -> Result<Vec<Transfer>, StoreError> {
        self.reader.call(move |connection| single::transfers_of(connection, conversion)).await
    }

    pub(crate) async fn conversions_page(
        &self,
        company: CompanyId,
        kind: KeyKind,
        status: ListedStatus,
        page: PageOf,
    ) -> Result<ConversionsPage, StoreError> {
        self.reader.call(move |connection| lists::conversions_page(connection, company, kind, status, page)).await
    }

    pub(crate) async fn balances_of_company(&self, company: CompanyId) -> Result<Vec<Balance>, StoreError> {
        self.reader.call(move |connection| money::balances_of_company(connection, company)).await
    }

    pub(crate) async fn balances_of_partner(&self, partner: PartnerId) -> Result<Vec<Balance>, StoreError> {
        self.reader.call(move |connection| money::balances_of_partner(connection, partner)).await
    }

    pub(crate) async fn partner_totals(&self, partner: PartnerId) -> Result<Vec<PartnerTotals>, StoreError> {
        self.reader.call(move |connection| lists::partner_totals(connection, partner)).await
    }

    pub(crate) async fn totals_of_company(&self, company: CompanyId) -> Result<Vec<PartnerTotals>, StoreError> {
        self.reader.call(move |connection| lists::totals_of_company(connection, company)).await
    }

    pub(crate) async fn outcomes(
        &self,
        company: CompanyId,
        from: Day,
        to: Day,
    ) -> Result<Vec<OutcomeCount>, StoreError> {
        self.reader.call(move |connection| lists::outcomes(connection, company, from, to)).await
    }

    pub(crate) async fn books_of_company(&self, company: CompanyId) -> Result<Vec<CompanyBooks>, StoreError> {
        self.reader.call(move |connection| money::books_of_company(connection, company)).await
    }

    pub(crate) async fn sum_by_currency(&self) -> Result<Vec<Books>, StoreError> {
        self.reader.call(money::sum_by_currency).await
    }
}
