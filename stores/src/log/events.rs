use schemas::{time::TimeMs, wire::is_click};

use super::Record;
use crate::{StoreError, kafka, sqlite};

/// So many clicks are worth a batch of their own.
pub(crate) const MANY: u64 = 2_048;

/// Whether somebody waits for what becomes of it.
pub(crate) fn presses(record: &[u8]) -> bool {
    !is_click(record)
}

/// Reads a partition's events in their order: what its owner decides. Append times never fall in what one reader gives.
pub struct EventReader {
    source: Source,
    /// No append time is less than this.
    floor: TimeMs,
}

pub(crate) enum Source {
    Embedded(sqlite::log::EventReader),
    Distributed(kafka::log::EventReader),
}

impl EventReader {
    pub(crate) fn new(source: Source, floor: TimeMs) -> EventReader {
        EventReader { source, floor }
    }

    /// Waits until there is an event that presses, or [`MANY`] that do not: nobody waits for a click, and who wants few at a time takes them
    /// when it likes. Dropping the wait loses none. After an error the reader is at its end.
    pub async fn ready(&mut self) -> Result<(), StoreError> {
        match &mut self.source {
            Source::Embedded(reader) => reader.ready().await,
            Source::Distributed(reader) => reader.ready().await,
        }
    }

    /// The events that are there now, at most `max`, in order; none where the log ends.
    pub async fn take(&mut self, max: usize) -> Result<Vec<Record>, StoreError> {
        let mut records = match &mut self.source {
            Source::Embedded(reader) => reader.take(max).await?,
            Source::Distributed(reader) => reader.take(max)?,
        };
        for record in &mut records {
            self.floor = self.floor.max(record.appended_at);
            record.appended_at = self.floor;
        }
        Ok(records)
    }
}
