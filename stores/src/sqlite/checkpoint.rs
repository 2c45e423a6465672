//! Takes a file's write-ahead log into the file beside the connection that writes: who waits for a commit does not wait for that.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rusqlite::{Connection, ErrorCode, hooks::Wal};

use super::{file, owner::Owner};
use crate::OpenError;

/// From how many pages in the write-ahead log on they are taken into the file.
const DUE_PAGES: i32 = 1_000;

/// From here on the writer does it itself: it writes faster than another can keep up with. One that was longer is cut to this when it
/// begins anew.
const LIMIT_BYTES: i32 = 64 << 20;

/// Starts it on a thread of that name, told by the writer's commits. Past the first thousand pages each of them asks, until the file has
/// all: for a writer that rests between its commits. One that commits without a pause would fsync against it.
pub(crate) fn start(name: &str, path: &Path, writer: &mut Connection) -> Result<Arc<Owner>, OpenError> {
    let beside = Owner::start(name, file::open_checkpointer(path)?).map_err(OpenError::Thread)?;
    let beside = Arc::new(beside);
    let sqlite = |source| OpenError::Sqlite { file: path.to_owned(), source };
    let page_bytes: i32 = writer.query_row("PRAGMA page_size", [], |row| row.get(0)).map_err(sqlite)?;
    writer.query_row(&format!("PRAGMA journal_size_limit = {LIMIT_BYTES}"), [], |_| Ok(())).map_err(sqlite)?;
    let limit_pages = LIMIT_BYTES / page_bytes.max(1);
    let (other, asked) = (beside.clone(), Arc::new(AtomicBool::new(false)));
    let on_commit = move |wal: &mut Wal, pages| {
        if pages >= limit_pages {
            told(wal.checkpoint());
        } else if pages >= DUE_PAGES && !asked.swap(true, Ordering::AcqRel) {
            let asked = asked.clone();
            other.leave(move |connection| {
                // Before it begins: what is committed meanwhile asks once more.
                asked.store(false, Ordering::Release);
                told(connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())));
            });
        }
        // What is committed stays so, whatever comes of this.
        Ok(())
    };
    writer.wal_hook(Some(on_commit)).map_err(sqlite)?;
    Ok(beside)
}

/// Whoever is at it already does it; a disk that is full or fails is met again by the next commit.
fn told(done: rusqlite::Result<()>) {
    if let Err(error) = done
        && error.sqlite_error_code() != Some(ErrorCode::DatabaseBusy)
    {
        tracing::warn!(%error, "a write-ahead log could not be taken into its file; trying again after a later commit");
    }
}

#[cfg(test)]
mod tests {
    use std::{
        path::PathBuf,
        time::{Duration, Instant},
    };

    use tempfile::TempDir;

    use super::*;

    const PAGE_BYTES: i64 = 4_096;
    const LIMIT_PAGES: i32 = LIMIT_BYTES / 4_096;

    /// A file in WAL mode that nothing is taken into by itself.
    fn place() -> (TempDir, PathBuf, Connection) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.db");
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        connection.query_row("PRAGMA wal_autocheckpoint = 0", [], |_| Ok(())).unwrap();
        connection.execute_batch("CREATE TABLE filled (bytes BLOB NOT NULL) STRICT").unwrap();
        (folder, path, connection)
    }

    /// Commits so many pages, a thousand at a time.
    fn fill(connection: &Connection, pages: i32) {
        for _ in 0..pages / 1_000 {
            connection.execute("INSERT INTO filled VALUES (zeroblob(?1))", [PAGE_BYTES * 1_000]).unwrap();
        }
    }

    fn pages_in_file(path: &Path) -> u64 {
        path.metadata().unwrap().len() / PAGE_BYTES.cast_unsigned()
    }

    fn comes_to(path: &Path, pages: u64) -> bool {
        let started = Instant::now();
        while pages_in_file(path) < pages {
            if started.elapsed() > Duration::from_secs(20) {
                return false;
            }
            std::thread::yield_now();
        }
        true
    }

    #[tokio::test]
    async fn what_is_committed_comes_into_the_file_beside_the_writer() {
        let (_folder, path, mut writer) = place();
        fill(&writer, 2_000);
        assert!(pages_in_file(&path) < 100, "control: nobody takes it into the file");
        let beside = start("checkpoint", &path, &mut writer).unwrap();
        let (go_on, held) = std::sync::mpsc::sync_channel(1);
        beside.leave(move |_| held.recv().unwrap());
        fill(&writer, 1_000);
        assert!(pages_in_file(&path) < 100, "control: the writer does not do it itself");
        go_on.send(()).unwrap();
        assert!(comes_to(&path, 3_000));
        beside.close().await;
    }

    #[tokio::test]
    async fn a_writer_that_is_left_alone_does_it_at_the_limit() {
        let (_folder, path, mut writer) = place();
        start("checkpoint", &path, &mut writer).unwrap().close().await;
        fill(&writer, 3_000);
        assert!(pages_in_file(&path) < 100, "control: nobody takes it into the file below the limit");
        fill(&writer, LIMIT_PAGES);
        assert!(pages_in_file(&path) > u64::from(LIMIT_PAGES.cast_unsigned()));
    }
}
