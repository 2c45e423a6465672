use rusqlite::{Connection, Transaction, params};
use schemas::facts::Fact;

use super::{SqliteFacts, read, rollups::Rollups, rows::row_ids, runs};
use crate::{
    StoreError,
    facts::{Held, Removal},
    sqlite::row::{get_id, int},
};

/// How many facts are folded before they are taken out of the sums.
const FACTS_AT_ONCE: usize = 10_000;

/// All of it is one transaction, of the only process that there is.
const STEPS: usize = 1;

const DELETE_CLICKS: [&str; 2] = [
    "DELETE FROM click_rows WHERE id >= ?1 AND id < ?2",
    "DELETE FROM clicks_of_link WHERE first >= ?1 AND first < ?2",
];
const DELETE_CHANGES: &str = "DELETE FROM conversion_changes WHERE partition = ?1 AND log_offset >= ?2";

/// A block that is taken out from its middle on has left runs that begin before it.
const CUT: &str = "DELETE FROM clicks_of_link WHERE first < ?1 AND last >= ?1 RETURNING link, newest, first, packed";

impl SqliteFacts {
    /// Rows, their part of the sums and how far facts are go together or not at all.
    pub(crate) async fn remove(&self, removal: Removal) -> Result<Option<Removal>, StoreError> {
        let Removal { partition, from: offset, .. } = removal;
        let held = self.held.clone();
        let delete = move |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            take_out(&transaction, partition, offset)?;
            let ids = row_ids(partition, offset, u64::MAX);
            for delete in DELETE_CLICKS {
                transaction.prepare_cached(delete)?.execute([ids.start, ids.end])?;
            }
            cut_runs(&transaction, ids.start)?;
            transaction.prepare_cached(DELETE_CHANGES)?.execute(params![partition, int(offset)])?;
            let lower = "UPDATE progress SET held_up_to = min(held_up_to, ?2) WHERE partition = ?1";
            transaction.prepare_cached(lower)?.execute(params![partition, int(offset)])?;
            transaction.commit()?;
            held.send_modify(|held| lower_to(held, partition, offset));
            Ok::<(), StoreError>(())
        };
        self.writer.call(delete).await?;
        Ok(removal.step_is_done(STEPS))
    }

    pub(crate) async fn stored_up_to(&self, partition: u32) -> Result<u64, StoreError> {
        let read = move |transaction: &Transaction<'_>| {
            let select = "SELECT coalesce(max(held_up_to), 0) FROM progress WHERE partition = ?1";
            Ok(transaction.prepare_cached(select)?.query_row([partition], |row| get_id(row, 0))?)
        };
        self.readers.read(read).await
    }
}

fn take_out(transaction: &Transaction<'_>, partition: u32, offset: u64) -> Result<(), StoreError> {
    let mut facts: Vec<Fact> = Vec::new();
    read::each(transaction, partition, offset, u64::MAX, |fact| {
        facts.push(fact);
        if facts.len() == FACTS_AT_ONCE {
            Rollups::of(&facts).less().write(transaction)?;
            facts.clear();
        }
        Ok(())
    })?;
    Ok(Rollups::of(&facts).less().write(transaction)?)
}

fn cut_runs(transaction: &Transaction<'_>, from: i64) -> rusqlite::Result<()> {
    let mut cut = transaction.prepare_cached(CUT)?;
    let cut = cut.query_map([from], |row| Ok((row.get(0)?, runs::read(row, 1)?)))?;
    for (link, mut clicks) in cut.collect::<rusqlite::Result<Vec<(i64, _)>>>()? {
        clicks.retain(|click| click.id < from);
        runs::insert_clicks(transaction, link, &clicks)?;
    }
    Ok(())
}

fn lower_to(held: &mut Held, partition: u32, offset: u64) {
    if let Some(up_to) = held.offsets.get_mut(&partition) {
        *up_to = offset.min(*up_to);
    }
}
