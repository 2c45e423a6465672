use rusqlite::Connection;
use schemas::{ids::CompanyId, money::Currency};
use stores::facts::{Block, Days, Facts, InsertError, Inserted};

use crate::place::{NOON, Place, block, changed, click, clicked, sold};

/// Two clicks and a sale at offsets 0 to 2.
fn first() -> Block {
    let facts = vec![clicked(click(0, NOON)), clicked(click(1, NOON)), changed(sold(2, NOON, Currency::USD, 10_000))];
    block(0, 3, facts)
}

/// Clicks and revenue of company 1.
async fn sums(facts: &Facts) -> (u64, i64) {
    let overview = facts.company_overview(CompanyId(1), Days::last(1, NOON), None, 10).await.unwrap();
    (overview.clicks, overview.revenue_minor)
}

#[tokio::test]
async fn a_block_sent_again_is_held_once() {
    for place in Place::all() {
        let facts = place.open().await;
        let held = facts.held();
        assert_eq!(held.borrow().up_to(0), 0);
        assert_eq!(facts.insert(first()).await.unwrap(), Inserted::Now);
        assert!(held.has_changed().unwrap());
        assert_eq!(held.borrow().up_to(0), 3);
        assert_eq!(facts.insert(first()).await.unwrap(), Inserted::Before);
        let facts = place.reopen(facts).await;
        assert_eq!(facts.held().borrow().up_to(0), 3);
        assert_eq!(facts.insert(first()).await.unwrap(), Inserted::Before);
        assert_eq!(
            facts.insert(block(1, 2, vec![clicked(click(1, NOON))])).await.unwrap(),
            Inserted::Before,
            "a part of it too"
        );
        assert_eq!(sums(&facts).await, (2, 10_000));
        assert_eq!(facts.insert(block(3, 4, vec![clicked(click(3, NOON))])).await.unwrap(), Inserted::Now);
        assert_eq!(facts.insert(block(4, 9, Vec::new())).await.unwrap(), Inserted::Now, "a stretch without facts");
        assert_eq!((sums(&facts).await, facts.held().borrow().up_to(0)), ((3, 10_000), 9));
    }
}

#[tokio::test]
async fn at_once_one_of_many_tries_counts() {
    for place in Place::all() {
        let facts = place.open().await;
        let tries = (0..16).map(|_| {
            let facts = facts.clone();
            tokio::spawn(async move { facts.insert(first()).await.unwrap() })
        });
        let mut inserted = 0;
        for attempt in tries.collect::<Vec<_>>() {
            inserted += usize::from(attempt.await.unwrap() == Inserted::Now);
        }
        assert_eq!((inserted, sums(&facts).await), (1, (2, 10_000)));
    }
}

#[tokio::test]
async fn a_block_out_of_place_changes_nothing() {
    for place in Place::all() {
        let facts = place.open().await;
        facts.insert(first()).await.unwrap();
        let late = Block { incarnation: 0, ..first() };
        let newer = Block { incarnation: 2, ..first() };
        for (name, wrong) in [
            ("a gap", block(4, 5, vec![clicked(click(4, NOON))])),
            ("an overlap", block(2, 5, vec![clicked(click(4, NOON))])),
            ("a fact before it", block(3, 5, vec![clicked(click(2, NOON))])),
            ("a fact after it", block(3, 5, vec![clicked(click(5, NOON))])),
            ("a fact of another partition", Block { partition: 1, ..first() }),
            ("backwards", block(3, 1, Vec::new())),
            ("a partition that does not begin at 0", Block { partition: 1, ..block(5, 6, Vec::new()) }),
            ("an incarnation that is over", late),
            ("a restored ledger behind the facts", newer),
        ] {
            assert!(facts.insert(wrong).await.is_err(), "{name}");
            assert_eq!((sums(&facts).await, facts.held().borrow().up_to(0)), ((2, 10_000), 3), "{name}");
        }
        let gap = facts.insert(block(4, 5, Vec::new())).await;
        assert!(matches!(gap, Err(InsertError::Gap { held_up_to: 3, from: 4 })));
        let next = Block { incarnation: 2, ..block(3, 4, vec![clicked(click(3, NOON))]) };
        assert_eq!(facts.insert(next).await.unwrap(), Inserted::Now, "a new incarnation that goes on where facts end");
    }
}

#[tokio::test]
async fn partitions_are_held_apart() {
    for place in Place::all() {
        let facts = place.open().await;
        facts.insert(first()).await.unwrap();
        let mut other = click(0, NOON);
        other.position.partition = 1;
        facts.insert(Block { partition: 1, ..block(0, 1, vec![clicked(other)]) }).await.unwrap();
        let held = facts.held().borrow().clone();
        assert_eq!((held.up_to(0), held.up_to(1), held.up_to(2)), (3, 1, 0));
        assert_eq!(sums(&facts).await.0, 3);
    }
}

#[tokio::test]
async fn a_sum_that_no_integer_holds_stops_no_block() {
    for place in Place::all() {
        let facts = place.open().await;
        for offset in 0..3 {
            facts
                .insert(block(offset, offset + 1, vec![changed(sold(offset, NOON, Currency::USD, i64::MAX / 2))]))
                .await
                .unwrap();
        }
        let overview = facts.company_overview(CompanyId(1), Days::last(1, NOON), None, 10).await.unwrap();
        assert_eq!(overview.conversions, 3);
        // One shape leaves a sum as it is where 64 bits end, the other knows it and shows what 64 bits hold.
        assert!(overview.revenue_minor >= i64::MAX - 1);
    }
}

/// What each sum by day would be if it were taken of the rows now.
fn rows_and_sums(folder: &std::path::Path) -> [(i64, i64); 2] {
    let beside = Connection::open(folder.join("facts.db")).unwrap();
    let number = |select: &str| beside.query_row(select, [], |row| row.get(0)).unwrap();
    [
        (number("SELECT count(*) FROM clicks WHERE outcome = 1"), number("SELECT sum(clicks) FROM clicks_by_day")),
        (
            number("SELECT sum(revenue_minor) FROM conversion_changes"),
            number("SELECT sum(revenue_minor) FROM sales_by_day"),
        ),
    ]
}

#[tokio::test]
async fn without_the_look_at_what_is_held_sums_double() {
    for place in Place::all() {
        let Some(folder) = place.folder() else { continue };
        let facts = place.open().await;
        facts.insert(first()).await.unwrap();
        facts.insert(first()).await.unwrap();
        assert!(rows_and_sums(folder).iter().all(|(rows, sum)| rows == sum));
        // The block is taken for a new one, and a store that replaces rows of the same key keeps each once.
        let beside = Connection::open(folder.join("facts.db")).unwrap();
        beside.execute_batch("DELETE FROM progress; DELETE FROM click_rows; DELETE FROM clicks_of_link; DELETE FROM conversion_changes").unwrap();
        facts.insert(first()).await.unwrap();
        assert_eq!(rows_and_sums(folder), [(2, 4), (10_000, 20_000)]);
    }
}

#[tokio::test]
async fn rows_are_the_second_net() {
    for place in Place::all() {
        let Some(folder) = place.folder() else { continue };
        let facts = place.open().await;
        facts.insert(first()).await.unwrap();
        let beside = Connection::open(folder.join("facts.db")).unwrap();
        beside.execute_batch("DELETE FROM progress").unwrap();
        assert!(facts.insert(first()).await.is_err());
        assert!(rows_and_sums(folder).iter().all(|(rows, sum)| rows == sum));
    }
}
