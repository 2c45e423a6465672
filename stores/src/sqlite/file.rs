use std::path::Path;

use refinery::{Runner, error::Kind};
use rusqlite::{Connection, OpenFlags};

use crate::OpenError;

/// How much of what was committed a power cut may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Nothing: every commit is fsynced.
    Full,
    /// The last commits; what is lost can be made again.
    Rebuildable,
}

/// Opens one of the deployment's files for its owner and brings its tables up to date.
pub(crate) fn open(path: &Path, durability: Durability, migrations: Runner) -> Result<Connection, OpenError> {
    let mut connection = Connection::open(path).map_err(|source| sqlite(path, source))?;
    configure(&connection, durability).map_err(|source| sqlite(path, source))?;
    migrations.set_abort_missing(true).set_abort_divergent(true).run(&mut connection).map_err(|source| match source
        .kind()
    {
        Kind::MissingVersion(_) | Kind::DivergentVersion(..) => OpenError::Newer { file: path.to_owned() },
        _ => OpenError::Migration { file: path.to_owned(), source: Box::new(source) },
    })?;
    Ok(connection)
}

/// Opens a file that its owner has brought up to date, for reading beside it.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|source| sqlite(path, source))?;
    connection.set_prepared_statement_cache_capacity(128);
    connection.busy_timeout(BUSY_WAIT).map_err(|source| sqlite(path, source))?;
    Ok(connection)
}

/// How long a reader waits for a checkpoint that holds the file.
const BUSY_WAIT: std::time::Duration = std::time::Duration::from_secs(10);

/// Page cache a connection, in KiB.
const CACHE_KIB: i64 = 4_096;

fn configure(connection: &Connection, durability: Durability) -> rusqlite::Result<()> {
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Rebuildable => "NORMAL",
    };
    connection.busy_timeout(BUSY_WAIT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(())
}

fn sqlite(path: &Path, source: rusqlite::Error) -> OpenError {
    OpenError::Sqlite { file: path.to_owned(), source }
}
