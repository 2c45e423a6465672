//! Several owners at once, all after the same rows.

use std::{collections::BTreeMap, sync::Arc};

use rules::Effect;
use schemas::{ids::ProgramId, money::Currency};
use stores::{
    StoreError,
    ledger::{CommitError, Ledger, LedgerFetched, LedgerNeeds},
};
use tokio::sync::Barrier;
use tokio_postgres::error::SqlState;

use crate::{
    contested::{Contested, Sale, audit},
    place::variants,
    several::{Owner, Several},
};

const OWNERS: u32 = 3;
const ROUNDS: u64 = 100;

/// From the third try on rows are held.
const TRIES_UNLOCKED: u32 = 2;
const TRIES: u32 = 16;
/// Nothing is held there, so chance alone says who comes first.
const TRIES_EMBEDDED: u32 = 1_000;

/// Fetches, decides and commits until it is done, as an owner does.
async fn decide(owner: &mut Owner, needs: LedgerNeeds, effects: impl Fn(&LedgerFetched) -> Vec<Effect>) {
    let tries = if matches!(owner.ledger, Ledger::Distributed(_)) { TRIES } else { TRIES_EMBEDDED };
    for attempt in 1..=tries {
        let mut known = owner.ledger.fetch(needs.clone()).await.unwrap();
        let done = if attempt <= TRIES_UNLOCKED {
            owner.ledger.commit(owner.batch(known.versions.clone(), effects(&known))).await
        } else {
            match owner.ledger.lock(owner.partition, owner.epoch, known.versions).await {
                Ok(locked) => {
                    known = owner.ledger.fetch(needs.clone()).await.unwrap();
                    let batch = owner.batch(known.versions.clone(), effects(&known));
                    let done = owner.ledger.commit_locked(locked, batch).await;
                    let held = matches!(owner.ledger, Ledger::Distributed(_));
                    assert!(!held || !matches!(done, Err(CommitError::Conflict(_))), "what is held does not change");
                    done
                }
                Err(error) => Err(error),
            }
        };
        match done {
            Ok(()) => {
                owner.next += 10;
                return;
            }
            Err(CommitError::Conflict(_)) => {}
            Err(CommitError::Store(StoreError::Postgres(error))) if is_retried(&error) => {}
            Err(error) => panic!("{error}"),
        }
    }
    panic!("no end after {tries} tries");
}

fn is_retried(error: &tokio_postgres::Error) -> bool {
    [SqlState::T_R_DEADLOCK_DETECTED, SqlState::LOCK_NOT_AVAILABLE].iter().any(|code| error.code() == Some(code))
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_that_want_the_same_rows_all_the_time_end_as_if_one_had_come_after_the_other() {
    for variant in variants() {
        let several = Several::new(variant, OWNERS).await;
        let barrier = Arc::new(Barrier::new(OWNERS as usize));
        let sale = |round: u64, partition| Sale { round, partition, contested: Contested::ALL[round as usize % 3] };
        let owners = several.owners.iter().cloned().map(|mut owner| {
            let barrier = barrier.clone();
            tokio::spawn(async move {
                for round in 0..ROUNDS {
                    barrier.wait().await;
                    let sale = sale(round, owner.partition);
                    decide(&mut owner, sale.needs(), |known| sale.decide(known)).await;
                }
            })
        });
        for owner in owners.collect::<Vec<_>>() {
            owner.await.unwrap();
        }
        for round in 0..ROUNDS {
            let sales: Vec<_> = (0..OWNERS).map(|partition| sale(round, partition)).collect();
            assert_eq!(audit(&several.ledger, &sales).await, Ok(()), "{variant:?}, round {round}");
        }
        several.close().await;
    }
}

/// Each batch spends from some of few budgets, in an order of its own.
#[tokio::test(flavor = "multi_thread")]
async fn batches_of_many_rows_wait_for_each_other_in_one_order() {
    const BUDGETS: u64 = 7;
    for variant in variants() {
        let several = Several::new(variant, OWNERS).await;
        let chosen = |partition: u32, round: u64| {
            (0..4).map(move |n| (round * 5 + u64::from(partition) * 3 + n * (2 + round % 3)) % BUDGETS)
        };
        let owners = several.owners.iter().cloned().map(|mut owner| {
            tokio::spawn(async move {
                for round in 0..ROUNDS / 2 {
                    let budgets = || chosen(owner.partition, round).map(|n| (ProgramId(n), Currency::USD));
                    let needs = LedgerNeeds { budgets: budgets().collect(), ..LedgerNeeds::default() };
                    let spend: Vec<_> = budgets()
                        .map(|(program, currency)| Effect::Spend { program, currency, amount_minor: 1 })
                        .collect();
                    decide(&mut owner, needs, |_| spend.clone()).await;
                }
            })
        });
        for owner in owners.collect::<Vec<_>>() {
            owner.await.unwrap();
        }
        let mut wanted = BTreeMap::new();
        for n in (0..OWNERS).flat_map(|partition| (0..ROUNDS / 2).flat_map(move |round| chosen(partition, round))) {
            *wanted.entry((ProgramId(n), Currency::USD)).or_insert(0) += 1;
        }
        let needs = LedgerNeeds { budgets: wanted.keys().copied().collect(), ..LedgerNeeds::default() };
        let spent: BTreeMap<_, i64> = several.ledger.fetch(needs).await.unwrap().budgets.into_iter().collect();
        assert_eq!(spent, wanted, "{variant:?}");
        several.close().await;
    }
}
