use std::sync::Arc;

use tokio::sync::watch;

use super::{Log, tail::Following};
use crate::{
    StoreError,
    log::{MANY, Record},
};

/// Reads events behind a place: what was committed last from memory, all else from the file. A slow reader holds no more than the tail.
pub(crate) struct EventReader {
    log: Arc<Log>,
    partition: u32,
    next: u64,
    tail: Following,
    end: watch::Receiver<u64>,
    pressing_end: watch::Receiver<u64>,
}

impl EventReader {
    pub(crate) fn new(log: Arc<Log>, partition: u32, from: u64) -> EventReader {
        let (end, pressing_end) = (log.ends.events.clone(), log.ends.pressing.clone());
        let tail = log.tail.follow();
        EventReader { log, partition, next: from, tail, end, pressing_end }
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
        // Nobody reads past the end that is told.
        let told = self.log.span(self.partition)?.end.saturating_sub(self.next);
        let mut records = self.tail.take(self.next, max.min(usize::try_from(told).unwrap_or(max)));
        if records.is_empty() {
            records = self.log.read(self.partition, self.next, max).await?;
        }
        if let Some(last) = records.last() {
            self.next = last.position.offset + 1;
        }
        Ok(records)
    }
}
