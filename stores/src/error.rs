use std::{path::PathBuf, sync::Arc, time::Duration};

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the store has been closed")]
    Closed,
    #[error("a stored row cannot be read: {0}")]
    Corrupt(String),
    #[error("there is no partition {0}")]
    NoPartition(u32),
    /// All that waited for one group's commit are told the same.
    #[error("the log could not write: {0}")]
    NotAppended(Arc<rusqlite::Error>),
    /// It was never handed to the log and never will be.
    #[error("the log is away: the event was not sent")]
    NotSent,
    #[error("Kafka: {0}")]
    Kafka(#[from] rdkafka::error::KafkaError),
    #[error("Postgres: {}", postgres_text(.0))]
    Postgres(#[from] tokio_postgres::Error),
    #[error("Postgres: {0}")]
    PostgresPool(#[from] deadpool_postgres::PoolError),
    #[error("Postgres gave no answer within {0:?}")]
    PostgresSilent(Duration),
    #[error("Redis: {0}")]
    Redis(#[from] redis::RedisError),
    #[error("ClickHouse: {0}")]
    ClickHouse(#[from] clickhouse::error::Error),
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// The server's own words, which the error's first line leaves out.
pub(crate) fn postgres_text(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string)
}

/// Why a data folder or a server cannot be used. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "data folder {folder} cannot be written: {source}. Choose another with --data-dir, or give this user the right to write there"
    )]
    NotWritable { folder: PathBuf, source: std::io::Error },
    #[error(
        "data folder {folder} is in use by another process. Stop that one, or choose another folder with --data-dir"
    )]
    InUse { folder: PathBuf },
    #[error(
        "{file} was made by a newer version of Refmill. Start that version, or choose another folder with --data-dir"
    )]
    Newer { file: PathBuf },
    #[error("{file} belongs to another deployment than {than}. Put back the files that belong together")]
    Foreign { file: PathBuf, than: PathBuf },
    #[error(
        "{file} is behind what {ahead} has seen of it: it was restored from an older copy or cut. Put back the files that belong together"
    )]
    Behind { file: PathBuf, ahead: PathBuf },
    #[error("{file} cannot be brought up to date: {source}")]
    Migration { file: PathBuf, source: Box<refinery::Error> },
    #[error("{file} cannot be opened: {source}")]
    Sqlite { file: PathBuf, source: rusqlite::Error },
    #[error("{server} at {address} cannot be reached: {problem}. See that it runs, or say where it is with --{flag}")]
    Unreachable { server: &'static str, flag: &'static str, address: String, problem: String },
    #[error("{server} at {address} refuses this user: {problem}. Put the right user and password into --{flag}")]
    Unauthorized { server: &'static str, flag: &'static str, address: String, problem: String },
    #[error("{server} at {address} is not set up as it must be: {problem}. {advice}")]
    Unfit { server: &'static str, address: String, problem: String, advice: String },
    #[error("--{flag} is not understood: {problem}")]
    BadUrl { flag: &'static str, problem: String },
    #[error("the system gave no random bytes: {0}")]
    Random(getrandom::Error),
    #[error("a thread could not be started: {0}")]
    Thread(std::io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}
