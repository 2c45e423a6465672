use std::time::Duration;

use schemas::{ids::EventId, time::TimeMs};
use tokio_postgres::{Row, error::SqlState};

use super::{
    Ledger,
    ask::{Ask, one},
    columns::{get_id, get_small, get_wide_or_none, small},
    plan,
    session::{Session, begin_within},
};
use crate::{
    StoreError,
    ledger::{FactsDoubt, Progress, Taken},
};

/// How long the owner before is left to end its commit by itself.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often its transactions are ended, and the partition tried for again.
const TRIES: u32 = 5;

/// Names the locks by which an owner's transactions are found: this plus the partition, and the epoch.
const OWNERS: u32 = 0x5265_0000;

/// The number is bumped, and what the owners before have open is ended: a paused one would hold rows for as long as it may idle.
pub(super) async fn take(ledger: &Ledger, partition: u32) -> Result<Taken, StoreError> {
    if partition >= ledger.partitions {
        return Err(StoreError::NoPartition(partition));
    }
    let mut tries = 0;
    let taken = loop {
        tries += 1;
        match bump(ledger.session().await?, partition).await {
            Err(StoreError::Postgres(error))
                if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) && tries < TRIES =>
            {
                end_owners(ledger.session().await?, partition, None).await?;
            }
            done => break done?,
        }
    };
    end_owners(ledger.session().await?, partition, Some(taken.epoch)).await?;
    Ok(taken)
}

pub(super) async fn progress(session: Session, partition: u32) -> Result<Option<Progress>, StoreError> {
    let ask = Ask::rows(
        "SELECT next, last_event, published, planned, incarnation, appended_at_ms FROM ledger.progress WHERE partition = $1",
        vec![one(small(partition))],
    );
    let told = session.read(&[ask]).await?;
    told.into_iter().next().and_then(|told| told.rows().into_iter().next()).map(|row| read(&row)).transpose()
}

/// Makes the transaction that has begun findable as one of this owner.
pub(super) fn as_owner(partition: u32, epoch: u64) -> String {
    let (owner, epoch) = (lock_class(partition), epoch_key(epoch));
    format!("; SELECT pg_advisory_xact_lock_shared({owner}, {epoch})")
}

fn lock_class(partition: u32) -> i32 {
    OWNERS.wrapping_add(partition).cast_signed()
}

/// Epochs count takings: there are never so many.
fn epoch_key(epoch: u64) -> i32 {
    i32::try_from(epoch).unwrap_or(i32::MAX)
}

async fn bump(session: Session, partition: u32) -> Result<Taken, StoreError> {
    let asks = [
        Ask::count(
            "INSERT INTO ledger.progress (partition) VALUES ($1) ON CONFLICT DO NOTHING",
            vec![one(small(partition))],
        ),
        Ask::rows(
            "UPDATE ledger.progress SET epoch = epoch + 1, facts_expected = coalesce(facts_expected, planned) WHERE partition = $1
             RETURNING next, last_event, published, planned, incarnation, appended_at_ms, epoch, facts_expected, facts_in_removal",
            vec![one(small(partition))],
        ),
        plan::open(partition),
    ];
    let mut told = session.all(Some(&begin_within(PATIENCE)), &asks, Some("COMMIT")).await?.into_iter().skip(1);
    let mut rows = || told.next().map(|told| told.rows()).unwrap_or_default();
    let (bumped, plans) = (rows(), rows());
    let row = bumped.first().ok_or(StoreError::NoPartition(partition))?;
    let (progress, epoch) = (read(row)?, get_id(row, 6)?);
    let doubt = FactsDoubt { expected_up_to: get_id(row, 7)?, in_removal: row.try_get(8)? };
    let open_plans = plan::read(&plans)?;
    session.give_back();
    let marked_up_to = open_plans.first().map_or(progress.planned_up_to, |plan| plan.from);
    Ok(Taken { epoch, progress, open_plans, marked_up_to, doubt })
}

/// Ends what owners of epochs before this one have open; without an epoch all that any owner has.
async fn end_owners(session: Session, partition: u32, before: Option<u64>) -> Result<(), StoreError> {
    let ask = Ask::rows(
        "SELECT a.pid, pg_terminate_backend(a.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
         WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted AND l.classid::bigint = $1::bigint
             AND l.objid::bigint < $2::bigint AND a.pid <> pg_backend_pid() AND a.usename = current_user
             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        vec![
            one(i64::from(lock_class(partition).cast_unsigned())),
            one(before.map_or(i64::MAX, |epoch| i64::from(epoch_key(epoch)))),
        ],
    );
    let told = session.run(None, &[ask], None).await?;
    session.give_back();
    match told.into_iter().next() {
        Some(Ok(told)) => {
            for row in told.rows() {
                let (backend, ended): (i32, bool) = (row.try_get(0)?, row.try_get(1)?);
                tracing::warn!(partition, backend, ended, "ended what an owner before had left open");
            }
        }
        // Its own limits end it too, only later.
        Some(Err(error)) => tracing::warn!(partition, %error, "what an owner before has open could not be ended"),
        None => {}
    }
    Ok(())
}

fn read(row: &Row) -> Result<Progress, StoreError> {
    Ok(Progress {
        next: get_id(row, 0)?,
        last_event: get_wide_or_none(row, 1)?.map(EventId),
        published: get_id(row, 2)?,
        planned_up_to: get_id(row, 3)?,
        incarnation: get_small(row, 4)?,
        appended_at: TimeMs(row.try_get(5)?),
    })
}
