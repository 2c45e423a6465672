//! The embedded shape: five SQLite files in one folder, each owned by one thread.

pub(crate) mod file;
pub(crate) mod owner;
pub(crate) mod row;
