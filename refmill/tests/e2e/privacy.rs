//! Addresses and e-mails go in through every field that takes text, and nothing keeps them but the one table of contacts.

mod fields;
mod search;

use rusqlite::Connection as Database;

use crate::server::Launch;
use crate::site::{Site, files_under};
use search::{Finding, Needles, Search};

/// The crates of the product say everything that they would ever say.
const LOG_LEVEL: &str = "debug,api=trace,ingest=trace,processor=trace,refmill=trace,rules=trace,stores=trace";

#[test]
fn nothing_but_the_contacts_holds_an_address_or_an_e_mail() {
    for format in ["human", "json"] {
        let site = Site::new();
        let server = Launch::new().set("--log-level", LOG_LEVEL).set("--log-format", format).start(&site);
        let search = Search::of(&fields::send_everywhere(&server));
        let scraped = search.in_bytes("metrics", server.scrape().as_bytes());
        assert_eq!(scraped, Vec::<Finding>::new());
        let kept = |site: &Site| {
            let all = files_under(&site.data()).into_iter();
            all.filter(|path| !path.starts_with(site.outbox()) && !path.display().to_string().contains("catalog.db"))
                .collect::<Vec<_>>()
        };
        assert_eq!(search.in_files(&kept(&site)), [], "while it runs");
        server.kill();
        assert_eq!(search.in_files(&kept(&site)), [], "after it was killed");
        for database in ["log.db", "ledger.db", "touches.db", "facts.db"] {
            let copy = tempfile::tempdir().expect("a folder");
            let opened = Database::open(site.copy_of(database, copy.path())).expect("a copy");
            assert_eq!(search.in_tables(database, &opened), [], "value by value");
        }
        assert_eq!(search.in_files(&site.said()), [], "log lines");
        contacts_alone(&site, &search);
    }
}

/// The catalog holds them, and without its table of contacts it does not.
fn contacts_alone(site: &Site, search: &Search) {
    let copy = tempfile::tempdir().expect("a folder");
    let catalog = Database::open(site.copy_of("catalog.db", copy.path())).expect("a copy of the catalog");
    let before = search.in_tables("catalog.db", &catalog);
    assert!(
        before.len() > 5 && before.iter().all(|found| found.place.starts_with("catalog.db contacts.")),
        "{before:?}"
    );
    catalog
        .execute_batch("PRAGMA secure_delete = ON; PRAGMA journal_mode = DELETE; DELETE FROM contacts; VACUUM;")
        .expect("a catalog without contacts");
    assert_eq!(search.in_tables("catalog.db", &catalog), []);
    catalog.close().expect("closed");
    assert_eq!(search.in_files(&files_under(copy.path())), []);
}

#[test]
fn what_is_planted_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut needles = Needles::default();
    let (email, v4, v6) = (needles.email("planted"), needles.address_v4(), needles.address_v6());
    let other_v4 = needles.address_v4();
    let search = Search::of(&needles);
    let finds = |what: &str, bytes: &[u8]| {
        let file = folder.path().join("file");
        std::fs::write(&file, [b"before ".as_slice(), bytes, b" after"].concat()).expect("a file");
        assert!(!search.in_files(&files_under(folder.path())).is_empty(), "{what}: not found");
    };
    finds("an e-mail", email.as_bytes());
    finds("in capitals", email.to_uppercase().as_bytes());
    finds("in base64", data_encoding::BASE64.encode(format!("x{email}").as_bytes()).as_bytes());
    finds("in hex", data_encoding::HEXLOWER.encode(email.as_bytes()).as_bytes());
    finds("in UTF-16", &email.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
    finds("an address", v4.to_string().as_bytes());
    finds("an IPv6 address", v6.to_string().as_bytes());
    finds("an IPv6 network", &v6.octets()[..8]);
    finds("an address as IPv6", &v4.to_ipv6_mapped().octets());
    finds("two addresses in binary", &[v4.octets(), other_v4.octets()].concat());
    finds("a hash without a key", &xxhash_rust::xxh3::xxh3_64(email.as_bytes()).to_be_bytes());
    finds("another one", &xxhash_rust::xxh3::xxh3_64(&v4.octets()).to_le_bytes());
    finds("a hash that is public", &<sha2::Sha256 as sha2::Digest>::digest(email.as_bytes()));

    let database = Database::open_in_memory().expect("a database");
    database.execute_batch("CREATE TABLE kept (at BLOB)").expect("a table");
    database.execute("INSERT INTO kept VALUES (?1)", [email.as_bytes()]).expect("planted");
    assert_eq!(search.in_tables("x", &database).len(), 1);
    assert_eq!(search.in_bytes("nothing", b"nobody@example.com 192.0.2.1 2001:db8::1"), []);
}
