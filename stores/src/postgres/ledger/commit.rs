mod counts;
mod facts;
mod folded;
mod keys;
mod money;
mod orders;
mod progress;
mod shared;
mod steps;
mod together;
mod waiting;

use std::{collections::BTreeSet, time::Instant};

use tokio_postgres::error::SqlState;

use super::{
    ask::Ask,
    lock::Locked,
    session::{Session, begin},
    take::as_owner,
};
use crate::{
    StoreError,
    ledger::{
        Batch, CommitError,
        sums::{Counted, Sums},
    },
};
use folded::Folded;
use steps::Steps;

/// All of a batch in one transaction and two round trips: in the first the move of its partition's progress, the rows that other
/// partitions write too, and all rows, with what they add up to where all conversions are new; in the second what adds up otherwise,
/// which is known only then, and the end, so that nothing is committed that its sender has given up.
pub(super) async fn commit(session: Session, batch: Batch) -> Result<(), CommitError> {
    let begin = begin() + &as_owner(batch.partition, batch.epoch);
    timed(session, Some(&begin), batch).await
}

/// The same in a transaction that has begun.
pub(super) async fn commit_locked(locked: Locked, batch: Batch) -> Result<(), CommitError> {
    timed(locked.session, None, batch).await
}

/// Rows that nobody should have made before are inserted without looking, which takes a third of the time. Where one is there
/// after all, the batch is begun again with care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    Fast,
    Careful,
}

async fn timed(session: Session, begin: Option<&str>, mut batch: Batch) -> Result<(), CommitError> {
    let started = Instant::now();
    let folded = Folded::of(std::mem::take(&mut batch.effects))?;
    let done = match begin {
        None => write(&session, None, &batch, &folded, Pace::Careful).await,
        Some(_) => match write(&session, begin, &batch, &folded, Pace::Fast).await {
            Err(error) if is_there_already(&error) => {
                session.all(Some("ROLLBACK"), &[], None).await?;
                write(&session, begin, &batch, &folded, Pace::Careful).await
            }
            done => done,
        },
    };
    match done {
        Ok(()) => session.give_back(),
        // The transaction is well and open: it is ended and its connection kept. After any other error it is closed.
        Err(error @ (CommitError::Fenced | CommitError::Conflict(_) | CommitError::PlanOutOfOrder { .. })) => {
            session.roll_back().await?;
            return Err(error);
        }
        Err(error) => return Err(error),
    }
    metrics::histogram!("refmill_ledger_batch_events").record(batch.to.saturating_sub(batch.from) as f64);
    metrics::histogram!("refmill_ledger_commit_seconds").record(started.elapsed().as_secs_f64());
    Ok(())
}

fn is_there_already(error: &CommitError) -> bool {
    match error {
        CommitError::Store(StoreError::Postgres(error)) => error.code() == Some(&SqlState::UNIQUE_VIOLATION),
        _ => false,
    }
}

async fn write(
    session: &Session,
    begin: Option<&str>,
    batch: &Batch,
    folded: &Folded,
    pace: Pace,
) -> Result<(), CommitError> {
    let (partition, relied_on) = (batch.partition, &batch.relied_on);
    let new = match pace {
        Pace::Fast => folded.keys.new_conversions(&relied_on.keys),
        Pace::Careful => BTreeSet::new(),
    };
    let (new, known): (Vec<_>, Vec<_>) = folded.conversions.iter().partition(|conversion| new.contains(&conversion.id));
    let mut sums = Sums::default();
    folded.conversions.iter().for_each(|conversion| sums.add(Counted::from(conversion), 1));
    // What they add up to hangs on nothing that is found.
    let is_all_new = pace == Pace::Fast && known.is_empty();

    let mut steps = Steps::default();
    progress::move_on(&mut steps, batch);
    keys::write(&mut steps, &relied_on.keys, &folded.keys, pace);
    shared::idents(&mut steps, &relied_on.idents, folded, pace);
    shared::budgets(&mut steps, &relied_on.budgets, &folded.spent)?;
    if let Some(plan) = batch.plan {
        progress::plan(&mut steps, partition, plan);
    }
    facts::write(&mut steps, partition, folded, &batch.quarantined);
    waiting::write(&mut steps, partition, folded);
    if is_all_new {
        orders::with_money(&mut steps, batch, folded, &new, &sums)?;
    } else {
        orders::beside(&mut steps, batch, folded);
        money::write(&mut steps, folded, &new, &known, pace)?;
    }
    let done = steps.run(session, begin).await?;
    keys::write_again(session, &folded.keys).await?;

    let mut last: Vec<Ask> = Vec::new();
    last.extend(keys::hold_free(&relied_on.keys, &folded.keys));
    if !is_all_new {
        sums.take_in(done.before);
        last.extend((!sums.statuses.is_empty()).then(|| counts::statuses(partition, &sums)));
        last.extend((!sums.totals.is_empty()).then(|| counts::totals(partition, &sums)));
        let posted = money::posted(session, &folded.transfers, done.posted).await?;
        if !posted.is_empty() {
            last.push(money::balances(partition, posted.into_iter())?);
        }
    }
    session.all(None, &last, Some("COMMIT")).await?;
    Ok(())
}
