use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use schemas::{facts::Fact, ids::Position};

use super::{SqliteFacts, rollups::Rollups, rows};
use crate::{
    StoreError,
    facts::{Block, InsertError, Inserted},
    sqlite::row::{get_id, int},
};

impl SqliteFacts {
    /// Rows, sums and how far facts are go in together or not at all.
    pub(crate) async fn insert(&self, block: Block) -> Result<Inserted, InsertError> {
        let held = self.held.clone();
        let insert = move |connection: &mut Connection| {
            if let Some(fact) = block.facts.iter().find(|fact| !holds(&block, position(fact))) {
                return Err(InsertError::Outside { offset: position(fact).offset });
            }
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Held,
    Next,
}

/// Where the block stands to what facts hold of its partition.
fn place(transaction: &Transaction<'_>, block: &Block) -> Result<Place, InsertError> {
    let select = "SELECT held_up_to, incarnation FROM progress WHERE partition = ?1";
    let mut select = transaction.prepare_cached(select).map_err(StoreError::from)?;
    let progress = select.query_row([block.partition], |row| Ok((get_id(row, 0)?, row.get(1)?))).optional();
    let (held_up_to, held) = progress.map_err(StoreError::from)?.unwrap_or((0, block.incarnation));
    let continues = block.from == held_up_to && block.from <= block.to;
    let in_turn = block.incarnation == held || (block.incarnation > held && continues);
    if !in_turn {
        return Err(InsertError::Incarnation { held_up_to, held, given: block.incarnation });
    }
    if block.from <= block.to && block.to <= held_up_to {
        return Ok(Place::Held);
    }
    if continues { Ok(Place::Next) } else { Err(InsertError::Gap { held_up_to, from: block.from }) }
}

fn write(transaction: &Transaction<'_>, block: &Block) -> rusqlite::Result<()> {
    for fact in &block.facts {
        match fact {
            Fact::Click(click) => rows::insert_click(transaction, click)?,
            Fact::Change(change) => rows::insert_change(transaction, change)?,
        }
    }
    Rollups::of(&block.facts).write(transaction)?;
    let progress = "INSERT INTO progress (partition, held_up_to, incarnation) VALUES (?1, ?2, ?3) \
                    ON CONFLICT DO UPDATE SET held_up_to = excluded.held_up_to, incarnation = excluded.incarnation";
    transaction.prepare_cached(progress)?.execute(params![block.partition, int(block.to), block.incarnation]).map(drop)
}

fn position(fact: &Fact) -> Position {
    match fact {
        Fact::Click(click) => click.position,
        Fact::Change(change) => change.position,
    }
}

fn holds(block: &Block, position: Position) -> bool {
    position.partition == block.partition && (block.from..block.to).contains(&position.offset)
}
