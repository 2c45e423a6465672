use schemas::{
    event::Logged,
    ids::Position,
    time::TimeMs,
    wire::{WireError, decode_event},
};
use stores::{
    ledger::Quarantined,
    log::{Log, Record},
};

use crate::ProcessError;

/// A stretch of the log as it is to be decided.
pub(crate) struct Stretch {
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// The latest append time in it.
    pub(crate) appended_at: TimeMs,
    pub(crate) events: Vec<Logged>,
    /// Records that nobody can decode; they are kept with the reason.
    pub(crate) quarantined: Vec<Quarantined>,
    /// Where it ends because a newer version wrote what comes next, which is that version's to decide.
    pub(crate) newer: Option<Position>,
}

impl Stretch {
    /// None of no records. It begins at `from`, whatever the first record's offset is.
    pub(crate) fn of(from: u64, records: Vec<Record>) -> Option<Stretch> {
        let to = records.last()?.position.offset + 1;
        let events = Vec::with_capacity(records.len());
        let mut stretch =
            Stretch { from, to, appended_at: TimeMs::default(), events, quarantined: Vec::new(), newer: None };
        for record in records {
            let offset = record.position.offset;
            match decode_event(&record.bytes) {
                Ok(event) => {
                    let (position, appended_at) = (record.position, record.appended_at);
                    stretch.events.push(Logged { position, appended_at, event });
                }
                Err(WireError::Newer) => {
                    (stretch.to, stretch.newer) = (offset, Some(record.position));
                    break;
                }
                Err(error) => {
                    let reason = error.to_string();
                    stretch.quarantined.push(Quarantined { offset, reason, record: record.bytes });
                }
            }
            stretch.appended_at = stretch.appended_at.max(record.appended_at);
        }
        Some(stretch)
    }

    /// Whether nothing in it is to be decided or put aside.
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.quarantined.is_empty()
    }

    /// Of it what stands before this offset.
    pub(crate) fn before(mut self, to: u64) -> Stretch {
        if to <= self.to {
            self.to = to;
            self.newer = None;
            self.events.retain(|logged| logged.position.offset < to);
            self.quarantined.retain(|record| record.offset < to);
        }
        self
    }
}

/// Reads what was decided anywhere in the log, before `to`; None where it ends.
pub(crate) async fn read(
    log: &Log,
    partition: u32,
    from: u64,
    to: u64,
    max: usize,
) -> Result<Option<Stretch>, ProcessError> {
    let stretch = Stretch::of(from, log.read(partition, from, max).await?).map(|stretch| stretch.before(to));
    match stretch.as_ref().and_then(|stretch| stretch.newer) {
        Some(at) => Err(ProcessError::Newer { at }),
        None => Ok(stretch),
    }
}
