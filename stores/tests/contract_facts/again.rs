//! Facts that are deleted and made again, and what tells whether they are the same.

use schemas::{
    facts::{ClickFact, Fact},
    ids::LinkId,
    money::Currency,
    receipt::Visit,
    web::Utm,
};
use stores::facts::{Block, Checksum, Facts, Inserted, Removal};

use crate::place::{NOON, Place, block, changed, click, clicked, sold, take_out, visited};

/// Clicks and sales over some days, at every offset of `[from, to)` one.
fn stretch(from: u64, to: u64) -> Vec<Fact> {
    let fact = |offset: u64| {
        let at = NOON.plus_ms(-(offset.cast_signed()) * 3_600_000);
        match offset % 4 {
            0 => changed(sold(offset, at, Currency::USD, 1_000 + offset.cast_signed())),
            1 => clicked(visited(offset, at, LinkId(2), Visit::Bot)),
            _ => {
                let utm = Utm { source: (offset % 8 > 3).then(|| "news".into()), ..Utm::default() };
                clicked(ClickFact { utm, ..click(offset, at) })
            }
        }
    };
    (from..to).map(fact).collect()
}

fn of_incarnation(incarnation: u32, from: u64, to: u64) -> Block {
    Block { incarnation, ..block(from, to, stretch(from, to)) }
}

async fn filled(place: &Place) -> Facts {
    let facts = place.open().await;
    for from in [0, 40, 80] {
        assert_eq!(facts.insert(of_incarnation(1, from, from + 40)).await.unwrap(), Inserted::Now);
    }
    facts
}

#[tokio::test]
async fn facts_are_read_back_as_they_came() {
    for place in Place::all() {
        let facts = filled(&place).await;
        assert_eq!(facts.read(0, 0, 120).await.unwrap(), stretch(0, 120));
        assert_eq!(facts.read(0, 39, 41).await.unwrap(), stretch(39, 41));
        assert_eq!(facts.read(1, 0, 120).await.unwrap(), []);
        assert_eq!((facts.stored_up_to(0).await.unwrap(), facts.stored_up_to(1).await.unwrap()), (120, 0));
    }
}

#[tokio::test]
async fn what_is_deleted_and_made_again_is_the_same() {
    for place in Place::all() {
        let facts = filled(&place).await;
        let before = facts.checksum(0).await.unwrap();
        assert_eq!(before.facts, 120);
        for (incarnation, offset, from) in [(2, 80, 80), (3, 50, 40), (4, 0, 0)] {
            take_out(&facts, 0, offset, incarnation).await;
            assert_eq!(facts.stored_up_to(0).await.unwrap(), offset);
            assert_eq!(facts.held().borrow().up_to(0), offset);
            assert_eq!(facts.read(0, 0, 120).await.unwrap(), stretch(0, offset), "from {offset}");
            assert_eq!(facts.checksum(0).await.unwrap(), of_rows(&place, offset).await, "sums of what is left");
            for from in (from..120).step_by(40) {
                let (from, to) = (from.max(offset), from + 40);
                assert_eq!(facts.insert(of_incarnation(incarnation, from, to)).await.unwrap(), Inserted::Now);
            }
            assert_eq!(facts.checksum(0).await.unwrap(), before, "from {offset}");
        }
        // Again from the beginning: a deletion that left nothing twice in a row.
        take_out(&facts, 0, 0, 5).await;
        take_out(&facts, 0, 0, 6).await;
        assert_eq!(facts.checksum(0).await.unwrap(), Checksum::default());
    }
}

/// Whoever was cut off in it, and whoever began with it and does not know that another has done it.
#[tokio::test]
async fn a_removal_is_made_good_and_does_no_harm_to_what_came_after() {
    for place in Place::all() {
        let Place::Distributed(_) = place else { continue };
        let facts = filled(&place).await;
        let before = facts.checksum(0).await.unwrap();
        let mut incarnation = 1;
        let mut left = Some(Removal::new(0, 80, 2));
        while let Some(removal) = left {
            left = facts.remove(removal).await.unwrap();
            incarnation += 1;
            take_out(&facts, 0, 80, incarnation).await;
            facts.insert(of_incarnation(incarnation, 80, 120)).await.unwrap();
            assert_eq!(facts.checksum(0).await.unwrap(), before, "after {removal:?}");
        }
        take_out(&facts, 0, 80, 2).await;
        assert_eq!(facts.checksum(0).await.unwrap(), before, "once more, late");
    }
}

/// What facts of the same shape have that never held more.
async fn of_rows(like: &Place, to: u64) -> Checksum {
    let place = Place::all().into_iter().find(|place| place.folder().is_some() == like.folder().is_some()).unwrap();
    let facts = place.open().await;
    facts.insert(of_incarnation(1, 0, to)).await.unwrap();
    facts.checksum(0).await.unwrap()
}

#[tokio::test]
async fn both_shapes_have_one_checksum() {
    let mut seen: Vec<Checksum> = Vec::new();
    for place in Place::all() {
        seen.push(filled(&place).await.checksum(0).await.unwrap());
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
}

#[tokio::test]
async fn a_partition_is_deleted_alone() {
    for place in Place::all() {
        // Sums are kept by partition where there can be several.
        if place.folder().is_some() {
            continue;
        }
        let facts = filled(&place).await;
        let mut other = stretch(0, 40);
        for fact in &mut other {
            match fact {
                Fact::Click(click) => click.position.partition = 1,
                Fact::Change(change) => change.position.partition = 1,
            }
        }
        facts.insert(Block { partition: 1, ..block(0, 40, other) }).await.unwrap();
        let before = facts.checksum(1).await.unwrap();
        take_out(&facts, 0, 0, 2).await;
        assert_eq!(facts.checksum(0).await.unwrap(), Checksum::default());
        assert_eq!(facts.checksum(1).await.unwrap(), before);
        assert_eq!(facts.stored_up_to(1).await.unwrap(), 40);
    }
}

#[tokio::test]
async fn a_checksum_tells_a_row_and_a_sum_too_many() {
    for place in Place::all() {
        let Place::Distributed(database) = &place else { continue };
        let facts = filled(&place).await;
        let right = facts.checksum(0).await.unwrap();
        database.execute("INSERT INTO sources_by_day SELECT 1, '2026-11-20', 'news', 0, 1").await.unwrap();
        let doubled = facts.checksum(0).await.unwrap();
        assert_eq!((doubled.rows, doubled.facts), (right.rows, right.facts));
        assert_ne!(doubled.sums, right.sums);
        database.execute("ALTER TABLE clicks DELETE WHERE log_offset = 2 SETTINGS mutations_sync = 2").await.unwrap();
        assert_ne!(facts.checksum(0).await.unwrap().rows, right.rows);
    }
}
