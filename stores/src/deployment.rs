use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use schemas::time::TimeMs;

use crate::{
    DeploymentId, OpenError, Servers,
    catalog::Catalog,
    facts::Facts,
    ledger::Ledger,
    log::{Log, LogLimits},
    sqlite,
    touches::Touches,
};

mod servers;

/// Where a deployment's state lives.
#[derive(Clone)]
pub enum Shape {
    /// One process, one folder.
    Embedded { folder: PathBuf },
    /// Any number of processes around four servers.
    Distributed {
        servers: Box<Servers>,
        /// Topics that are missing are made; otherwise that they are is an error.
        create_topics: bool,
    },
}

/// What a process does, and so which stores it opens. All need log, ledger and catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    /// Takes events in.
    pub ingests: bool,
    /// Owns partitions: needs touches and facts.
    pub decides: bool,
    /// Answers people: needs facts.
    pub shows: bool,
}

/// The stores of one deployment, all of one shape.
pub struct Deployment {
    pub id: DeploymentId,
    pub log: Log,
    pub ledger: Ledger,
    pub catalog: Catalog,
    /// Where it decides or shows, and in the embedded shape always.
    pub facts: Option<Facts>,
    /// Where it decides, and in the embedded shape always.
    pub touches: Option<Touches>,
    /// The lock on the folder, held as long as the stores may be used.
    lock: Option<File>,
}

const LOCK_FILE: &str = "refmill.lock";

/// The embedded shape has one partition.
const PARTITION: u32 = 0;

impl Roles {
    pub const ALL: Roles = Roles { ingests: true, decides: true, shows: true };
}

impl Deployment {
    pub async fn open(
        shape: &Shape,
        roles: Roles,
        limits: LogLimits,
        now: fn() -> TimeMs,
    ) -> Result<Deployment, OpenError> {
        match shape {
            Shape::Embedded { folder } => open_folder(folder, limits, now).await,
            Shape::Distributed { servers, create_topics } => {
                servers::open(servers, *create_topics, roles, limits, now).await
            }
        }
    }

    /// Finishes what waits, and ends what the stores run.
    pub async fn close(self) {
        self.log.close().await;
        self.ledger.close().await;
        if let Some(touches) = self.touches {
            touches.close().await;
        }
        if let Some(facts) = self.facts {
            facts.close().await;
        }
        self.catalog.close().await;
        if let Some(lock) = self.lock {
            give_up(&lock);
        }
    }
}

async fn open_folder(folder: &Path, limits: LogLimits, now: fn() -> TimeMs) -> Result<Deployment, OpenError> {
    let lock = lock(folder)?;
    let catalog = Catalog::open(folder, now())?;
    let id = catalog.deployment();
    let log = Log::open(folder, id, limits, Box::new(now))?;
    let touches = Touches::open(folder, id)?;
    let ledger = Ledger::open(folder, id)?;
    let facts = Facts::open(folder, id)?;
    check_order(folder, &log, &ledger, &touches, &facts).await?;
    Ok(Deployment { id, log, ledger, catalog, facts: Some(facts), touches: Some(touches), lock: Some(lock) })
}

/// Nothing downstream may have seen more than what it was made from holds.
async fn check_order(
    folder: &Path,
    log: &Log,
    ledger: &Ledger,
    touches: &Touches,
    facts: &Facts,
) -> Result<(), OpenError> {
    let decided = ledger.progress(PARTITION).await?.map_or(0, |progress| progress.next);
    let remembered = touches.load(PARTITION).await?.next;
    let held = facts.held().borrow().up_to(PARTITION);
    let steps = [
        (sqlite::log::FILE, log.span(PARTITION).await?.end, sqlite::ledger::FILE, decided),
        (sqlite::ledger::FILE, decided, sqlite::facts::FILE, held),
        (sqlite::ledger::FILE, decided, sqlite::touches::FILE, remembered),
    ];
    match steps.into_iter().find(|(_, has, _, seen)| seen > has) {
        Some((file, _, ahead, _)) => Err(OpenError::Behind { file: folder.join(file), ahead: folder.join(ahead) }),
        None => Ok(()),
    }
}

/// Makes the folder where it is missing, readable by its owner alone, and takes it for this process.
fn lock(folder: &Path) -> Result<File, OpenError> {
    let not_writable = |source| OpenError::NotWritable { folder: folder.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(not_writable)?;
    let lock = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .open(folder.join(LOCK_FILE))
        .map_err(not_writable)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { folder: folder.to_owned() }),
        Err(TryLockError::Error(source)) => Err(not_writable(source)),
    }
}

/// Closing it alone would leave the folder taken for a moment where this process starts another: until that is another program, it has a
/// copy of every open file.
fn give_up(lock: &File) {
    // Then it is given up by being closed.
    let _ = lock.unlock();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the folder can be taken again while a process that was just started has a copy of its lock.
    fn is_free_after(end: fn(File)) -> bool {
        let folder = tempfile::tempdir().expect("a folder");
        let held = lock(folder.path()).expect("nobody has it");
        assert!(matches!(lock(folder.path()), Err(OpenError::InUse { .. })), "it is taken");
        let copy = held.try_clone().expect("a copy");
        end(held);
        let is_free = lock(folder.path()).is_ok();
        drop(copy);
        is_free
    }

    #[test]
    fn a_folder_that_is_given_up_is_free_whoever_has_a_copy_of_its_lock() {
        assert!(is_free_after(|held| give_up(&held)));
        assert!(!is_free_after(drop), "one that is only closed would not be");
    }
}
