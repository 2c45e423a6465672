use super::{
    ask::{Ask, one},
    columns::{bound, get_id, small},
    plan::{commit, owned},
    session::Session,
};
use crate::{
    StoreError,
    ledger::{CommitError, ReplyDue},
};

/// From how many replies on no further batch is added.
const MAX_REPLIES: i64 = 4_096;

pub(super) async fn replies_from(
    session: Session,
    partition: u32,
    published: u64,
) -> Result<Vec<ReplyDue>, StoreError> {
    let ask = Ask::rows(
        "SELECT batch_from, reply_to, records
         FROM (SELECT *, sum(cardinality(records)) OVER (ORDER BY batch_from) - cardinality(records) AS before
               FROM ledger.replies WHERE partition = $1 AND batch_from >= $2) counted
         WHERE before < $3 ORDER BY batch_from",
        vec![one(small(partition)), one(bound(published)), one(MAX_REPLIES)],
    );
    let mut replies = Vec::new();
    for row in session.read(&[ask]).await?.into_iter().flat_map(|told| told.rows()) {
        let batch_from = get_id(&row, 0)?;
        let (reply_to, records): (Vec<Option<i64>>, Vec<Vec<u8>>) = (row.try_get(1)?, row.try_get(2)?);
        for (reply_to, record) in reply_to.into_iter().zip(records) {
            let reply_to = reply_to.map(u32::try_from).transpose();
            let reply_to = reply_to.map_err(|_| StoreError::Corrupt("a reply partition is past 32 bits".to_owned()))?;
            replies.push(ReplyDue { batch_from, reply_to, record });
        }
    }
    Ok(replies)
}

pub(super) async fn set_published(session: Session, partition: u32, epoch: u64, up_to: u64) -> Result<(), CommitError> {
    owned(&session, partition, epoch, publish(partition, up_to).into()).await?;
    commit(session).await
}

/// Moves the cursor, never back, and forgets the replies before it.
fn publish(partition: u32, up_to: u64) -> [Ask; 2] {
    let cursor = Ask::count(
        "UPDATE ledger.progress SET published = greatest(published, $2) WHERE partition = $1",
        vec![one(small(partition)), one(bound(up_to))],
    );
    [cursor, forget(partition, Some(up_to))]
}

/// Without a cursor there is nothing to forget.
pub(super) fn forget(partition: u32, published: Option<u64>) -> Ask {
    Ask::count(
        "DELETE FROM ledger.replies WHERE partition = $1 AND batch_from < $2",
        vec![one(small(partition)), one(published.map(bound))],
    )
}
