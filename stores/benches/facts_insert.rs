//! Rows a second into facts of either shape, in planned blocks, what one costs, and how long the look-up of an attribution takes.
//! `REFMILL_TEST_CLICKHOUSE` says where a server is, if one is to be measured; prints a line each and leaves nothing behind.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

use std::time::{Duration, Instant};

use schemas::{
    decision::Outcome,
    facts::{ClickFact, Fact},
    ids::{CompanyId, EventId, LinkId, PartnerId, Position, ProgramId},
    receipt::{Receipt, ReceiptFields, ReceiptKey, ReceiptKeyId, Visit},
    time::TimeMs,
    web::{Device, Page, Utm},
};
use stores::{
    DeploymentId, Servers,
    facts::{Block, Facts, Removal},
};

const NOON: TimeMs = TimeMs(1_795_176_000_000);
const BLOCK: u64 = 10_000;
const BLOCKS: u64 = 100;
const LINKS: u64 = 5_000;
const FEW_OR_MANY: [u64; 2] = [200, LINKS];

fn click(offset: u64, links: u64) -> Fact {
    let mixed = offset.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (link, at) = (LinkId(mixed % links), NOON.plus_ms(-((BLOCKS * BLOCK - offset).cast_signed())));
    let fields = ReceiptFields {
        visit: Visit::Person,
        client_event_id: false,
        at,
        link,
        visitor: mixed,
        address_cut: mixed.rotate_left(20),
        event_id_hash: mixed.rotate_left(40),
    };
    Fact::Click(Box::new(ClickFact {
        position: Position { partition: 0, offset },
        event: EventId(u128::from(mixed) << 64 | u128::from(offset)),
        company: CompanyId(link.0 % 50),
        program: ProgramId(link.0 % 50),
        partner: PartnerId(link.0 % 1_000),
        link,
        at,
        outcome: Outcome::Counted,
        receipt: Receipt::sign(&ReceiptKey { id: ReceiptKeyId(0), secret: [7; 16] }, &fields),
        landing: Page { host: "shop.example".into(), path: format!("/p/{}", mixed % 500).into() },
        referrer_host: Some(format!("r{}.example", mixed % 40).into()),
        utm: Utm {
            source: Some(format!("s{}", mixed % 4).into()),
            medium: Some("link".into()),
            campaign: Some(format!("spring-{}", mixed % 16).into()),
        },
        device: Device::Mobile,
    }))
}

/// What this process has used, to 10 ms; what a server does is not in it.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, numbers) = stat.rsplit_once(')').unwrap();
    let ticks: u64 = numbers.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

fn blocks(links: u64) -> Vec<Block> {
    let block = |number: u64| {
        let (from, to) = (number * BLOCK, (number + 1) * BLOCK);
        Block { partition: 0, from, to, incarnation: 1, facts: (from..to).map(|offset| click(offset, links)).collect() }
    };
    (0..BLOCKS).map(block).collect()
}

async fn measure(name: &str, facts: &Facts, links: u64) {
    let blocks = blocks(links);
    let (began, cpu_before) = (Instant::now(), cpu());
    for block in blocks {
        facts.insert(block).await.unwrap();
    }
    let (took, used) = (began.elapsed(), cpu() - cpu_before);
    let rows = u128::from(BLOCKS * BLOCK);
    let each = used.as_nanos() / rows;
    println!("{name}: {rows} rows in {took:?}, {} a second, {each} ns of CPU each", rows * 1_000 / took.as_millis());
    let mut waits = Vec::new();
    for link in 0..200 {
        let began = Instant::now();
        let touches =
            facts.touches_of(LinkId(link * 7 % links), NOON.plus_ms(-86_400_000), NOON, BLOCKS * BLOCK).await.unwrap();
        assert_eq!(touches.len(), 17);
        waits.push(began.elapsed());
    }
    waits.sort();
    println!("{name}: touches_of p50 {:?} p99 {:?}", waits[100], waits[197]);
    let began = Instant::now();
    let checksum = facts.checksum(0).await.unwrap();
    println!("{name}: {checksum} in {:?}", began.elapsed());
    let began = Instant::now();
    let mut left = Some(Removal::new(0, BLOCKS * BLOCK - BLOCK, 2));
    while let Some(removal) = left {
        left = facts.remove(removal).await.unwrap();
    }
    println!("{name}: a block deleted and all sums made again in {:?}", began.elapsed());
}

async fn embedded(links: u64) {
    let folder = tempfile::tempdir().unwrap();
    let facts = Facts::open(folder.path(), DeploymentId(1)).unwrap();
    measure(&format!("embedded, {links} links"), &facts, links).await;
    facts.close().await;
    let bytes = std::fs::metadata(folder.path().join("facts.db")).unwrap().len();
    println!("embedded, {links} links: {} bytes a row on disk", bytes / (BLOCKS * BLOCK));
}

#[tokio::main]
async fn main() {
    for links in FEW_OR_MANY {
        embedded(links).await;
    }
    let Ok(url) = std::env::var("REFMILL_TEST_CLICKHOUSE") else { return };
    for compression in ["lz4", "none"] {
        let prefix = format!("facts_bench_{}", std::process::id());
        let servers = Servers {
            kafka: String::new(),
            redis: String::new(),
            clickhouse: format!("{url}/?compression={compression}"),
            postgres: String::new(),
            prefix: prefix.clone(),
            partitions: 1,
            reply_partitions: 1,
            replication: 1,
            session: Duration::from_secs(10),
            postgres_connections: 1,
        };
        let facts = Facts::connect(&servers, DeploymentId(1)).await.unwrap();
        measure(compression, &facts, LINKS).await;
        let client = clickhouse::Client::default().with_url(&url);
        client.query_raw(&format!("DROP DATABASE {prefix}")).execute().await.unwrap();
    }
}
