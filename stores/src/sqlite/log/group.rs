use std::sync::Arc;

use schemas::{ids::Position, time::TimeMs};
use tokio::sync::oneshot;

use super::PARTITION;
use crate::{
    StoreError,
    log::{Appended, Places, Reply},
};

/// What waits for the writer.
pub(super) enum Entry {
    Events {
        records: Vec<Vec<u8>>,
        done: oneshot::Sender<Result<Places, StoreError>>,
    },
    Decisions {
        decisions: Vec<Reply>,
        done: oneshot::Sender<Result<(), StoreError>>,
    },
    /// Nothing is taken any more; what waits is still written.
    Stop,
}

/// What one transaction writes and one fsync makes durable.
#[derive(Default)]
pub(super) struct Group {
    entries: Vec<Entry>,
    events: usize,
    decisions: usize,
}

impl Group {
    pub(super) fn push(&mut self, entry: Entry) {
        match &entry {
            Entry::Events { records, .. } => self.events += records.len(),
            Entry::Decisions { decisions, .. } => self.decisions += decisions.len(),
            Entry::Stop => return,
        }
        self.entries.push(entry);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.events + self.decisions
    }

    pub(super) fn event_count(&self) -> usize {
        self.events
    }

    pub(super) fn events(&self) -> impl Iterator<Item = &[u8]> {
        self.entries
            .iter()
            .flat_map(|entry| match entry {
                Entry::Events { records, .. } => records.as_slice(),
                Entry::Decisions { .. } | Entry::Stop => &[],
            })
            .map(Vec::as_slice)
    }

    pub(super) fn decisions(&self) -> impl Iterator<Item = &Reply> {
        self.entries.iter().flat_map(|entry| match entry {
            Entry::Decisions { decisions, .. } => decisions.as_slice(),
            Entry::Events { .. } | Entry::Stop => &[],
        })
    }

    /// Tells everyone where their events stand, the first at `offset`. Who has gone is not told.
    pub(super) fn committed(self, mut offset: u64, appended_at: TimeMs) {
        for entry in self.entries {
            match entry {
                Entry::Events { records, done } => {
                    let first = Appended { position: Position { partition: PARTITION, offset }, appended_at };
                    let _ = done.send(Ok(Places::Run { first, count: records.len() }));
                    offset += records.len() as u64;
                }
                Entry::Decisions { done, .. } => {
                    let _ = done.send(Ok(()));
                }
                Entry::Stop => {}
            }
        }
    }

    pub(super) fn failed(self, why: rusqlite::Error) {
        let why = Arc::new(why);
        for entry in self.entries {
            match entry {
                Entry::Events { done, .. } => {
                    let _ = done.send(Err(StoreError::NotAppended(why.clone())));
                }
                Entry::Decisions { done, .. } => {
                    let _ = done.send(Err(StoreError::NotAppended(why.clone())));
                }
                Entry::Stop => {}
            }
        }
    }
}
