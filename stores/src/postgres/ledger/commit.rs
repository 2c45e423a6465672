mod counts;
mod facts;
mod folded;
mod keys;
mod money;
mod progress;
mod shared;
mod steps;
mod waiting;

use std::time::Instant;

use super::{
    ask::Ask,
    lock::Locked,
    session::{LOCK_WAIT, Session, begin},
    take::as_owner,
};
use crate::ledger::{Batch, CommitError, sums::Counted};
use folded::Folded;
use steps::Steps;

/// All of a batch in one transaction and two round trips: in the first the move of its partition's progress, the rows that other
/// partitions write too, and all rows; in the second what adds up, which is known only now.
pub(super) async fn commit(session: Session, batch: Batch) -> Result<(), CommitError> {
    let begin = begin(LOCK_WAIT) + &as_owner(batch.partition, batch.epoch);
    timed(session, Some(&begin), batch).await
}

/// The same in a transaction that has begun.
pub(super) async fn commit_locked(locked: Locked, batch: Batch) -> Result<(), CommitError> {
    timed(locked.session, None, batch).await
}

async fn timed(session: Session, begin: Option<&str>, batch: Batch) -> Result<(), CommitError> {
    let started = Instant::now();
    let events = batch.to.saturating_sub(batch.from);
    match write(&session, begin, batch).await {
        Ok(()) => session.give_back(),
        // The transaction is well and open: it is ended and its connection kept. After any other error it is closed.
        Err(error @ (CommitError::Fenced | CommitError::Conflict(_) | CommitError::PlanOutOfOrder { .. })) => {
            session.roll_back().await?;
            return Err(error);
        }
        Err(error) => return Err(error),
    }
    metrics::histogram!("refmill_ledger_batch_events").record(events as f64);
    metrics::histogram!("refmill_ledger_commit_seconds").record(started.elapsed().as_secs_f64());
    Ok(())
}

async fn write(session: &Session, begin: Option<&str>, batch: Batch) -> Result<(), CommitError> {
    let mut steps = Steps::default();
    progress::move_on(&mut steps, &batch);
    let Batch { partition, from, appended_at, effects, relied_on, quarantined, plan, published, .. } = batch;
    let folded = Folded::of(effects)?;
    keys::write(&mut steps, &relied_on.keys, &folded.keys);
    shared::idents(&mut steps, &relied_on.idents, &folded);
    shared::budgets(&mut steps, &relied_on.budgets, &folded.spent)?;
    if let Some(plan) = plan {
        progress::plan(&mut steps, partition, plan);
    }
    if let Some(up_to) = published {
        progress::publish(&mut steps, partition, up_to);
    }
    facts::write(&mut steps, partition, from, &folded, &quarantined);
    waiting::write(&mut steps, partition, &folded);
    counts::write(&mut steps, partition, appended_at, &folded);
    money::write(&mut steps, &folded)?;
    let done = steps.run(session, begin).await?;
    keys::write_again(session, &folded.keys).await?;

    let mut last: Vec<Ask> = Vec::new();
    last.extend(keys::hold_free(&relied_on.keys, &folded.keys));
    let mut sums = done.before;
    for conversion in &folded.conversions {
        sums.add(Counted::from(conversion), 1);
    }
    last.extend(counts::add_sums(partition, sums));
    let posted = money::posted(session, &folded.transfers, done.posted).await?;
    last.extend(money::add_balances(partition, posted)?);
    session.all(None, &last, Some("COMMIT")).await?;
    Ok(())
}
