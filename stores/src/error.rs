use std::{error::Error, path::PathBuf, sync::Arc, time::Duration};

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
    /// It was handed to the log, which has not answered and will not be asked again.
    #[error("the log is away: whether it has the event is not known")]
    PerhapsSent,
    /// It was made anew, its tail was cut, or what was to be read is older than what it keeps.
    #[error("partition {partition} of the log cannot be read from {from} on: it goes from {start} to {end}")]
    LogLost { partition: u32, from: u64, start: u64, end: u64 },
    #[error("a thread could not be started: {0}")]
    Thread(std::io::Error),
    #[error("Kafka: {0}")]
    Kafka(#[from] rdkafka::error::KafkaError),
    #[error("Postgres: {}", postgres_text(.0))]
    Postgres(#[from] tokio_postgres::Error),
    #[error("Postgres: {}", whole(.0))]
    PostgresPool(#[from] deadpool_postgres::PoolError),
    #[error("Postgres: no answer within {0:?}")]
    PostgresSilent(Duration),
    #[error("Redis: {0}")]
    Redis(#[from] redis::RedisError),
    #[error("what is kept of partition {0} changed while it was read or saved: try again")]
    Unsettled(u32),
    #[error("ClickHouse: {0}")]
    ClickHouse(#[from] clickhouse::error::Error),
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

impl StoreError {
    /// Whether another try may find the store well again.
    pub fn passes(&self) -> bool {
        let ends = matches!(self, StoreError::Closed | StoreError::NoPartition(_) | StoreError::LogLost { .. });
        !ends && !self.is_fatal()
    }

    /// Kafka's client works no more, and nothing but a new process makes another.
    fn is_fatal(&self) -> bool {
        let StoreError::Kafka(error) = self else { return false };
        error.rdkafka_error_code() == Some(rdkafka::error::RDKafkaErrorCode::Fatal)
    }
}

/// The server's own words, which the error's first line leaves out; not its details, which quote rows.
pub(crate) fn postgres_text(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(refused) => format!("{} ({})", refused.message(), refused.code().code()),
        None => whole(error),
    }
}

/// An error with what caused it.
pub(crate) fn whole(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
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
    #[error(
        "{server} at {address} shows a certificate that is not trusted: {problem}. Name who signed it, a PEM file, as {name}=FILE in --{flag}"
    )]
    Untrusted { server: &'static str, flag: &'static str, address: String, problem: String, name: &'static str },
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

impl OpenError {
    /// Nobody answers there, or somebody whose certificate is not taken.
    pub(crate) fn unreachable(server: &'static str, flag: &'static str, address: String, problem: String) -> OpenError {
        if !problem.contains("certificate") {
            return OpenError::Unreachable { server, flag, address, problem };
        }
        let name = if flag == "postgres" { "sslrootcert" } else { "ca" };
        OpenError::Untrusted { server, flag, address, problem, name }
    }
}
