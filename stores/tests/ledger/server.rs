//! What only a server can do to a ledger.

use std::time::{Duration, Instant};

use rules::Effect;
use schemas::{decision::Outcome, hashes::KeyHash, ids::ConversionId};
use stores::{
    DeploymentId, OpenError, Postgres, StoreError,
    ledger::{CommitError, Ledger, LedgerNeeds},
};

use crate::{
    Owned,
    place::{DEPLOYMENT, Database, Place, Variant, server, words},
    samples::{COMPANY, PARTNER, conversion, count, put, take_key, transfer},
    several::Several,
};

fn database(place: &Place) -> &Database {
    match place {
        Place::Server { database, .. } => database,
        Place::Folder { .. } => unreachable!("these tests are of the server"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_processes_start_at_once() {
    let database = Database::new(&server()).await;
    let starts: Vec<_> = (0..4)
        .map(|_| {
            let url = database.url.clone();
            tokio::spawn(async move {
                let postgres = Postgres::open(&url, 2).await.unwrap();
                Ledger::connect(postgres, DEPLOYMENT, 4).await.unwrap().partitions().await.unwrap()
            })
        })
        .collect();
    for start in starts {
        assert_eq!(start.await.unwrap(), 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_does_not_fit_says_what_to_do() {
    let database = Database::new(&server()).await;
    database.open(4, 2).await.close().await;
    let open = async |deployment, partitions| {
        let postgres = Postgres::open(&database.url, 2).await.unwrap();
        match Ledger::connect(postgres, deployment, partitions).await {
            Err(OpenError::Unfit { problem, advice, .. }) => format!("{problem}. {advice}"),
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("a ledger that does not fit was opened"),
        }
    };
    let said = open(DEPLOYMENT, 8).await;
    assert!(said.contains("with 4 partitions") && said.contains("8 are asked for"), "{said}");
    let said = open(DeploymentId(8), 4).await;
    assert!(said.contains("belongs to deployment 00000000000000000000000000000007"), "{said}");
    let newer = "INSERT INTO ledger.refinery_schema_history SELECT 99, 'newer', applied_on, checksum FROM ledger.refinery_schema_history";
    database.connect().await.batch_execute(newer).await.unwrap();
    let said = open(DEPLOYMENT, 4).await;
    assert!(said.contains("newer version"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_refuses_to_change_a_transfer() {
    let mut owned = Owned::new(Variant::Distributed).await;
    let (debit, credit) =
        (schemas::accounts::Account::Company(COMPANY), schemas::accounts::Account::PartnerPending(COMPANY, PARTNER));
    owned.commit(vec![put(conversion(1)), Effect::Post(transfer(1, debit, credit, 800))]).await;
    let outside = database(&owned.place).connect().await;
    for (trigger, change) in [
        ("transfers_are_never_changed", "UPDATE ledger.transfers SET amount_minor = 801"),
        ("transfers_are_never_changed", "UPDATE ledger.transfers SET amount_minor = 801 WHERE false"),
        (
            "transfers_are_never_changed",
            "INSERT INTO ledger.transfers SELECT * FROM ledger.transfers ON CONFLICT (conversion, id) DO UPDATE SET amount_minor = 801",
        ),
        ("transfers_are_never_deleted", "DELETE FROM ledger.transfers"),
        ("transfers_are_never_emptied", "TRUNCATE ledger.transfers"),
    ] {
        let refused = outside.batch_execute(change).await.map_err(|error| words(&error)).unwrap_err();
        assert!(refused.contains("never changed or deleted"), "{change}: {refused}");
        let replica = format!("BEGIN; SET LOCAL session_replication_role = replica; {change}");
        assert!(outside.batch_execute(&replica).await.is_err(), "{change} as a replica");
        outside.batch_execute("ROLLBACK").await.unwrap();
        let control = format!("BEGIN; DROP TRIGGER {trigger} ON ledger.transfers; {change}; ROLLBACK");
        outside.batch_execute(&control).await.unwrap();
    }
    let granted =
        "SELECT FROM information_schema.role_table_grants WHERE table_schema = 'ledger' AND table_name = 'transfers'
                   AND privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE')";
    assert!(outside.query(granted, &[]).await.unwrap().is_empty());
    assert_eq!(owned.ledger.transfers_of(ConversionId(1)).await.unwrap()[0].amount_minor, 800);
    owned.close().await;
}

/// How long a partition may stay with an owner that stands still in the middle of a commit.
const TAKEN_WITHIN: Duration = Duration::from_secs(4);

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_stands_still_in_a_commit_is_ended() {
    let mut owned = Owned::new(Variant::Distributed).await;
    let stalled = database(&owned.place).connect().await;
    let progress = "UPDATE ledger.progress SET next = 10 WHERE partition = 0";
    let owner = format!("SELECT pg_advisory_xact_lock_shared({}, {})", 0x5265_0000, owned.epoch);
    stalled.batch_execute(&format!("BEGIN; {owner}; {progress}")).await.unwrap();
    let started = Instant::now();
    owned.epoch = owned.ledger.take(0).await.unwrap().epoch;
    assert!(started.elapsed() < TAKEN_WITHIN, "{:?}", started.elapsed());
    owned.commit(vec![count(Outcome::Attributed, 1)]).await;
    assert!(stalled.batch_execute("COMMIT").await.is_err(), "its transaction is gone");

    let hidden = database(&owned.place).connect().await;
    hidden.batch_execute(&format!("BEGIN; {progress}")).await.unwrap();
    let started = Instant::now();
    assert!(owned.ledger.take(0).await.is_err(), "control: one that does not say whose it is, is not found");
    assert!(started.elapsed() < Duration::from_secs(20), "and even that is told in time");
    hidden.batch_execute("ROLLBACK").await.unwrap();
    owned.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_stands_still_with_rows_in_hand_is_ended() {
    let mut several = Several::new(Variant::Distributed, 2).await;
    let needs = || LedgerNeeds { keys: [KeyHash(7)].into(), ..LedgerNeeds::default() };
    let other = database(&several.place).open(2, 4).await;
    let known = several.ledger.fetch(needs()).await.unwrap();
    let stalled = several.owners[0].clone();
    let locked = several.ledger.lock(0, stalled.epoch, known.versions).await.unwrap();
    let known = several.ledger.fetch(needs()).await.unwrap();

    let started = Instant::now();
    other.take(0).await.unwrap();
    several.owners[1].commit(known.versions.clone(), vec![take_key(7, 2)]).await.unwrap();
    assert!(started.elapsed() < TAKEN_WITHIN, "{:?}", started.elapsed());
    let batch = stalled.batch(known.versions.clone(), vec![take_key(7, 1)]);
    assert!(several.ledger.commit_locked(locked, batch.clone()).await.is_err());
    assert!(matches!(several.ledger.commit(batch).await, Err(CommitError::Fenced)));
    let late = several.ledger.lock(0, stalled.epoch, known.versions).await;
    assert!(matches!(late, Err(CommitError::Fenced)));
    assert_eq!(several.ledger.fetch(needs()).await.unwrap().keys[&KeyHash(7)].conversion, ConversionId(2));
    several.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_connections_are_in_use_that_is_said_in_time() {
    let database = Database::new(&server()).await;
    let ledger = database.open(1, 1).await;
    let epoch = ledger.take(0).await.unwrap().epoch;
    let locked = ledger.lock(0, epoch, Default::default()).await.unwrap();
    let started = Instant::now();
    let refused = ledger.conversion(ConversionId(1)).await;
    assert!(matches!(refused, Err(StoreError::PostgresPool(_))), "{refused:?}");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    drop(locked);
    assert_eq!(ledger.conversion(ConversionId(1)).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_half_way_leaves_nothing_open() {
    let owned = Owned::new(Variant::Distributed).await;
    let outside = database(&owned.place).connect().await;
    outside.batch_execute("BEGIN; SELECT FROM ledger.progress WHERE partition = 0 FOR UPDATE").await.unwrap();
    let batch = owned.batch(vec![put(conversion(1))]);
    let given_up = tokio::time::timeout(Duration::from_millis(300), owned.ledger.commit(batch.clone())).await;
    assert!(given_up.is_err(), "it waits for the row");
    outside.batch_execute("ROLLBACK").await.unwrap();
    owned.ledger.commit(batch).await.unwrap();
    let idle = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    assert!(outside.query(idle, &[]).await.unwrap().is_empty());
    owned.close().await;
}
