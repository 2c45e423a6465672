//! A destroyed day key is in none of Postgres's files.

use std::{fs, path::Path};

use schemas::time::{Day, TimeMs};
use stores::catalog::{Catalog, FreshKeys, Rotated, digest};

use crate::{
    database::Database,
    own_server::OwnServer,
    place::{NOON, connect},
};

fn secret(day: i32) -> [u8; 16] {
    *digest(&format!("day {day}")).first_chunk().unwrap()
}

async fn rotate(catalog: &Catalog, now: TimeMs) -> Rotated {
    let today = now.day().0;
    catalog
        .rotate_keys(now, FreshKeys { today: secret(today), tomorrow: secret(today + 1), receipt: [7; 16] })
        .await
        .unwrap()
}

/// Every file below the folder that holds the bytes: tables, write-ahead log, the server's own log.
fn files_with(folder: &Path, wanted: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, wanted));
        } else if fs::read(&path).is_ok_and(|bytes| holds(&bytes, wanted)) {
            found.push(path.display().to_string());
        }
    }
    found
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == wanted[0]) {
        if rest[at..].starts_with(wanted) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

/// Has statistics made, and everything written that the server holds in memory: of unlogged tables it is when it stops.
async fn settle(server: &OwnServer, database: &Database) {
    database.client().await.batch_execute("ANALYZE").await.unwrap();
    server.run("stop");
    server.run("start");
}

#[tokio::test]
async fn a_destroyed_key_is_in_no_file() {
    let server = OwnServer::start();
    let database = Database::make_on(&server.url).await;
    let catalog = connect(&database.url).await.unwrap();
    let today = NOON.day();
    for days in 0..2 {
        rotate(&catalog, NOON.plus_days(days)).await;
    }
    settle(&server, &database).await;
    assert_eq!(files_with(server.folder.path(), &secret(today.0)).len(), 1, "the search finds what is there, once");
    let midnight = Day(today.0 + 2).start();
    let dump = database.client().await;
    dump.batch_execute("BEGIN; LOCK TABLE catalog.day_keys IN ACCESS SHARE MODE").await.unwrap();
    assert!(!rotate(&catalog, midnight).await.wiped, "somebody reads the table");
    dump.batch_execute("COMMIT").await.unwrap();
    let rotated = rotate(&catalog, midnight).await;
    assert_eq!((rotated.destroyed, rotated.wiped), (1, true));
    settle(&server, &database).await;
    assert_eq!(files_with(server.folder.path(), &secret(today.0)), Vec::<String>::new());
    assert_eq!(files_with(server.folder.path(), &secret(today.0 + 1)).len(), 1, "yesterday's stays");
}

#[tokio::test]
async fn a_key_that_is_only_deleted_is_found() {
    let server = OwnServer::start();
    let database = Database::make_on(&server.url).await;
    let hex = |day| secret(day).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for (kind, statistics, in_log) in [("UNLOGGED", 0, false), ("UNLOGGED", 100, true), ("", 0, true)] {
        let beside = database.client().await;
        let table = format!(
            "CREATE {kind} TABLE day_keys (day integer PRIMARY KEY, secret bytea NOT NULL); \
             ALTER TABLE day_keys ALTER COLUMN secret SET STATISTICS {statistics}"
        );
        beside.batch_execute(&table).await.unwrap();
        for day in 0..3 {
            let insert = format!("INSERT INTO day_keys VALUES ({day}, '\\x{}')", hex(day));
            beside.batch_execute(&insert).await.unwrap();
        }
        settle(&server, &database).await;
        let beside = database.client().await;
        beside.batch_execute("DELETE FROM day_keys WHERE day = 2").await.unwrap();
        beside.batch_execute("VACUUM day_keys").await.unwrap();
        settle(&server, &database).await;
        let found = files_with(server.folder.path(), &secret(2));
        assert!(found.iter().any(|file| file.contains("/base/")), "{kind} {statistics}: {found:?}");
        assert_eq!(found.iter().any(|file| file.contains("/pg_wal/")), in_log, "{kind} {statistics}: {found:?}");
        database.client().await.batch_execute("DROP TABLE day_keys; CHECKPOINT").await.unwrap();
    }
}
