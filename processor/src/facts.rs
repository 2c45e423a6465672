use std::time::Duration;

use metrics::counter;
use stores::{
    StoreError,
    facts::{Block, Facts, InsertError},
    ledger::{Ledger, Plan},
};
use tokio::{sync::mpsc, time::sleep};

use crate::ProcessError;

/// Closed blocks that may wait to be written; the owner waits beyond them.
pub(crate) const BLOCKS_WAITING: usize = 4;

const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LONGEST: Duration = Duration::from_secs(5);

/// Writes planned blocks in order and marks them. A block that cannot be written is tried until it is.
pub(crate) async fn write(facts: Facts, ledger: Ledger, mut blocks: mpsc::Receiver<Block>) -> Result<(), ProcessError> {
    while let Some(block) = blocks.recv().await {
        let (partition, plan) = (block.partition, Plan { from: block.from, to: block.to });
        insert(&facts, block).await?;
        mark(&ledger, partition, plan).await?;
    }
    Ok(())
}

async fn mark(ledger: &Ledger, partition: u32, plan: Plan) -> Result<(), StoreError> {
    let mut pause = RETRY_FIRST;
    loop {
        match ledger.mark(partition, plan).await {
            Ok(()) => return Ok(()),
            Err(StoreError::Closed) => return Err(StoreError::Closed),
            Err(error) => {
                tracing::warn!(%error, "a block of facts cannot be marked; trying again");
                sleep(pause).await;
                pause = (pause * 2).min(RETRY_LONGEST);
            }
        }
    }
}

/// Inserts a block, however often that takes.
pub(crate) async fn insert(facts: &Facts, block: Block) -> Result<(), InsertError> {
    let rows = block.facts.len() as u64;
    let mut pause = RETRY_FIRST;
    loop {
        match facts.insert(block.clone()).await {
            Ok(_) => {
                counter!("refmill_facts_written_total").increment(rows);
                return Ok(());
            }
            Err(InsertError::Store(error)) if !matches!(error, StoreError::Closed) => {
                tracing::warn!(%error, "facts cannot be written; trying again");
                sleep(pause).await;
                pause = (pause * 2).min(RETRY_LONGEST);
            }
            Err(wrong) => return Err(wrong),
        }
    }
}
