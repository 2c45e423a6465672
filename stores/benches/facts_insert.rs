//! Rows a second into facts of ClickHouse, in planned blocks, and how long the look-up of an attribution takes.
//! `REFMILL_TEST_CLICKHOUSE` says where; prints a line each and leaves nothing behind.

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

fn click(offset: u64) -> Fact {
    let mixed = offset.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (link, at) = (LinkId(mixed % LINKS), NOON.plus_ms(-((BLOCKS * BLOCK - offset).cast_signed())));
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
        landing: Page { host: "shop.example".to_owned(), path: format!("/p/{}", mixed % 500) },
        referrer_host: Some(format!("r{}.example", mixed % 40)),
        utm: Utm::default(),
        device: Device::Mobile,
    }))
}

#[tokio::main]
async fn main() {
    let url = std::env::var("REFMILL_TEST_CLICKHOUSE").unwrap();
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
        let blocks: Vec<Block> = (0..BLOCKS)
            .map(|number| {
                let (from, to) = (number * BLOCK, (number + 1) * BLOCK);
                Block { partition: 0, from, to, incarnation: 1, facts: (from..to).map(click).collect() }
            })
            .collect();
        let began = Instant::now();
        for block in blocks {
            facts.insert(block).await.unwrap();
        }
        let took = began.elapsed();
        println!(
            "{compression}: {} rows in {took:?}, {} a second",
            BLOCKS * BLOCK,
            u128::from(BLOCKS * BLOCK) * 1_000 / took.as_millis()
        );
        let mut waits = Vec::new();
        for link in 0..200 {
            let began = Instant::now();
            let touches = facts
                .touches_of(LinkId(link * 7 % LINKS), NOON.plus_ms(-86_400_000), NOON, BLOCKS * BLOCK)
                .await
                .unwrap();
            assert_eq!(touches.len(), 17);
            waits.push(began.elapsed());
        }
        waits.sort();
        println!("{compression}: touches_of p50 {:?} p99 {:?}", waits[100], waits[197]);
        let began = Instant::now();
        let checksum = facts.checksum(0).await.unwrap();
        println!("{compression}: {checksum} in {:?}", began.elapsed());
        let began = Instant::now();
        let mut left = Some(Removal::new(0, BLOCKS * BLOCK - BLOCK, 2));
        while let Some(removal) = left {
            left = facts.remove(removal).await.unwrap();
        }
        println!("{compression}: a block deleted and all sums made again in {:?}", began.elapsed());
        let client = clickhouse::Client::default().with_url(&url);
        client.query_raw(&format!("DROP DATABASE {prefix}")).execute().await.unwrap();
    }
}
