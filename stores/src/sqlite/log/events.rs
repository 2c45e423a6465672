use std::sync::Arc;

use tokio::sync::watch;

use super::Log;
use crate::{
    StoreError,
    log::{MANY, Record},
};

/// Reads events behind a place, from the file: a slow reader holds nothing in memory.
pub(crate) struct EventReader {
    log: Arc<Log>,
    partition: u32,
    next: u64,
    end: watch::Receiver<u64>,
    pressing_end: watch::Receiver<u64>,
}

impl EventReader {
    pub(crate) fn new(log: Arc<Log>, partition: u32, from: u64) -> EventReader {
        let (end, pressing_end) = (log.ends.events.clone(), log.ends.pressing.clone());
        EventReader { log, partition, next: from, end, pressing_end }
    }

    pub(crate) async fn ready(&mut self) -> Result<(), StoreError> {
        let span = self.log.span(self.partition)?;
        if self.next > span.end {
            let (partition, from) = (self.partition, self.next);
            return Err(StoreError::LogLost { partition, from, start: span.start, end: span.end });
        }
        let next = self.next;
        let there = tokio::select! {
            there = self.pressing_end.wait_for(|end| *end > next) => there,
            there = self.end.wait_for(|end| *end >= next + MANY) => there,
        };
        there.map(drop).map_err(|_| StoreError::Closed)
    }

    pub(crate) async fn take(&mut self, max: usize) -> Result<Vec<Record>, StoreError> {
        let records = self.log.read(self.partition, self.next, max).await?;
        if let Some(last) = records.last() {
            self.next = last.position.offset + 1;
        }
        Ok(records)
    }
}
