//! A data folder that cannot be used is refused with a reason, and one that can be is the same after each start.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::Path,
};

use rusqlite::Connection;
use schemas::time::TimeMs;
use stores::{Deployment, OpenError, Roles, Shape, log::LogLimits};

/// 2026-11-20T12:00:00Z.
fn noon() -> TimeMs {
    TimeMs(1_795_176_000_000)
}

const FILES: [&str; 5] = ["log.db", "ledger.db", "touches.db", "catalog.db", "facts.db"];

async fn open(folder: &Path) -> Result<Deployment, OpenError> {
    Deployment::open(&Shape::Embedded { folder: folder.to_owned() }, Roles::ALL, LogLimits::default(), noon).await
}

/// A folder as a deployment left it.
async fn used(folder: &Path) {
    open(folder).await.unwrap().close().await;
}

async fn refusal(folder: &Path) -> OpenError {
    open(folder).await.err().expect("it is refused")
}

#[tokio::test]
async fn it_is_the_same_deployment_after_each_start() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("not/yet/there");
    let first = open(&folder).await.unwrap();
    let id = first.id;
    first.close().await;
    let again = open(&folder).await.unwrap();
    assert_eq!(again.id, id);
    again.close().await;
    let elsewhere = open(&parent.path().join("elsewhere")).await.unwrap();
    assert_ne!(elsewhere.id, id);
}

#[tokio::test]
async fn one_process_holds_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path()).await.unwrap();
    let refused = refusal(folder.path()).await;
    assert!(matches!(&refused, OpenError::InUse { folder: named } if named == folder.path()), "{refused}");
    first.close().await;
    open(folder.path()).await.unwrap();
}

/// What is left beside a file would be taken for the end of one that is put in its place.
#[tokio::test]
async fn a_close_leaves_whole_files_and_nothing_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    used(folder.path()).await;
    let entries = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: BTreeSet<String> = entries.collect();
    assert_eq!(left, FILES.into_iter().chain(["refmill.lock"]).map(str::to_owned).collect());
}

/// None of these can be written by anybody, root included.
#[tokio::test]
async fn a_folder_that_cannot_be_written_says_so() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    File::create(&file).unwrap();
    let blocked = parent.path().join("blocked");
    fs::create_dir_all(blocked.join("refmill.lock")).unwrap();
    for folder in [file.clone(), file.join("below"), blocked, "/proc/refmill".into()] {
        let refused = refusal(&folder).await;
        assert!(matches!(&refused, OpenError::NotWritable { folder: named, .. } if *named == folder), "{refused}");
        let said = refused.to_string();
        assert!(said.contains(&*folder.to_string_lossy()) && said.contains("--data-dir"), "{said}");
    }
}

/// Changes a file of a deployment that is not running.
fn change(folder: &Path, file: &str, statement: &str) {
    Connection::open(folder.join(file)).unwrap().execute_batch(statement).unwrap();
}

#[tokio::test]
async fn what_a_newer_version_made_is_left_alone() {
    for file in FILES {
        let folder = tempfile::tempdir().unwrap();
        used(folder.path()).await;
        let migration = "INSERT INTO refinery_schema_history VALUES (99, 'later', '2027-01-01T00:00:00Z', '1')";
        change(folder.path(), file, migration);
        let refused = refusal(folder.path()).await;
        assert!(matches!(&refused, OpenError::Newer { file: named } if named.ends_with(file)), "{file}: {refused}");
        change(folder.path(), file, "DELETE FROM refinery_schema_history WHERE version = 99");
        used(folder.path()).await;
    }
}

#[tokio::test]
async fn a_file_of_another_deployment_is_refused() {
    for file in FILES {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        used(folder.path()).await;
        used(other.path()).await;
        fs::copy(other.path().join(file), folder.path().join(file)).unwrap();
        let refused = refusal(folder.path()).await;
        assert!(matches!(&refused, OpenError::Foreign { .. }), "{file}: {refused}");
    }
}

const LEDGER_AT_5: &str = "INSERT INTO progress (partition, next) VALUES (0, 5) ON CONFLICT DO UPDATE SET next = 5";
const FACTS_AT_5: &str = "INSERT INTO progress (partition, held_up_to, incarnation) VALUES (0, 5, 1)";

#[tokio::test]
async fn a_file_that_was_set_back_is_refused() {
    for (ahead, behind, statement) in [("ledger.db", "log.db", LEDGER_AT_5), ("facts.db", "ledger.db", FACTS_AT_5)] {
        let folder = tempfile::tempdir().unwrap();
        used(folder.path()).await;
        change(folder.path(), ahead, statement);
        let refused = refusal(folder.path()).await;
        let names =
            matches!(&refused, OpenError::Behind { file, ahead: by } if file.ends_with(behind) && by.ends_with(ahead));
        assert!(names, "{refused}");
    }
}

#[tokio::test]
async fn what_can_be_made_again_may_be_gone() {
    for file in ["facts.db", "touches.db"] {
        let folder = tempfile::tempdir().unwrap();
        used(folder.path()).await;
        fs::remove_file(folder.path().join(file)).unwrap();
        used(folder.path()).await;
    }
}
