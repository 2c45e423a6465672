//! SHIM: stands in for the spool; goes when it comes.

use std::path::PathBuf;

use schemas::time::TimeMs;
use stores::log::{Log, LogLimits};

#[derive(Debug, thiserror::Error)]
#[error("there is no spool yet")]
pub struct SpoolError;

pub struct SpoolConfig {
    pub folder: PathBuf,
    pub bytes_max: u64,
    pub free_bytes_min: u64,
    pub limits: LogLimits,
}

impl SpoolConfig {
    pub const FREE_BYTES_MIN: u64 = 256 << 20;
}

#[derive(Clone)]
pub struct Spool;

pub struct Drain;

impl Spool {
    pub fn open(_: SpoolConfig, _: fn() -> TimeMs) -> Result<(Spool, Drain), SpoolError> {
        Ok((Spool, Drain))
    }

    pub fn not_ready(&self) -> Option<&'static str> {
        None
    }

    pub async fn close(&self) {}
}

impl Drain {
    pub async fn run(self, _: Log) {}
}
