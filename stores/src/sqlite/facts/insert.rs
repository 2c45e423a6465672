use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use schemas::facts::Fact;

use super::{SqliteFacts, rollups::Rollups, rows};
use crate::{
    StoreError,
    facts::{Block, InsertError, Inserted, Place},
    sqlite::row::{get_id, int},
};

impl SqliteFacts {
    /// Rows, sums and how far facts are go in together or not at all.
    pub(crate) async fn insert(&self, block: Block) -> Result<Inserted, InsertError> {
        let held = self.held.clone();
        let insert = move |connection: &mut Connection| {
            block.check()?;
            let transaction = connection.transaction().map_err(StoreError::from)?;
            if place(&transaction, &block)? == Place::Held {
                return Ok(Inserted::Before);
            }
            write(&transaction, &block).map_err(StoreError::from)?;
            transaction.commit().map_err(StoreError::from)?;
            held.send_modify(|held| {
                held.offsets.insert(block.partition, block.to);
            });
            Ok(Inserted::Now)
        };
        self.writer.call(insert).await
    }
}

/// Where the block stands to what facts hold of its partition.
fn place(transaction: &Transaction<'_>, block: &Block) -> Result<Place, InsertError> {
    let select = "SELECT held_up_to, incarnation FROM progress WHERE partition = ?1";
    let mut select = transaction.prepare_cached(select).map_err(StoreError::from)?;
    let progress = select.query_row([block.partition], |row| Ok((get_id(row, 0)?, row.get(1)?))).optional();
    let progress = progress.map_err(StoreError::from)?;
    block.place(progress.map_or(0, |(up_to, _)| up_to), progress.map(|(_, incarnation)| incarnation))
}

fn write(transaction: &Transaction<'_>, block: &Block) -> rusqlite::Result<()> {
    let clicks = block.facts.iter().filter_map(|fact| match fact {
        Fact::Click(click) => Some(&**click),
        Fact::Change(_) => None,
    });
    rows::insert_clicks(transaction, clicks)?;
    for fact in &*block.facts {
        if let Fact::Change(change) = fact {
            rows::insert_change(transaction, change)?;
        }
    }
    Rollups::of(&block.facts).write(transaction)?;
    let progress = "INSERT INTO progress (partition, held_up_to, incarnation) VALUES (?1, ?2, ?3) \
                    ON CONFLICT DO UPDATE SET held_up_to = excluded.held_up_to, incarnation = excluded.incarnation";
    transaction.prepare_cached(progress)?.execute(params![block.partition, int(block.to), block.incarnation]).map(drop)
}
