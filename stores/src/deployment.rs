use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use schemas::time::TimeMs;

use crate::{
    DeploymentId, OpenError,
    catalog::Catalog,
    facts::Facts,
    ledger::Ledger,
    log::{Log, LogLimits},
    sqlite,
    touches::Touches,
};

/// Where a deployment's state lives.
#[derive(Debug, Clone)]
pub enum Shape {
    /// One process, one folder.
    Embedded { folder: PathBuf },
}

/// The stores of one deployment, all of one shape.
pub struct Deployment {
    pub id: DeploymentId,
    pub log: Log,
    pub touches: Touches,
    pub ledger: Ledger,
    pub catalog: Catalog,
    pub facts: Facts,
    /// Held as long as the stores may be used.
    _held: Held,
}

enum Held {
    Folder(#[expect(dead_code, reason = "the lock ends with the file")] File),
}

const LOCK_FILE: &str = "refmill.lock";

/// The embedded shape has one partition.
const PARTITION: u32 = 0;

impl Deployment {
    pub async fn open(shape: &Shape, limits: LogLimits, now: fn() -> TimeMs) -> Result<Deployment, OpenError> {
        match shape {
            Shape::Embedded { folder } => {
                let deployment = open_folder(folder, limits, now)?;
                check_order(folder, &deployment).await?;
                Ok(deployment)
            }
        }
    }

    /// Finishes what waits and ends the stores' threads.
    pub async fn close(self) {
        self.log.close().await;
        self.ledger.close().await;
        self.touches.close().await;
        self.facts.close().await;
        self.catalog.close().await;
    }
}

fn open_folder(folder: &Path, limits: LogLimits, now: fn() -> TimeMs) -> Result<Deployment, OpenError> {
    let lock = lock(folder)?;
    let catalog = Catalog::open(folder, now())?;
    let id = catalog.deployment();
    Ok(Deployment {
        id,
        log: Log::open(folder, id, limits, Box::new(now))?,
        touches: Touches::open(folder, id)?,
        ledger: Ledger::open(folder, id)?,
        facts: Facts::open(folder, id)?,
        catalog,
        _held: Held::Folder(lock),
    })
}

/// Nothing downstream may have seen more than what it was made from holds.
async fn check_order(folder: &Path, deployment: &Deployment) -> Result<(), OpenError> {
    let decided = deployment.ledger.progress(PARTITION).await?.map_or(0, |progress| progress.next);
    let remembered = deployment.touches.load(PARTITION).await?.next;
    let held = deployment.facts.held().borrow().up_to(PARTITION);
    let steps = [
        (sqlite::log::FILE, deployment.log.span(PARTITION).await?.end, sqlite::ledger::FILE, decided),
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
