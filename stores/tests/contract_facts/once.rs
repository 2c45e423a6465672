//! However often a block is sent to ClickHouse, and by whomever, it is there once, in rows and in sums.

use schemas::{facts::Fact, ids::LinkId, money::Currency, receipt::Visit};
use stores::{
    DeploymentId,
    facts::{Block, Facts, InsertError},
};

use crate::{
    database::Database,
    place::{NOON, block, changed, click, clicked, sold, take_out, visited},
};

const ROWS: u64 = 12_000;

/// As large as a planned block gets: clicks at all offsets but for a sale at every hundredth, every tenth click a bot's.
fn large() -> Block {
    let fact = |offset: u64| -> Fact {
        let at = NOON.plus_ms(offset.cast_signed());
        match offset % 100 {
            0 => changed(sold(offset, at, Currency::USD, 100)),
            n if n % 10 == 1 => clicked(visited(offset, at, LinkId(offset % 50), Visit::Bot)),
            _ => clicked(visited(offset, at, LinkId(offset % 50), Visit::Person)),
        }
    };
    block(0, ROWS, (0..ROWS).map(fact).collect())
}

const CLICKS: i64 = 11_880;
const COUNTED: i64 = 10_680;

/// Rows without FINAL and sums, each what it must be.
async fn is_there_once(database: &Database) {
    assert_eq!(database.clicks().await, [CLICKS, COUNTED, COUNTED, COUNTED, COUNTED]);
    assert_eq!(database.revenue().await, [12_000, 12_000]);
}

async fn connect(database: &Database) -> Facts {
    Facts::connect(&database.servers, DeploymentId(1)).await.unwrap()
}

#[tokio::test]
async fn a_block_that_two_processes_send_is_there_once() {
    let database = Database::new();
    let (one, other) = (connect(&database).await, connect(&database).await);
    let (first, second) = tokio::join!(one.insert(large()), other.insert(large()));
    first.unwrap();
    second.unwrap();
    is_there_once(&database).await;
    let third = connect(&database).await;
    third.insert(large()).await.unwrap();
    is_there_once(&database).await;
}

#[tokio::test]
async fn a_zombies_older_block_is_there_once() {
    let database = Database::new();
    let zombie = connect(&database).await;
    let owner = connect(&database).await;
    let later = || block(ROWS, ROWS + 1, vec![clicked(click(ROWS, NOON))]);
    owner.insert(large()).await.unwrap();
    owner.insert(later()).await.unwrap();
    // It was frozen between its plan and the insert.
    zombie.insert(large()).await.unwrap();
    zombie.insert(later()).await.unwrap();
    assert_eq!(database.clicks().await, [CLICKS + 1, COUNTED + 1, COUNTED + 1, COUNTED + 1, COUNTED + 1]);
    // Nor does it bring back what a restored ledger took away and had made again.
    take_out(&owner, 0, 0, 2).await;
    owner.insert(Block { incarnation: 2, ..large() }).await.unwrap();
    let zombie = connect(&database).await;
    zombie.insert(large()).await.unwrap();
    is_there_once(&database).await;
}

#[tokio::test]
async fn half_of_a_block_is_made_whole() {
    let database = Database::new();
    let facts = connect(&database).await;
    // The changes find no table: the clicks are in, and the block is not.
    database.execute("RENAME TABLE conversion_changes TO elsewhere").await.unwrap();
    let failed = facts.insert(large()).await;
    assert!(matches!(failed, Err(InsertError::Store(_))), "{failed:?}");
    assert_eq!((facts.held().borrow().up_to(0), database.clicks().await[0]), (0, CLICKS));
    database.execute("RENAME TABLE elsewhere TO conversion_changes").await.unwrap();
    facts.insert(large()).await.unwrap();
    is_there_once(&database).await;
    // A view that fails leaves its sums behind; the second try gives them and doubles no others.
    database.execute("DROP VIEW clicks_into_pages_by_day").await.unwrap();
    let broken = "CREATE MATERIALIZED VIEW clicks_into_pages_by_day TO pages_by_day AS SELECT company, day, landing_path AS path, partition, \
                  count() + throwIf(max(log_offset) > 0) AS clicks FROM clicks GROUP BY company, day, path, partition";
    database.execute(broken).await.unwrap();
    let next = || block(ROWS, ROWS + 1, vec![clicked(click(ROWS, NOON))]);
    assert!(facts.insert(next()).await.is_err());
    database.execute("DROP VIEW clicks_into_pages_by_day").await.unwrap();
    let whole = "CREATE MATERIALIZED VIEW clicks_into_pages_by_day TO pages_by_day AS SELECT company, day, landing_path AS path, partition, \
                 count() AS clicks FROM clicks WHERE outcome = 'counted' GROUP BY company, day, path, partition";
    database.execute(whole).await.unwrap();
    facts.insert(next()).await.unwrap();
    assert_eq!(database.clicks().await, [CLICKS + 1, COUNTED + 1, COUNTED + 1, COUNTED + 1, COUNTED + 1]);
}

#[tokio::test]
async fn without_a_token_or_a_window_sums_double() {
    // The second net catches the row, and nothing catches the sum: an audit that compares the two tells.
    let database = Database::new();
    let facts = connect(&database).await;
    let one = || block(0, 1, vec![clicked(click(0, NOON))]);
    facts.insert(one()).await.unwrap();
    let copy = "INSERT INTO clicks (company, at, partition, log_offset, event, program, partner, link, outcome, receipt, landing_host, \
                landing_path, referrer_host, utm_source, utm_medium, utm_campaign, source, device, incarnation) \
                SELECT company, at, partition, log_offset, event, program, partner, link, outcome, receipt, landing_host, \
                landing_path, referrer_host, utm_source, utm_medium, utm_campaign, source, device, incarnation FROM clicks";
    database.execute(copy).await.unwrap();
    assert_eq!(database.clicks().await, [2, 2, 2, 2, 2]);
    assert_eq!(database.number("SELECT count() FROM clicks FINAL").await, 1);
    let touches = facts.touches_of(LinkId(1), NOON, NOON.plus_ms(1), 9).await.unwrap();
    assert_eq!(touches.len(), 1, "what decides is read as if it were there once");
    assert_eq!(facts.read(0, 0, 9).await.unwrap().len(), 1);

    let database = Database::new();
    let facts = connect(&database).await;
    for table in ["clicks", "clicks_by_day", "sources_by_day", "pages_by_day"] {
        let off = format!("ALTER TABLE {table} MODIFY SETTING non_replicated_deduplication_window = 0");
        database.execute(&off).await.unwrap();
    }
    facts.insert(one()).await.unwrap();
    connect(&database).await.insert(one()).await.unwrap();
    assert_eq!(database.clicks().await, [2, 2, 2, 2, 2]);
    assert_eq!(database.number("SELECT count() FROM clicks FINAL").await, 1);
}
