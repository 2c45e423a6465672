use std::sync::Arc;

use schemas::{ids::Position, time::TimeMs};
use tokio::sync::oneshot;

use super::PARTITION;
use crate::{
    StoreError,
    log::{Appended, Reply},
};

pub(super) type Done<T> = oneshot::Sender<Result<T, StoreError>>;

/// What waits for the writer.
pub(super) enum Entry {
    Event {
        record: Vec<u8>,
        done: Done<Appended>,
    },
    Events {
        records: Vec<Vec<u8>>,
        done: Done<()>,
    },
    Decisions {
        decisions: Vec<Reply>,
        done: Done<()>,
    },
    /// Nothing is taken any more; what waits is still written.
    Stop,
}

/// What one transaction writes and one fsync makes durable.
#[derive(Default)]
pub(super) struct Group {
    events: Vec<Vec<u8>>,
    decisions: Vec<Reply>,
    waiting: Vec<Waiting>,
}

/// Whoever is to be told, in the order in which they came.
enum Waiting {
    Event { done: Done<Appended> },
    Events { count: usize, done: Done<()> },
    Decisions { done: Done<()> },
}

impl Group {
    pub(super) fn push(&mut self, entry: Entry) {
        self.waiting.push(match entry {
            Entry::Event { record, done } => {
                self.events.push(record);
                Waiting::Event { done }
            }
            Entry::Events { records, done } => {
                let count = records.len();
                self.events.extend(records);
                Waiting::Events { count, done }
            }
            Entry::Decisions { decisions, done } => {
                self.decisions.extend(decisions);
                Waiting::Decisions { done }
            }
            Entry::Stop => return,
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.events.len() + self.decisions.len()
    }

    pub(super) fn events(&self) -> &[Vec<u8>] {
        &self.events
    }

    pub(super) fn decisions(&self) -> &[Reply] {
        &self.decisions
    }

    /// Once they are written.
    pub(super) fn take_events(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.events)
    }

    /// Answers everyone, now that their events stand there, the first at `offset`. Who has gone is not told.
    pub(super) fn committed(self, mut offset: u64, appended_at: TimeMs) {
        for waiting in self.waiting {
            match waiting {
                Waiting::Event { done } => {
                    let position = Position { partition: PARTITION, offset };
                    let _ = done.send(Ok(Appended { position, appended_at }));
                    offset += 1;
                }
                Waiting::Events { count, done } => {
                    let _ = done.send(Ok(()));
                    offset += count as u64;
                }
                Waiting::Decisions { done } => {
                    let _ = done.send(Ok(()));
                }
            }
        }
    }

    pub(super) fn failed(self, why: rusqlite::Error) {
        let why = Arc::new(why);
        for waiting in self.waiting {
            match waiting {
                Waiting::Event { done } => {
                    let _ = done.send(Err(StoreError::NotAppended(why.clone())));
                }
                Waiting::Events { done, .. } | Waiting::Decisions { done } => {
                    let _ = done.send(Err(StoreError::NotAppended(why.clone())));
                }
            }
        }
    }
}
