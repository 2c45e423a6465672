use std::path::Path;

use refinery::{Runner, error::Kind};
use rusqlite::{Connection, OpenFlags, config::DbConfig};

use crate::OpenError;

/// How much of what was committed a power cut may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Nothing: every commit is fsynced.
    Full,
    /// The last commits; what is lost can be made again.
    Rebuildable,
}

/// How a file is cut into pages, from when it is made on, and how many of them its owner keeps in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pages {
    bytes: u32,
    cache_kib: i64,
}

impl Pages {
    pub(crate) const SMALL: Pages = Pages { bytes: 4_096, cache_kib: 4_096 };
    /// Where rows come by the hundred: what is done a page is done half as often, and one row alone writes no more than two of the smallest.
    pub(crate) const LARGE: Pages = Pages { bytes: 8_192, cache_kib: 4_096 };
    /// Where thousands come at once, each to a link of its own.
    pub(crate) const LARGE_AND_MANY: Pages = Pages { bytes: 8_192, cache_kib: 16_384 };
}

/// Opens one of the deployment's files for its owner and brings its tables up to date.
pub(crate) fn open(
    path: &Path,
    durability: Durability,
    pages: Pages,
    migrations: Runner,
) -> Result<Connection, OpenError> {
    let mut connection = Connection::open(path).map_err(|source| sqlite(path, source))?;
    configure(&connection, durability, pages).map_err(|source| sqlite(path, source))?;
    migrations.set_abort_missing(true).set_abort_divergent(true).run(&mut connection).map_err(|source| match source
        .kind()
    {
        Kind::MissingVersion(_) | Kind::DivergentVersion(..) => OpenError::Newer { file: path.to_owned() },
        _ => OpenError::Migration { file: path.to_owned(), source: Box::new(source) },
    })?;
    Ok(connection)
}

/// Opens a file that its owner has brought up to date, for taking its write-ahead log into it beside the owner.
pub(crate) fn open_checkpointer(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|source| sqlite(path, source))?;
    let fsynced = connection.pragma_update(None, "synchronous", "FULL");
    fsynced.map_err(|source| sqlite(path, source))?;
    Ok(connection)
}

/// Opens a file that its owner has brought up to date, for reading beside it.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|source| sqlite(path, source))?;
    connection.set_prepared_statement_cache_capacity(128);
    connection.busy_timeout(BUSY_WAIT).and_then(|()| plan_once(&connection)).map_err(|source| sqlite(path, source))?;
    Ok(connection)
}

/// How long a reader waits for a checkpoint that holds the file.
const BUSY_WAIT: std::time::Duration = std::time::Duration::from_secs(10);

fn configure(connection: &Connection, durability: Durability, pages: Pages) -> rusqlite::Result<()> {
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Rebuildable => "NORMAL",
    };
    connection.busy_timeout(BUSY_WAIT)?;
    connection.pragma_update(None, "page_size", pages.bytes)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "cache_size", -pages.cache_kib)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(128);
    plan_once(connection)
}

/// A statement is planned when it is prepared, and not anew for other values bound to it.
fn plan_once(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

fn sqlite(path: &Path, source: rusqlite::Error) -> OpenError {
    OpenError::Sqlite { file: path.to_owned(), source }
}
