//! Looks for canaries: as they are, as they may be encoded, and as hashes that anybody can make.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use aho_corasick::AhoCorasick;
use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER};
use rusqlite::Connection as Database;
use rusqlite::types::ValueRef;
use sha2::{Digest as _, Sha256};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// In every e-mail, and in nothing else.
const WORD: &str = "zqcanary";
const HANDFUL: usize = 6;
const V4_START: [u8; 3] = [198, 51, 100];
const V6_START: [u16; 4] = [0x2001, 0x0db8, 0x7a71, 0xc0de];

#[derive(Default)]
pub(super) struct Needles {
    emails: Vec<String>,
    v4: Vec<Ipv4Addr>,
    v6: Vec<Ipv6Addr>,
    turn: usize,
}

#[derive(Debug, PartialEq)]
pub(super) struct Finding {
    pub(super) place: String,
    what: &'static str,
    near: String,
}

impl Needles {
    /// An e-mail that names the field it goes in by.
    pub(super) fn email(&mut self, field: &str) -> String {
        let email = format!("{WORD}.{field}.{}@leak.example", self.emails.len());
        self.emails.push(email.clone());
        email
    }

    pub(super) fn address_v4(&mut self) -> Ipv4Addr {
        let [a, b, c] = V4_START;
        let address = Ipv4Addr::new(a, b, c, 20 + self.v4.len() as u8);
        self.v4.push(address);
        address
    }

    pub(super) fn address_v6(&mut self) -> Ipv6Addr {
        let [a, b, c, d] = V6_START;
        let address = Ipv6Addr::new(a, b, c, d, 0x5eed, 0, 0, 0x70 + self.v6.len() as u16);
        self.v6.push(address);
        address
    }

    /// One of a handful, in turn, as the same people come again; none until there are enough.
    pub(super) fn known_v4(&mut self) -> Option<Ipv4Addr> {
        self.turn += 1;
        (self.v4.len() >= HANDFUL).then(|| self.v4[self.turn % HANDFUL])
    }

    pub(super) fn known_v6(&mut self) -> Option<Ipv6Addr> {
        (self.v6.len() >= HANDFUL).then(|| self.v6[self.turn % HANDFUL])
    }
}

/// Ready to look: everything that was handed out, in every form.
pub(super) struct Search {
    /// Found in capitals as well.
    folded: Patterns,
    exact: Patterns,
    v4: Vec<Ipv4Addr>,
}

struct Patterns {
    names: Vec<&'static str>,
    automaton: AhoCorasick,
}

impl Search {
    pub(super) fn of(needles: &Needles) -> Search {
        let (folded, exact) = (Patterns::new(folded()), Patterns::new(exact(needles)));
        Search { folded, exact, v4: needles.v4.clone() }
    }

    pub(super) fn in_files(&self, files: &[PathBuf]) -> Vec<Finding> {
        let found = files.iter().flat_map(|file| {
            // A file may go while this looks.
            let bytes = std::fs::read(file).unwrap_or_default();
            self.in_bytes(&file.display().to_string(), &bytes)
        });
        found.collect()
    }

    /// Every value of every table.
    pub(super) fn in_tables(&self, name: &str, database: &Database) -> Vec<Finding> {
        let mut tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").expect("tables");
        let tables: Vec<String> = tables.query_map([], |row| row.get(0)).expect("names").flatten().collect();
        let mut found = Vec::new();
        for table in tables {
            let mut statement = database.prepare(&format!("SELECT * FROM \"{table}\"")).expect("a table");
            let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
            let mut rows = statement.query([]).expect("rows");
            while let Some(row) = rows.next().expect("a row") {
                for (n, column) in columns.iter().enumerate() {
                    if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) = row.get_ref(n).expect("a value") {
                        found.extend(self.in_bytes(&format!("{name} {table}.{column}"), bytes));
                    }
                }
            }
        }
        found
    }

    /// The first of each kind.
    pub(super) fn in_bytes(&self, place: &str, bytes: &[u8]) -> Vec<Finding> {
        let mut found: Vec<(&'static str, usize)> = self.folded.first_in(&bytes.to_ascii_lowercase());
        found.extend(self.exact.first_in(bytes));
        // Four bytes are found by chance now and then; two addresses at once are not.
        let within = |octets: [u8; 4]| bytes.windows(4).position(|window| window == octets);
        let binary = |address: &Ipv4Addr| within(address.octets()).or_else(|| within(address.to_bits().to_le_bytes()));
        let places: BTreeSet<usize> = self.v4.iter().filter_map(binary).collect();
        if places.len() > 1 {
            found.extend(places.into_iter().map(|at| ("an address in binary", at)));
        }
        let finding = |(what, at)| Finding { place: place.to_owned(), what, near: near(bytes, at) };
        found.into_iter().map(finding).collect()
    }
}

impl Patterns {
    fn new(needles: Vec<(&'static str, Vec<u8>)>) -> Patterns {
        let (names, patterns): (Vec<_>, Vec<_>) = needles.into_iter().unzip();
        Patterns { names, automaton: AhoCorasick::new(patterns).expect("patterns") }
    }

    fn first_in(&self, bytes: &[u8]) -> Vec<(&'static str, usize)> {
        let mut found: Vec<(&'static str, usize)> = Vec::new();
        for hit in self.automaton.find_overlapping_iter(bytes) {
            let name = self.names[hit.pattern().as_usize()];
            if !found.iter().any(|(known, _)| *known == name) {
                found.push((name, hit.start()));
            }
        }
        found
    }
}

fn folded() -> Vec<(&'static str, Vec<u8>)> {
    let [a, b, c] = V4_START;
    let network = V6_START.map(|part| format!("{part:x}")).join(":");
    let network_padded = V6_START.map(|part| format!("{part:04x}")).join(":");
    let needles = [
        ("an e-mail", WORD.to_owned()),
        ("an e-mail in hex", HEXLOWER.encode(WORD.as_bytes())),
        ("an address", format!("{a}.{b}.{c}.")),
        ("an IPv6 network", network),
        ("an IPv6 network, padded", network_padded),
    ];
    needles.map(|(what, needle)| (what, needle.into_bytes())).to_vec()
}

fn exact(needles: &Needles) -> Vec<(&'static str, Vec<u8>)> {
    let mut exact = vec![
        ("an e-mail in UTF-16", WORD.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("an IPv6 network in binary", V6_START.iter().flat_map(|part| part.to_be_bytes()).collect()),
    ];
    // Encoded three bytes at a time, so a word looks one of three ways.
    for skipped in 0..3 {
        let padded = [vec![0; skipped], WORD.as_bytes().to_vec()].concat();
        let sure = (skipped * 8).div_ceil(6)..padded.len() * 8 / 6;
        for encoded in [BASE64_NOPAD.encode(&padded), BASE64URL_NOPAD.encode(&padded)] {
            exact.push(("an e-mail in base64", encoded.as_bytes()[sure.clone()].to_vec()));
        }
    }
    let mapped = |address: &Ipv4Addr| address.to_ipv6_mapped().octets();
    exact.extend(needles.v4.iter().map(|address| ("an address as IPv6", mapped(address)[8..].to_vec())));
    let emails = needles.emails.iter().map(|email| email.clone().into_bytes());
    let v4 = needles
        .v4
        .iter()
        .flat_map(|address| [address.to_string().into_bytes(), address.octets().to_vec(), mapped(address).to_vec()]);
    let v6 = needles.v6.iter().flat_map(|address| [address.to_string().into_bytes(), address.octets().to_vec()]);
    for personal in emails.chain(v4).chain(v6) {
        for hash in public_hashes(&personal) {
            exact.push(("a hash without a key, in hex", HEXLOWER.encode(&hash).into_bytes()));
            exact.push(("a hash without a key", hash));
        }
    }
    exact
}

fn public_hashes(personal: &[u8]) -> Vec<Vec<u8>> {
    let (short, long) = (xxh3_64(personal), xxh3_128(personal));
    vec![
        short.to_be_bytes().to_vec(),
        short.to_le_bytes().to_vec(),
        long.to_be_bytes().to_vec(),
        long.to_le_bytes().to_vec(),
        Sha256::digest(personal).to_vec(),
    ]
}

fn near(bytes: &[u8], at: usize) -> String {
    let around = &bytes[at.saturating_sub(60)..(at + 100).min(bytes.len())];
    String::from_utf8_lossy(around).into_owned()
}
