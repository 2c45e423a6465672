//! The embedded shape: five SQLite files in one folder, each owned by one thread.

pub(crate) mod belonging;
pub(crate) mod catalog;
pub(crate) mod checkpoint;
pub(crate) mod facts;
pub(crate) mod file;
pub(crate) mod ledger;
pub(crate) mod log;
pub(crate) mod owner;
pub(crate) mod readers;
pub(crate) mod row;
pub(crate) mod touches;
