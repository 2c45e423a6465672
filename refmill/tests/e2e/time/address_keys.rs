//! Addresses are hashed under a day's key, and the key is gone from the disk after 48 hours.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use crate::clock::{Clock, DAY, HOUR};
use crate::server::Launch;
use crate::site::{Site, files_under};
use crate::wait::{eventually, holds};

const DESTROYED_WITHIN: Duration = Duration::from_secs(150);

#[test]
fn a_days_key_is_destroyed_after_48_hours() {
    let site = Site::new();
    let clock = Clock::new(&site);
    let server = clock.drives(Launch::new()).start(&site);
    let company = server.company();
    let link = server.link(&company);
    server.click(&company, &link);
    let (day, secret) = todays_key(&site, clock.now().as_second() / DAY);
    assert!(is_on_disk(&site.data(), &secret), "the search finds a key that is there");

    clock.set(24 * HOUR);
    eventually(DESTROYED_WITHIN, "the next day's clicks are taken", || {
        let reply = server.click_with(&crate::account::click_body(&company, &link));
        holds(reply.status == 200, reply)
    });
    assert!(is_on_disk(&site.data(), &secret), "the key of day {day} is kept for its day after");

    clock.set(48 * HOUR);
    eventually(DESTROYED_WITHIN, "the key is destroyed", || {
        holds(!is_on_disk(&site.data(), &secret), format!("the key of day {day} is still on the disk"))
    });
    eventually(DESTROYED_WITHIN, "clicks are taken under another key", || {
        let reply = server.click_with(&crate::account::click_body(&company, &link));
        holds(reply.status == 200, reply)
    });
    let (_, newer) = todays_key(&site, clock.now().as_second() / DAY);
    assert_ne!(newer, secret);
    assert!(is_on_disk(&site.data(), &newer), "the search finds a key that is there");
    server.stop();
    assert!(!is_on_disk(&site.data(), &secret), "gone for good");
}

fn todays_key(site: &Site, today: i64) -> (i64, Vec<u8>) {
    let copy = tempfile::tempdir().expect("a folder");
    let catalog = Connection::open(site.copy_of("catalog.db", copy.path())).expect("a copy of the catalog");
    let key = "SELECT day, secret FROM day_keys WHERE day = ?1";
    catalog.query_row(key, [today], |row| Ok((row.get(0)?, row.get(1)?))).expect("the day's key")
}

/// Whether any file under the folder holds these bytes, in whatever page, used or free.
fn is_on_disk(folder: &Path, secret: &[u8]) -> bool {
    assert!(secret.len() >= 16, "short bytes are found anywhere");
    files_under(folder).iter().any(|file| {
        // A file may go while this looks: a journal, or a mail that is not named yet.
        let bytes = std::fs::read(file).unwrap_or_default();
        bytes.windows(secret.len()).any(|window| window == secret)
    })
}
