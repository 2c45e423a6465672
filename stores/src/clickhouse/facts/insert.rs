use std::time::Duration;

use clickhouse::{Client, error::Error, insert_formatted::InsertFormatted};

use super::{
    ClickHouseFacts,
    encode::{Pieces, Rows, change_columns, click_columns, insert_into},
};
use crate::{
    clickhouse::within,
    facts::{Block, Extent, InsertError, Inserted, Place},
};

/// How long the server may take to accept a piece of a block, and to acknowledge it with all its sums.
const SEND_WAIT: Duration = Duration::from_secs(10);
const ACKNOWLEDGE_WAIT: Duration = Duration::from_secs(20);

/// All of an insert, whatever it is that takes so long.
pub(crate) const BLOCK_WAIT: Duration = Duration::from_secs(25);

/// Rows and bytes far above those of any block: all rows of one are one block of the server's too, so that a second try is the same.
const BLOCK_ROWS: &str = "1048576";
const BLOCK_BYTES: &str = "1073741824";

/// What the server must not choose by itself. `insert_quorum` is left to it.
const PINNED: [(&str, &str); 13] = [
    ("async_insert", "0"),
    ("insert_deduplicate", "1"),
    ("deduplicate_blocks_in_dependent_materialized_views", "1"),
    ("materialized_views_ignore_errors", "0"),
    ("parallel_view_processing", "0"),
    ("max_insert_block_size", BLOCK_ROWS),
    ("min_insert_block_size_rows", BLOCK_ROWS),
    ("min_insert_block_size_bytes", BLOCK_BYTES),
    ("min_insert_block_size_rows_for_materialized_views", BLOCK_ROWS),
    ("min_insert_block_size_bytes_for_materialized_views", BLOCK_BYTES),
    ("input_format_parallel_parsing", "0"),
    ("max_execution_time", "60"),
    ("wait_end_of_query", "1"),
];

impl ClickHouseFacts {
    pub(crate) async fn insert(&self, block: Block) -> Result<Inserted, InsertError> {
        block.check()?;
        self.insert_rows(block.extent(), &Rows::of(&block.facts, block.incarnation)).await
    }

    /// Clicks, changes and the sums of both go in one after the other, each held once however often it is tried.
    pub(crate) async fn insert_rows(&self, block: Extent, rows: &Rows) -> Result<Inserted, InsertError> {
        let client = &self.open_server()?.client;
        block.check(rows.places)?;
        let _turn = self.turn(block.partition).lock().await;
        let (held_up_to, incarnation) = {
            let held = self.held.borrow();
            (held.up_to(block.partition), held.incarnations.get(&block.partition).copied())
        };
        if block.place(held_up_to, incarnation)? == Place::Held {
            return Ok(Inserted::Before);
        }
        within(BLOCK_WAIT, send(client, &block, "clicks", click_columns(), &rows.clicks)).await?;
        within(BLOCK_WAIT, send(client, &block, "conversion_changes", change_columns(), &rows.changes)).await?;
        self.held.send_if_modified(|held| {
            // Who let the partition go meanwhile does not hold it again.
            let is_ours = held.up_to(block.partition) == block.from;
            if is_ours {
                held.offsets.insert(block.partition, block.to);
                held.incarnations.insert(block.partition, block.incarnation);
            }
            is_ours
        });
        Ok(Inserted::Now)
    }
}

async fn send(client: &Client, block: &Extent, table: &str, columns: &[&str], rows: &Pieces) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut insert = once(client.insert_formatted_with(insert_into(table, columns)), block);
    for piece in rows.all() {
        insert.send(piece).await?;
    }
    insert.end().await
}

/// The same block is told by its token, whoever sends it and when.
fn once(insert: InsertFormatted, block: &Extent) -> InsertFormatted {
    let Extent { partition, from, to, incarnation } = block;
    let token = format!("events:{partition}:{from}-{to}:{incarnation}");
    let insert = insert.with_timeouts(Some(SEND_WAIT), Some(ACKNOWLEDGE_WAIT));
    let insert = insert.with_setting("insert_deduplication_token", token);
    PINNED.iter().fold(insert, |insert, (name, value)| insert.with_setting(*name, *value))
}
