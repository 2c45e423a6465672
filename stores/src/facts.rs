//! Facts: rows for analysts and dashboards, in blocks that follow the log. They can be made again from log and ledger.

use std::{path::Path, sync::Arc, time::Duration};

use rules::touches::{Touch, Touches as Remembered};
use schemas::{
    facts::Fact,
    ids::{CompanyId, LinkId, PartnerId},
    money::Currency,
    time::TimeMs,
};
use tokio::sync::watch;

use crate::{
    DeploymentId, Listed, OpenError, Page, Servers, StoreError, clickhouse::facts::ClickHouseFacts,
    sqlite::facts::SqliteFacts,
};

mod answers;
mod block;
mod checksum;
mod gathered;
mod removal;
pub(crate) mod sql;

pub use answers::{
    CompanyDay, CompanyOverview, Counted, Currencies, Days, LinkClick, LinkSales, LinkStats, PartnerCompany,
    PartnerDay, PartnerOverview, TopPartner,
};
pub use block::{Block, Extent, Held, InsertError, Inserted};
pub(crate) use block::{Place, position};
pub use checksum::Checksum;
pub use gathered::{Gathered, Whole};
pub use removal::Removal;

/// How many clicks of a link an attribution looks at: the newest ones, and the oldest beside them.
pub const TOUCHES_OF_A_LINK: u32 = 16;

/// What an owner that has lost its partition was inserting is there by then, or never: clicks first, changes after them.
pub const INSERT_WAIT: Duration = Duration::from_secs(50);

#[derive(Clone)]
pub enum Facts {
    Embedded(Arc<SqliteFacts>),
    Distributed(Arc<ClickHouseFacts>),
}

impl Facts {
    /// Opens `facts.db` in the folder, for this deployment.
    pub fn open(folder: &Path, deployment: DeploymentId) -> Result<Facts, OpenError> {
        SqliteFacts::open(folder, deployment).map(|facts| Facts::Embedded(Arc::new(facts)))
    }

    /// Uses the ClickHouse of these servers for this deployment; its database and tables are made where they are missing.
    pub async fn connect(servers: &Servers, deployment: DeploymentId) -> Result<Facts, OpenError> {
        ClickHouseFacts::connect(servers, deployment).await.map(|facts| Facts::Distributed(Arc::new(facts)))
    }

    /// Whether its server answers.
    pub async fn ask(&self) -> Result<(), StoreError> {
        match self {
            Facts::Embedded(_) => Ok(()),
            Facts::Distributed(facts) => facts.ask().await,
        }
    }

    /// Runs what waits and ends the store for every handle.
    pub async fn close(&self) {
        match self {
            Facts::Embedded(facts) => facts.close().await,
            Facts::Distributed(facts) => facts.close().await,
        }
    }

    /// How far facts hold the log, as far as this process knows: it inserted that itself, or was told when it took the partition. Wakes
    /// after each block's commit.
    pub fn held(&self) -> watch::Receiver<Held> {
        match self {
            Facts::Embedded(facts) => facts.held(),
            Facts::Distributed(facts) => facts.held(),
        }
    }

    /// Holds a block, once however often it is sent. It must begin where the facts of its partition end.
    pub async fn insert(&self, block: Block) -> Result<Inserted, InsertError> {
        match self {
            Facts::Embedded(facts) => facts.insert(block).await,
            Facts::Distributed(facts) => facts.insert(block).await,
        }
    }

    /// Whoever takes a partition says up to where the ledger has its blocks marked. Embedded facts know that themselves.
    pub fn resume(&self, partition: u32, up_to: u64) {
        match self {
            Facts::Embedded(_) => {}
            Facts::Distributed(facts) => facts.resume(partition, up_to),
        }
    }

    /// Whoever lets a partition go says so: others write it from here on.
    pub fn let_go(&self, partition: u32) {
        match self {
            Facts::Embedded(_) => {}
            Facts::Distributed(facts) => facts.let_go(partition),
        }
    }

    /// One step of taking out what facts hold of the partition from an offset on, and its part of the sums; what is left to do, if
    /// anything is. Whoever asks makes sure before each step that the partition is still its own, and writes nothing to it until no
    /// step is left. Where a step fails, or nobody knows whether one is still being done, all are done again from the first.
    pub async fn remove(&self, removal: Removal) -> Result<Option<Removal>, StoreError> {
        match self {
            Facts::Embedded(facts) => facts.remove(removal).await,
            Facts::Distributed(facts) => facts.remove(removal).await,
        }
    }

    /// One past the last offset that something is stored of; embedded facts count the end of a block in which nothing was.
    pub async fn stored_up_to(&self, partition: u32) -> Result<u64, StoreError> {
        match self {
            Facts::Embedded(facts) => facts.stored_up_to(partition).await,
            Facts::Distributed(facts) => facts.stored_up_to(partition).await,
        }
    }

    /// The facts at offsets `[from, to)`, each once, by their place in the log.
    pub async fn read(&self, partition: u32, from: u64, to: u64) -> Result<Vec<Fact>, StoreError> {
        match self {
            Facts::Embedded(facts) => facts.read(partition, from, to).await,
            Facts::Distributed(facts) => facts.read(partition, from, to).await,
        }
    }

    /// Over all facts of the partition and its sums by day: equal where they are made again.
    pub async fn checksum(&self, partition: u32) -> Result<Checksum, StoreError> {
        match self {
            Facts::Embedded(facts) => facts.checksum(partition).await,
            Facts::Distributed(facts) => facts.checksum(partition).await,
        }
    }

    /// The first and the last counted click of every link of a partition at offsets before this one: what an owner remembers of
    /// clicks that the log has no more.
    pub async fn touches_before(&self, partition: u32, offset: u64) -> Result<Remembered, StoreError> {
        let ends = match self {
            Facts::Embedded(facts) => facts.ends_before(partition, offset).await?,
            Facts::Distributed(facts) => facts.ends_before(partition, offset).await?,
        };
        let mut remembered = Remembered::default();
        for touch in ends {
            remembered.remember(touch.receipt.fields().link, touch);
        }
        Ok(remembered)
    }

    /// Counted clicks of a link at times `[from, until)` and offsets before `before_offset`, oldest first; at most the newest
    /// [`TOUCHES_OF_A_LINK`], and the oldest beside them.
    pub async fn touches_of(
        &self,
        link: LinkId,
        from: TimeMs,
        until: TimeMs,
        before_offset: u64,
    ) -> Result<Vec<Touch>, StoreError> {
        match self {
            Facts::Embedded(facts) => facts.touches_of(link, from, until, before_offset).await,
            Facts::Distributed(facts) => facts.touches_of(link, from, until, before_offset).await,
        }
    }

    /// `top` is how many of the best partners to name.
    pub async fn company_overview(
        &self,
        company: CompanyId,
        days: Days,
        currency: Option<Currency>,
        top: u32,
    ) -> Result<CompanyOverview, StoreError> {
        match self {
            Facts::Embedded(facts) => facts.company_overview(company, days, currency, top).await,
            Facts::Distributed(facts) => facts.company_overview(company, days, currency, top).await,
        }
    }

    /// One entry a day, zeros included.
    pub async fn company_daily(
        &self,
        company: CompanyId,
        days: Days,
        currency: Currency,
    ) -> Result<Vec<CompanyDay>, StoreError> {
        match self {
            Facts::Embedded(facts) => facts.company_daily(company, days, currency).await,
            Facts::Distributed(facts) => facts.company_daily(company, days, currency).await,
        }
    }

    /// Most clicks first.
    pub async fn traffic_sources(
        &self,
        company: CompanyId,
        days: Days,
        limit: u32,
    ) -> Result<Vec<Counted>, StoreError> {
        match self {
            Facts::Embedded(facts) => facts.traffic_sources(company, days, limit).await,
            Facts::Distributed(facts) => facts.traffic_sources(company, days, limit).await,
        }
    }

    /// Most clicks first.
    pub async fn top_pages(&self, company: CompanyId, days: Days, limit: u32) -> Result<Vec<Counted>, StoreError> {
        match self {
            Facts::Embedded(facts) => facts.top_pages(company, days, limit).await,
            Facts::Distributed(facts) => facts.top_pages(company, days, limit).await,
        }
    }

    /// Revenue of the ISO weekdays, Monday first.
    pub async fn revenue_by_weekday(
        &self,
        company: CompanyId,
        days: Days,
        currency: Currency,
    ) -> Result<[i64; 7], StoreError> {
        match self {
            Facts::Embedded(facts) => facts.revenue_by_weekday(company, days, currency).await,
            Facts::Distributed(facts) => facts.revenue_by_weekday(company, days, currency).await,
        }
    }

    pub async fn partner_overview(
        &self,
        partner: PartnerId,
        days: Days,
        currency: Option<Currency>,
    ) -> Result<PartnerOverview, StoreError> {
        match self {
            Facts::Embedded(facts) => facts.partner_overview(partner, days, currency).await,
            Facts::Distributed(facts) => facts.partner_overview(partner, days, currency).await,
        }
    }

    /// One entry a day, zeros included.
    pub async fn partner_daily(
        &self,
        partner: PartnerId,
        days: Days,
        currency: Currency,
    ) -> Result<Vec<PartnerDay>, StoreError> {
        match self {
            Facts::Embedded(facts) => facts.partner_daily(partner, days, currency).await,
            Facts::Distributed(facts) => facts.partner_daily(partner, days, currency).await,
        }
    }

    /// Most earned first.
    pub async fn partner_by_company(
        &self,
        partner: PartnerId,
        days: Days,
        currency: Currency,
        limit: u32,
    ) -> Result<Vec<PartnerCompany>, StoreError> {
        match self {
            Facts::Embedded(facts) => facts.partner_by_company(partner, days, currency, limit).await,
            Facts::Distributed(facts) => facts.partner_by_company(partner, days, currency, limit).await,
        }
    }

    /// In the order asked for.
    pub async fn link_stats(&self, links: Vec<LinkId>) -> Result<Vec<LinkStats>, StoreError> {
        match self {
            Facts::Embedded(facts) => facts.link_stats(links).await,
            Facts::Distributed(facts) => facts.link_stats(links).await,
        }
    }

    /// People's and bots' clicks of a link, newest first.
    pub async fn link_clicks(&self, link: LinkId, page: Page) -> Result<Listed<LinkClick>, StoreError> {
        match self {
            Facts::Embedded(facts) => facts.link_clicks(link, page).await,
            Facts::Distributed(facts) => facts.link_clicks(link, page).await,
        }
    }
}
