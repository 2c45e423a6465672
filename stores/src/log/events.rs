use schemas::time::TimeMs;

use super::Record;
use crate::{StoreError, kafka, sqlite};

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

    /// Waits until there is an event. Dropping the wait loses none. After an error the reader is at its end.
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
