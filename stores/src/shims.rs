//! SHIM: stands in for the servers' variants; goes when they come.

use schemas::time::TimeMs;

use crate::{
    DeploymentId, OpenError, Servers,
    catalog::Catalog,
    facts::Facts,
    ledger::Ledger,
    log::{Log, LogLimits},
    postgres::Postgres,
    touches::Touches,
};

fn none<T>(server: &'static str) -> Result<T, OpenError> {
    let advice = "Wait for it".to_owned();
    Err(OpenError::Unfit { server, address: String::new(), problem: "there is no such variant yet".to_owned(), advice })
}

pub struct Span {
    pub end: u64,
}

impl Log {
    pub async fn connect(_: &Servers, _: LogLimits, _: bool) -> Result<Log, OpenError> {
        none("Kafka")
    }

    pub fn partitions(&self) -> u32 {
        1
    }

    pub async fn span(&self, _: u32) -> Result<Span, crate::StoreError> {
        Ok(Span { end: self.end() })
    }

    pub fn reply_partitions(&self) -> u32 {
        1
    }

    pub fn health(&self) -> tokio::sync::watch::Receiver<crate::log::Health> {
        crate::log::Health::always_well()
    }
}

impl Ledger {
    pub(crate) async fn connect(_: Postgres, _: DeploymentId, _: u32) -> Result<Ledger, OpenError> {
        none("Postgres")
    }
}

impl Catalog {
    pub(crate) async fn connect(_: Postgres, _: TimeMs) -> Result<Catalog, OpenError> {
        none("Postgres")
    }
}

impl Facts {
    pub async fn connect(_: &Servers) -> Result<Facts, OpenError> {
        none("ClickHouse")
    }
}

impl Touches {
    pub async fn connect(_: &Servers, _: DeploymentId) -> Result<Touches, OpenError> {
        none("Redis")
    }
}
// Counted by the log and the spool that come: "refmill_log_lag_events" "refmill_log_away" "refmill_log_delivered_records_total"
// "refmill_spool_records" "refmill_spool_oldest_seconds"
