use std::{fs, path::Path};

use rusqlite::Connection;
use schemas::{
    receipt::ReceiptKeyId,
    time::{DAY_MS, Day, HOUR_MS, TimeMs},
};
use stores::catalog::{AccountKind, Catalog, FreshKeys, NewMagicLink, Rotated, digest};

use crate::place::{NOON, Place};

/// A key that no other bytes look like.
fn secret(name: &str) -> [u8; 16] {
    *digest(name).first_chunk().unwrap()
}

fn fresh(day: Day) -> FreshKeys {
    FreshKeys {
        today: secret(&format!("day {}", day.0)),
        tomorrow: secret(&format!("day {}", day.0 + 1)),
        receipt: secret(&format!("receipt {}", day.0)),
    }
}

async fn rotate(catalog: &Catalog, now: TimeMs) -> Rotated {
    catalog.rotate_keys(now, fresh(now.day())).await.unwrap()
}

#[tokio::test]
async fn day_keys_are_there_a_day_ahead_and_two_days_long() {
    for place in Place::all().await {
        let catalog = place.open().await;
        assert!(catalog.day_keys(NOON).await.unwrap().at(NOON).is_none(), "nobody made one yet");
        rotate(&catalog, NOON).await;
        let catalog = place.reopen(catalog).await;
        let today = NOON.day();
        assert_eq!(rotate(&catalog, NOON).await.made, 0, "made once");
        let keys = catalog.day_keys(NOON).await.unwrap();
        let midnight = Day(today.0 + 1).start();
        let key = |day: i32| secret(&format!("day {day}"));
        for (now, today_key, before) in [
            (NOON, key(today.0), None),
            (midnight.plus_ms(-1), key(today.0), None),
            (midnight, key(today.0 + 1), Some(key(today.0))),
            (midnight.plus_ms(HOUR_MS - 1), key(today.0 + 1), Some(key(today.0))),
            (midnight.plus_ms(HOUR_MS), key(today.0 + 1), None),
        ] {
            let at = keys.at(now).unwrap();
            assert_eq!(
                (at.today.secret, at.before.map(|before| before.secret)),
                (today_key, before),
                "{}",
                now.rfc3339()
            );
        }
        let late = catalog.day_keys(Day(today.0 + 2).start()).await.unwrap();
        assert!(late.keys.iter().all(|key| key.day > today), "past 48 h no key is given out, rotated or not");
    }
}

#[tokio::test]
async fn receipt_keys_follow_one_another() {
    for place in Place::all().await {
        let catalog = place.open().await;
        for day in 0..800 {
            let now = NOON.plus_ms(day * DAY_MS);
            rotate(&catalog, now).await;
            let keys = catalog.receipt_keys().await.unwrap();
            let signing = keys.signing(now).unwrap();
            assert_eq!(i64::from(signing.id.0), day / 7 % i64::from(ReceiptKeyId::COUNT), "day {day}");
            let next = keys.keys.iter().find(|key| key.signs_from > now);
            assert!(next.is_none_or(|next| next.signs_from.since_ms(next.published_at) >= DAY_MS), "day {day}");
            assert_eq!(next.is_some(), day % 7 == 6, "day {day}");
            let kept = (0..=day / 7).filter(|number| day - number * 7 < 200).count();
            assert_eq!(keys.all().len(), kept + usize::from(next.is_some()), "day {day}");
        }
    }
}

#[tokio::test]
async fn after_a_long_sleep_the_old_key_signs_until_the_next_is_known() {
    for place in Place::all().await {
        let catalog = place.open().await;
        rotate(&catalog, NOON).await;
        let awake = NOON.plus_days(400);
        rotate(&catalog, awake).await;
        let keys = catalog.receipt_keys().await.unwrap();
        assert_eq!(keys.signing(awake).map(|key| key.id), Some(ReceiptKeyId(0)));
        assert_eq!(keys.signing(awake.plus_days(1)).map(|key| key.id), Some(ReceiptKeyId(1)));
        rotate(&catalog, awake.plus_days(190)).await;
        assert!(
            catalog.receipt_keys().await.unwrap().all().iter().any(|key| key.id == ReceiptKeyId(0)),
            "its last receipts are still checked"
        );
        rotate(&catalog, awake.plus_days(194)).await;
        assert!(catalog.receipt_keys().await.unwrap().all().iter().all(|key| key.id != ReceiptKeyId(0)));
    }
}

fn files_with(folder: &Path, wanted: &[u8]) -> Vec<String> {
    let holds = |path: &Path| fs::read(path).unwrap().windows(wanted.len()).any(|bytes| bytes == wanted);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| holds(path)).map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

#[tokio::test]
async fn a_destroyed_key_is_nowhere_in_the_folder() {
    for place in Place::all().await {
        let Some(folder) = place.folder() else { continue };
        let catalog = place.open().await;
        let today = NOON.day();
        let key = |day: i32| secret(&format!("day {day}"));
        for days in 0..2 {
            rotate(&catalog, NOON.plus_days(days)).await;
        }
        assert!(!files_with(folder, &key(today.0)).is_empty(), "the search finds what is there");
        let rotated = rotate(&catalog, Day(today.0 + 2).start()).await;
        assert_eq!((rotated.destroyed, rotated.wiped), (1, true));
        assert_eq!(files_with(folder, &key(today.0)), Vec::<String>::new());
        assert!(!files_with(folder, &key(today.0 + 1)).is_empty(), "yesterday's stays");
    }
}

#[tokio::test]
async fn an_address_that_never_signed_in_is_nowhere_in_the_folder() {
    for place in Place::all().await {
        let Some(folder) = place.folder() else { continue };
        let catalog = place.open().await;
        let email = "never-signed-in@example.com";
        let asked = NewMagicLink {
            token_digest: digest("token"),
            kind: AccountKind::Partner,
            email: email.to_owned(),
            email_hash: schemas::hashes::EmailHash(1),
            address: schemas::hashes::AddressHash(1),
            now: NOON,
        };
        catalog.issue_magic_link(asked).await.unwrap();
        assert!(!files_with(folder, email.as_bytes()).is_empty());
        rotate(&catalog, NOON.plus_ms(HOUR_MS)).await;
        assert_eq!(files_with(folder, email.as_bytes()), Vec::<String>::new());
    }
}

/// Destroys a key as the catalog does, but for what is left out, and says where it can still be read.
fn destroyed_with(secure_delete: &str, truncate: bool) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = Connection::open(folder.path().join("keys.db")).unwrap();
    file.pragma_update(None, "journal_mode", "WAL").unwrap();
    file.pragma_update(None, "secure_delete", secure_delete).unwrap();
    file.execute_batch("CREATE TABLE day_keys (day INTEGER PRIMARY KEY, secret BLOB NOT NULL) STRICT").unwrap();
    for day in 0..3 {
        file.execute("INSERT INTO day_keys VALUES (?1, ?2)", rusqlite::params![day, secret(&format!("day {day}"))])
            .unwrap();
    }
    file.execute("DELETE FROM day_keys WHERE day = 0", []).unwrap();
    if truncate {
        file.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    }
    files_with(folder.path(), &secret("day 0"))
}

#[test]
fn a_key_that_is_only_deleted_is_found() {
    assert_eq!(destroyed_with("ON", true), Vec::<String>::new());
    assert_eq!(destroyed_with("OFF", true), ["keys.db"]);
    assert_eq!(destroyed_with("ON", false), ["keys.db-wal"]);
}
