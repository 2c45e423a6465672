//! Several processes on one catalog.

use std::{collections::BTreeSet, time::Duration};

use schemas::{
    catalog::ChangeNo,
    code::Code,
    ids::{CompanyId, LinkId},
};
use stores::catalog::{FreshKeys, LinkError, NewLink};
use tokio::time::{Instant, timeout};
use tokio_postgres::Client;

use crate::{
    database::Database,
    follow::Follower,
    place::{HEARD_WITHIN, NOON, connect, new_company, new_link},
};

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_while_processes_write_sees_every_number() {
    let database = Database::make().await;
    let processes = [connect(&database.url).await.unwrap(), connect(&database.url).await.unwrap()];
    let mut follower = Follower::default();
    let writers: Vec<_> = (1..=8)
        .map(|writer| {
            let catalog = processes[writer % 2].clone();
            tokio::spawn(async move {
                for number in 0..10 {
                    let company = writer as u64 * 100 + number;
                    catalog.register_company(new_company(company)).await.unwrap();
                    catalog.create_link(new_link(company, company, writer as u64)).await.unwrap();
                }
            })
        })
        .collect();
    let step = async |follower: &mut Follower| {
        let changes = processes[0].changes_since(follower.up_to, 1).await.unwrap();
        assert!(changes.up_to.0 - follower.up_to.0 <= 1, "{:?} after {:?}", changes.up_to, follower.up_to);
        let moved = changes.up_to > follower.up_to;
        follower.up_to = changes.up_to;
        follower.learn(changes.rows);
        moved
    };
    while writers.iter().any(|writer| !writer.is_finished()) {
        step(&mut follower).await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    while step(&mut follower).await {}
    assert_eq!((follower.up_to, follower.rows.len()), (ChangeNo(80 * 4), 80 * 4));
    assert_eq!(follower.missed(&processes[1]).await, BTreeSet::new());
}

/// Begins a transaction that makes a company and numbers the change by `number`.
async fn begin_numbered(beside: &Client, company: i64, number: &str) {
    let email = format!("{company:032x}");
    let sql = format!(
        "BEGIN; \
         INSERT INTO catalog.companies VALUES ({company}, {company}, 'a.example', 'active', 'weekly', 0, '\\x{email}', 0); \
         INSERT INTO catalog.changes (no, kind, id) SELECT {number}, 1, {company}"
    );
    beside.batch_execute(&sql).await.unwrap();
}

#[tokio::test]
async fn numbers_given_without_the_lock_are_caught() {
    let database = Database::make().await;
    let catalog = connect(&database.url).await.unwrap();
    let (slow, quick) = (database.client().await, database.client().await);
    slow.batch_execute("CREATE SEQUENCE numbers").await.unwrap();
    let mut follower = Follower::default();
    begin_numbered(&slow, 10, "nextval('numbers')").await;
    begin_numbered(&quick, 20, "nextval('numbers')").await;
    quick.batch_execute("COMMIT").await.unwrap();
    follower.poll(&catalog, 10).await;
    slow.batch_execute("COMMIT").await.unwrap();
    follower.poll(&catalog, 10).await;
    assert_eq!(follower.missed(&catalog).await, BTreeSet::from([CompanyId(10).to_string()]));
}

#[tokio::test]
async fn a_number_is_waited_for_until_the_one_before_has_committed() {
    let database = Database::make().await;
    let catalog = connect(&database.url).await.unwrap();
    let slow = database.client().await;
    let mut follower = Follower::default();
    slow.batch_execute("BEGIN; UPDATE catalog.newest_change SET no = no + 1").await.unwrap();
    let writing = catalog.clone();
    let mut write = tokio::spawn(async move { writing.register_company(new_company(20)).await.unwrap() });
    assert!(timeout(Duration::from_millis(300), &mut write).await.is_err(), "it did not wait");
    follower.poll(&catalog, 10).await;
    assert_eq!(follower.up_to, ChangeNo(0));
    slow.batch_execute("COMMIT").await.unwrap();
    assert_eq!(write.await.unwrap(), ChangeNo(4));
    follower.poll(&catalog, 10).await;
    assert_eq!(follower.missed(&catalog).await, BTreeSet::new());
}

#[tokio::test]
async fn another_process_hears_of_a_change_within_a_second() {
    const SOON: Duration = Duration::from_secs(1);
    const CHANGES: u64 = 5;
    /// A machine that does much else may be late with one of them; that all of them are in time is not asked for more often.
    const ROUNDS: u64 = 3;
    let database = Database::make().await;
    let [writer, reader] = [connect(&database.url).await.unwrap(), connect(&database.url).await.unwrap()];
    let mut latest = reader.latest();
    let mut slowest = Vec::new();
    while (slowest.len() as u64) < ROUNDS && slowest.last().is_none_or(|took| *took >= SOON) {
        let mut round = Duration::ZERO;
        for number in 1..=CHANGES {
            let company = slowest.len() as u64 * CHANGES + number;
            let change = writer.register_company(new_company(company)).await.unwrap();
            let written = Instant::now();
            timeout(HEARD_WITHIN, latest.wait_for(|at| *at >= change)).await.unwrap().unwrap();
            round = round.max(written.elapsed());
        }
        slowest.push(round);
    }
    assert!(slowest.iter().any(|took| *took < SOON), "{slowest:?}");
    reader.close().await;
    assert!(matches!(reader.company(CompanyId(1)).await, Err(stores::StoreError::Closed)));
    assert!(writer.company(CompanyId(1)).await.unwrap().is_some(), "the other goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_given_once() {
    let database = Database::make().await;
    let processes = [connect(&database.url).await.unwrap(), connect(&database.url).await.unwrap()];
    processes[0].register_company(new_company(1)).await.unwrap();
    for round in 0..10_u64 {
        let code = Code::parse(&format!("same-{round}")).unwrap();
        let tries = (0..8_u64).map(|number| {
            // An id is made of its code; one that is not must not get through either.
            let id = if number % 4 == 3 { 10_000 + round * 10 + number } else { code.route() };
            let link = NewLink { id: LinkId(id), code: code.clone(), ..new_link(0, 1, number + 1) };
            let catalog = processes[usize::from(number % 2 == 0)].clone();
            tokio::spawn(async move { catalog.create_link(link).await })
        });
        let mut made = Vec::new();
        for attempt in tries.collect::<Vec<_>>() {
            match attempt.await.unwrap() {
                Ok(linked) => made.push(linked.partner),
                Err(LinkError::CodeTaken) => {}
                Err(other) => panic!("{other}"),
            }
        }
        let link = processes[1].link_by_code(code).await.unwrap().unwrap();
        assert_eq!(made, [link.row.partner], "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn first_starts_at_once_make_one_deployment() {
    let database = Database::make().await;
    let starts = (0..8).map(|_| {
        let url = database.url.clone();
        tokio::spawn(async move { connect(&url).await.unwrap() })
    });
    let mut made = BTreeSet::new();
    for start in starts.collect::<Vec<_>>() {
        let catalog = start.await.unwrap();
        let secrets = catalog.secrets();
        let person = secrets.person_key.email("a@example.com");
        made.insert((catalog.deployment(), secrets.jwt_key, person));
    }
    assert_eq!(made.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rotations_at_once_make_one_key_a_day() {
    let database = Database::make().await;
    let processes = [connect(&database.url).await.unwrap(), connect(&database.url).await.unwrap()];
    for day in 0..9 {
        let now = NOON.plus_days(day);
        let rotations = (0..8_u8).map(|number| {
            let catalog = processes[usize::from(number % 2)].clone();
            let fresh = FreshKeys { today: [number; 16], tomorrow: [number + 8; 16], receipt: [number; 16] };
            tokio::spawn(async move { catalog.rotate_keys(now, fresh).await.unwrap() })
        });
        let (mut made, mut destroyed) = (0, 0);
        for rotation in rotations.collect::<Vec<_>>() {
            let rotated = rotation.await.unwrap();
            (made, destroyed) = (made + rotated.made, destroyed + rotated.destroyed);
        }
        let day_keys = if day == 0 { 2 } else { 1 };
        assert_eq!(made, day_keys + u32::from(day == 0 || day == 6), "day {day}");
        assert_eq!(destroyed, u32::from(day >= 2), "day {day}");
        let mut known = BTreeSet::new();
        for catalog in &processes {
            let keys = catalog.day_keys(now).await.unwrap();
            known.insert(keys.keys.iter().map(|key| (key.day, key.secret)).collect::<Vec<_>>());
        }
        assert_eq!(known.len(), 1, "day {day}");
        assert_eq!(known.first().unwrap().len(), if day == 0 { 2 } else { 3 }, "day {day}");
    }
}
