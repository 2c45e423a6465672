use std::sync::Arc;

use tokio::sync::watch;

use super::Log;
use crate::{
    StoreError,
    sqlite::row::{get_id, int},
};

/// How many decisions a reader takes at once.
const MAX_DECISIONS: i64 = 1_000;

/// Reads the decisions behind a place in their stream, from the file: a slow reader holds nothing in memory.
pub struct DecisionReader {
    log: Arc<Log>,
    next: u64,
    end: watch::Receiver<u64>,
}

impl DecisionReader {
    pub(crate) fn from_end(log: Arc<Log>) -> DecisionReader {
        let end = log.ends.decisions.clone();
        let next = *end.borrow();
        DecisionReader { log, next, end }
    }

    pub(crate) async fn next(&mut self) -> Result<Vec<Vec<u8>>, StoreError> {
        loop {
            self.end.wait_for(|end| *end > self.next).await.map_err(|_| StoreError::Closed)?;
            let decisions = self.read().await?;
            if let Some((last, _)) = decisions.last() {
                self.next = last + 1;
                return Ok(decisions.into_iter().map(|(_, record)| record).collect());
            }
        }
    }

    async fn read(&self) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let from = int(self.next);
        self.log
            .reader
            .call(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT offset, record FROM decisions WHERE offset >= ?1 ORDER BY offset LIMIT ?2",
                )?;
                let rows = statement.query_map((from, MAX_DECISIONS), |row| Ok((get_id(row, 0)?, row.get(1)?)))?;
                rows.collect::<rusqlite::Result<_>>().map_err(StoreError::from)
            })
            .await
    }
}
