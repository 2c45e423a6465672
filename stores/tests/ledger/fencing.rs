//! Only the present owner commits, only from where the partition stands, and all or nothing.

use rusqlite::Connection;
use schemas::{
    decision::Outcome,
    ids::{ConversionId, EventId},
    time::TimeMs,
};
use stores::{
    DeploymentId, OpenError, Postgres, StoreError,
    ledger::{Batch, CommitError, FactsDoubt, Ledger, Plan},
};
use tempfile::TempDir;

use crate::{
    Owned,
    place::{Place, Variant, open_folder},
    samples::{COMPANY, DAY, conversion, count, put, take_key},
    variants,
};

/// A ledger as it is, or with a part of its guard left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guard {
    Whole,
    NoEpoch,
    NoOffset,
}

impl Guard {
    async fn commit(self, owned: &Owned, mut batch: Batch) -> Result<(), CommitError> {
        let stored = |column: &str| {
            let outside = Connection::open(owned.place.folder().join("ledger.db")).unwrap();
            outside.query_one(&format!("SELECT {column} FROM progress"), [], |row| row.get::<_, i64>(0)).unwrap()
        };
        if self == Guard::NoEpoch {
            batch.epoch = stored("epoch").cast_unsigned();
        }
        if self == Guard::NoOffset {
            let next = stored("next").cast_unsigned();
            (batch.from, batch.to) = (next, next + batch.to - batch.from);
        }
        owned.ledger.commit(batch).await
    }
}

/// Two owners, the first of which has not noticed; and a batch that is decided twice.
async fn check_fencing(guard: Guard, owned: &mut Owned) -> Result<(), &'static str> {
    let first = owned.batch(vec![count(Outcome::Attributed, 1), put(conversion(1)), take_key(1, 1)]);
    owned.epoch = owned.ledger.take(0).await.unwrap().epoch;
    let second = owned.batch(vec![count(Outcome::Attributed, 1)]);
    if !matches!(guard.commit(owned, first).await, Err(CommitError::Fenced)) {
        return Err("an owner that was replaced committed");
    }
    guard.commit(owned, second.clone()).await.map_err(|_| "the owner was refused")?;
    if !matches!(guard.commit(owned, second).await, Err(CommitError::Fenced)) {
        return Err("a batch was committed twice");
    }
    let counts = owned.ledger.outcomes(COMPANY, DAY, DAY).await.unwrap();
    let untouched = owned.ledger.conversion(ConversionId(1)).await.unwrap().is_none();
    if counts.len() == 1 && counts[0].n == 1 && untouched {
        Ok(())
    } else {
        Err("a refused batch left something behind")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_replaced_writes_nothing() {
    for variant in variants() {
        let mut owned = Owned::new(variant).await;
        check_fencing(Guard::Whole, &mut owned).await.unwrap();
        owned.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn control_progress_that_is_not_checked_is_caught() {
    for (guard, caught) in
        [(Guard::NoEpoch, "an owner that was replaced committed"), (Guard::NoOffset, "a batch was committed twice")]
    {
        let mut owned = Owned::new(Variant::Embedded).await;
        assert_eq!(check_fencing(guard, &mut owned).await, Err(caught));
        owned.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_owner_finds_how_far_the_partition_is() {
    for variant in variants() {
        let mut owned = Owned::new(variant).await;
        assert_eq!(owned.ledger.partitions().await.unwrap(), 1);
        assert_eq!(owned.epoch, 1);
        let plan = Plan { from: 0, to: 7 };
        let batch =
            Batch { last_event: Some(EventId(9)), plan: Some(plan), published: Some(4), ..owned.batch(Vec::new()) };
        owned.ledger.commit(batch).await.unwrap();
        owned.next = 10;
        owned.reopen().await;
        let taken = owned.ledger.take(0).await.unwrap();
        let progress = taken.progress;
        assert_eq!((taken.epoch, progress.next, progress.last_event), (3, 10, Some(EventId(9))));
        assert_eq!((progress.published, progress.planned_up_to, progress.incarnation), (4, 7, 1));
        assert_eq!(taken.open_plans, [plan]);
        assert_eq!(owned.ledger.progress(0).await.unwrap(), Some(progress));
        assert_eq!(owned.ledger.progress(1).await.unwrap(), None);
        assert!(matches!(owned.ledger.take(1).await, Err(StoreError::NoPartition(1))));
        owned.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_of_an_owner_is_fenced() {
    for variant in variants() {
        let mut owned = Owned::new(variant).await;
        owned.commit(Vec::new()).await;
        let (old, ledger) = (owned.epoch, &owned.ledger);
        ledger.take(0).await.unwrap();
        assert!(matches!(ledger.plan(0, old, Plan { from: 0, to: 5 }).await, Err(CommitError::Fenced)));
        assert!(matches!(ledger.set_published(0, old, 5).await, Err(CommitError::Fenced)));
        assert!(matches!(ledger.remove_settles(0, old, vec![1]).await, Err(CommitError::Fenced)));
        owned.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_incarnation_marks_no_block() {
    for variant in variants() {
        let mut owned = Owned::new(variant).await;
        owned.commit(Vec::new()).await;
        let (first, second) = (Plan { from: 0, to: 4 }, Plan { from: 4, to: 10 });
        for plan in [first, second] {
            owned.ledger.plan(0, owned.epoch, plan).await.unwrap();
            owned.ledger.mark(0, owned.epoch, plan).await.unwrap();
        }
        owned.ledger.check_epoch(0, owned.epoch).await.unwrap();
        assert_eq!(owned.ledger.begin_incarnation(0, owned.epoch, 0, TimeMs(0)).await.unwrap(), 2);
        let taken = owned.ledger.take(0).await.unwrap();
        let late = owned.ledger.mark(0, owned.epoch, first).await;
        assert!(matches!(late, Err(CommitError::Fenced)), "what the last owner inserted may be taken out by now");
        assert_eq!((taken.open_plans, taken.marked_up_to), (vec![first, second], 0));
        assert_eq!(taken.progress.incarnation, 2);
        owned.ledger.mark(0, taken.epoch, first).await.unwrap();
        assert_eq!(owned.ledger.take(0).await.unwrap().marked_up_to, 4);
        assert!(matches!(owned.ledger.check_epoch(0, owned.epoch).await, Err(CommitError::Fenced)));
        assert!(matches!(owned.ledger.begin_incarnation(0, owned.epoch, 0, TimeMs(0)).await, Err(CommitError::Fenced)));
        owned.close().await;
    }
}

/// The copy's own number comes again with each restoring: by the clock the second time has another.
#[tokio::test(flavor = "multi_thread")]
async fn incarnations_and_epochs_of_a_restored_ledger_are_no_earlier_one_s() {
    const NOON: TimeMs = TimeMs(1_781_431_200_000);
    for variant in variants() {
        let owned = Owned::new(variant).await;
        let first = owned.ledger.begin_incarnation(0, owned.epoch, 0, NOON).await.unwrap();
        let second = owned.ledger.begin_incarnation(0, owned.epoch, 0, NOON.plus_ms(1_000)).await.unwrap();
        let behind = owned.ledger.begin_incarnation(0, owned.epoch, 0, NOON).await.unwrap();
        assert_eq!((first > 2, second, behind), (true, first + 1, first + 2));

        owned.ledger.raise_epoch(0, owned.epoch, owned.epoch + 40).await.unwrap();
        assert!(matches!(owned.ledger.check_epoch(0, owned.epoch).await, Err(CommitError::Fenced)));
        assert!(matches!(owned.ledger.raise_epoch(0, owned.epoch, 99).await, Err(CommitError::Fenced)));
        owned.ledger.check_epoch(0, owned.epoch + 40).await.unwrap();
        assert_eq!(owned.ledger.take(0).await.unwrap().epoch, owned.epoch + 41);
        owned.close().await;
    }
}

/// Whatever is planned meanwhile, and whoever takes the partition.
#[tokio::test(flavor = "multi_thread")]
async fn facts_are_in_doubt_until_somebody_has_looked() {
    for variant in variants() {
        let mut owned = Owned::new(variant).await;
        let check = async |ledger: &Ledger, expected_up_to: u64, in_removal: bool| {
            let taken = ledger.take(0).await.unwrap();
            assert_eq!(taken.doubt, FactsDoubt { expected_up_to, in_removal });
            taken.epoch
        };
        owned.commit(Vec::new()).await;
        owned.ledger.plan(0, owned.epoch, Plan { from: 0, to: 4 }).await.unwrap();
        let epoch = check(&owned.ledger, 0, false).await;
        assert!(matches!(owned.ledger.trust_facts(0, owned.epoch).await, Err(CommitError::Fenced)));
        owned.ledger.trust_facts(0, epoch).await.unwrap();
        let epoch = check(&owned.ledger, 4, false).await;
        owned.ledger.plan(0, epoch, Plan { from: 4, to: 10 }).await.unwrap();
        owned.ledger.begin_incarnation(0, epoch, 0, TimeMs(0)).await.unwrap();
        let epoch = check(&owned.ledger, 4, true).await;
        owned.ledger.trust_facts(0, epoch).await.unwrap();
        check(&owned.ledger, 10, false).await;
        owned.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_outlives_the_process() {
    let mut owned = Owned::new(Variant::Embedded).await;
    owned.commit(vec![put(conversion(1)), count(Outcome::Attributed, 1)]).await;
    let after_kill = TempDir::new().unwrap();
    for file in ["ledger.db", "ledger.db-wal"] {
        std::fs::copy(owned.place.folder().join(file), after_kill.path().join(file)).unwrap();
    }
    let again = open_folder(after_kill.path(), 1);
    assert_eq!(again.take(0).await.unwrap().progress.next, 10);
    assert_eq!(again.conversion(ConversionId(1)).await.unwrap(), Some(conversion(1)));
    again.close().await;
    owned.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_ledger_says_so_and_a_foreign_one_is_refused() {
    for variant in variants() {
        let owned = Owned::new(variant).await;
        let other_handle = owned.ledger.clone();
        other_handle.close().await;
        assert!(matches!(owned.ledger.take(0).await, Err(StoreError::Closed)));
        assert!(matches!(owned.ledger.conversion(ConversionId(1)).await, Err(StoreError::Closed)));
        match &owned.place {
            Place::Folder { folder, .. } => {
                let foreign = Ledger::open(folder.path(), DeploymentId(8));
                assert!(matches!(foreign, Err(OpenError::Foreign { .. })));
            }
            Place::Server { database, .. } => {
                let postgres = Postgres::open(&database.url, 2).await.unwrap();
                let foreign = Ledger::connect(postgres, DeploymentId(8), 1).await;
                assert!(matches!(foreign, Err(OpenError::Unfit { .. })));
            }
        }
    }
}
