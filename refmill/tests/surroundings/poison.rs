//! A stranger writes to the log: what is no event is put aside, counted and told, and all around it is decided; what a newer version
//! wrote is left to that version.

use std::path::{Path, PathBuf};

use schemas::{
    event::{Body, Claim, Click, Dialect, EdgeCount, EdgeCounts, Event, Sale},
    hashes::{AddressHash, KeyHash},
    ids::{CompanyId, ConversionId, EventId, LinkId, PartnerId, ProgramId},
    money::Currency,
    receipt::{Receipt, ReceiptFields, ReceiptKey, ReceiptKeyId, Visit},
    time::TimeMs,
    web::{Device, Page, Utm},
    wire::encode_event,
};
use tempfile::TempDir;

use crate::role::{Launch, Role};
use crate::servers::Place;
use crate::shop::{SETTLED, Shop};
use crate::wait::{eventually, holds};

const PARTITIONS: u32 = 2;
const LARGE_BYTES: usize = 900_000;
/// Codes are drawn, and with them the partitions: so many links are never all on one.
const LINKS_MAX: usize = 64;

fn event(body: Body) -> Event {
    let (reply_to, key, first_appended_at) = (None, None, None);
    Event { id: EventId(7), stamped_at: TimeMs(1), resent: false, reply_to, key, first_appended_at, body }
}

fn sale(label: &str, amount_minor: i64, occurred_at: Option<TimeMs>) -> Event {
    let claim = Claim {
        company: CompanyId(7),
        dialect: Dialect::Refuel,
        conversion: ConversionId(7),
        keys: vec![KeyHash(7)],
        label: label.to_owned(),
        program: None,
        code_link: None,
        receipt: None,
        customer: None,
        email: None,
        disposable_email: false,
        occurred_at,
        body_hash: 7,
    };
    event(Body::Sale(Box::new(Sale { claim, amount_minor, currency: Currency::USD })))
}

fn click() -> Event {
    let (visit, at, link) = (Visit::Person, TimeMs(1), LinkId(7));
    let fields =
        ReceiptFields { visit, client_event_id: false, at, link, visitor: 0, address_cut: 0, event_id_hash: 0 };
    event(Body::Click(Box::new(Click {
        company: CompanyId(7),
        program: ProgramId(7),
        partner: PartnerId(7),
        code: "nul\0".into(),
        receipt: Receipt::sign(&ReceiptKey { id: ReceiptKeyId(0), secret: [7; 16] }, &fields),
        address: AddressHash(7),
        address_before: None,
        landing: Page { host: "shop.example".into(), path: "/".into() },
        referrer_host: None,
        utm: Utm::default(),
        device: Device::Desktop,
    })))
}

/// Records that are no event of any version. The first are none of Protobuf, the others hold what no store takes.
fn garbage(folder: &Path) -> Vec<PathBuf> {
    let noise = |bytes: usize| (0..bytes).map(|n| (n * n / 7 % 251) as u8 | 0x80).collect::<Vec<u8>>();
    let counts = EdgeCounts {
        counts: vec![EdgeCount { company: CompanyId(7), kind: schemas::decision::EventKind::Click, refused: u64::MAX }],
    };
    let records = [
        noise(100),
        noise(LARGE_BYTES),
        b"{\"type\":\"click\"}".to_vec(),
        encode_event(click()),
        encode_event(sale("nul\0", 100, None)),
        encode_event(sale("less than nothing", -100, None)),
        encode_event(sale("all there is", i64::MAX, None)),
        encode_event(sale("before time", 100, Some(TimeMs(i64::MIN)))),
        encode_event(event(Body::EdgeCounts(counts))),
    ];
    write(folder, &records)
}

/// What a later version might write: something that it says must be known, and a kind of event that is not.
fn newer(folder: &Path) -> Vec<PathBuf> {
    let tick = encode_event(event(Body::Tick));
    let of_a_version = [tick.as_slice(), &[7 << 3, 200]].concat();
    let of_a_version = [of_a_version.as_slice(), &[1]].concat();
    let mut of_a_kind = encode_event(event(Body::Tick));
    // The tick's number, 23, makes place for one that nobody has.
    of_a_kind.truncate(of_a_kind.len() - 3);
    of_a_kind.extend([0xf2, 0x02, 0x02, 0x08, 0x01]);
    write(folder, &[of_a_version, of_a_kind])
}

fn write(folder: &Path, records: &[Vec<u8>]) -> Vec<PathBuf> {
    let write = |(number, record): (usize, &Vec<u8>)| {
        let path = folder.join(format!("record-{number}-{}", record.len()));
        std::fs::write(&path, record).expect("a file");
        path
    };
    records.iter().enumerate().map(write).collect()
}

fn produce(place: &Place, partition: u32, files: &[PathBuf]) {
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    place.produce(partition, &[], &files, "");
}

fn rebuild(what: &str, place: &Place) {
    let (status, out, errors) = Launch::new(what, place).run();
    assert!(status.success() && out.lines().count() == PARTITIONS as usize, "{what}: {out}{errors}");
}

/// The shop and more links of its company, until every partition has one.
fn one_for_each_partition(shop: Shop, api: &Role) -> Vec<Shop> {
    let mut shops = vec![shop];
    while (0..PARTITIONS).any(|partition| shops.iter().all(|shop| shop.home(PARTITIONS) != partition)) {
        assert!(shops.len() < LINKS_MAX, "a partition has no link: {shops:?}");
        shops.push(shops[0].with_another_link(api));
    }
    shops
}

#[test]
fn garbage_is_put_aside_and_all_around_it_is_decided() {
    let (place, folder) = (Place::shared(), TempDir::new().expect("a folder"));
    let up = Launch::new("up", &place).start();
    let shop = Shop::open(&up);
    // A link for each partition, more or less.
    let shops: Vec<Shop> = (0..4).map(|_| shop.with_another_link(&up)).collect();
    let visit_all = |role: &Role| {
        for shop in &shops {
            shop.await_known(role);
            shop.click_and_sale(role);
        }
    };
    visit_all(&up);
    let garbage = garbage(folder.path());
    let count = PARTITIONS as usize * (garbage.len() + 2);
    for partition in 0..PARTITIONS {
        produce(&place, partition, &garbage);
        place.produce(partition, &["-Z", "-K:"], &[], "a key and no value:\n");
        place.produce(partition, &["-K:"], &[], "a key and an empty value:\n");
    }
    visit_all(&up);
    shops[0].dashboard_says(&up, 16, 8);
    // Visits may all be of one partition.
    eventually(SETTLED, "all garbage is put aside", || {
        let aside = up.metric("refmill_events_quarantined_total");
        holds(aside == count as f64, format!("{aside} of {count}"))
    });
    assert_eq!(place.sql("SELECT count(*) FROM ledger.quarantine"), count.to_string());
    assert_eq!(place.sql("SELECT max(length(record)) FROM ledger.quarantine"), LARGE_BYTES.to_string());
    assert!(up.said().contains("a record is no event: it is kept in the ledger's quarantine"));
    up.stop();

    // What is made again from the log gets over it too.
    rebuild("rebuild touches", &place);
    rebuild("rebuild facts --idle", &place);
    let up = Launch::new("up", &place).start();
    visit_all(&up);
    shops[0].dashboard_says(&up, 24, 12);
    assert_eq!(place.sql("SELECT count(*) FROM ledger.quarantine"), count.to_string());
    up.stop();
}

#[test]
fn what_a_newer_version_wrote_is_left_to_it_and_other_partitions_go_on() {
    let (place, folder) = (Place::shared(), TempDir::new().expect("a folder"));
    let up = Launch::new("up", &place).set("--decision-wait-ms", 3_000).start();
    let shops = one_for_each_partition(Shop::open(&up), &up);
    shops.iter().for_each(|shop| shop.await_known(&up));
    let records = newer(folder.path());
    let decided = || place.sql("SELECT next FROM ledger.progress WHERE partition = 0");
    produce(&place, 0, &records);
    let waits = "partition 0 waits for a newer version of Refmill, which wrote what comes next: start that";
    up.await_readiness(SETTLED, 503, &[waits]);
    eventually(SETTLED, "a metric says so", || holds(up.metric("refmill_partitions_held") == 1.0, up.said()));
    assert!(up.said().contains("this record was written by a newer version of Refmill"));
    let held_at = decided();

    // What is taken for this partition from here on waits, and says so.
    let sales: Vec<_> = shops.iter().map(|shop| shop.sale(&up)).collect();
    let (put_off, decided_now): (Vec<_>, Vec<_>) = sales.iter().partition(|sale| sale.status == 202);
    assert!(!put_off.is_empty() && !decided_now.is_empty(), "all links are on one partition: {sales:?}");
    assert!(decided_now.iter().all(|sale| sale.good()["commissionAmount"] == 1000), "{decided_now:?}");
    up.stop();

    // This version, started again, does not pass it over.
    let up = Launch::new("process", &place).start_until("this record was written by a newer version of Refmill");
    assert_eq!(decided(), held_at);
    assert_eq!(place.sql("SELECT count(*) FROM ledger.quarantine"), "0");
    up.stop();
}
