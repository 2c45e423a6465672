use schemas::{event::Logged, time::TimeMs, wire::decode_event};
use stores::{
    StoreError,
    ledger::Quarantined,
    log::{Log, Record},
};

/// A stretch of the log as it is to be decided.
pub(crate) struct Stretch {
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// The latest append time in it.
    pub(crate) appended_at: TimeMs,
    pub(crate) events: Vec<Logged>,
    /// Records that nobody can decode; they are kept with the reason.
    pub(crate) quarantined: Vec<Quarantined>,
}

impl Stretch {
    /// None of no records. It begins at `from`, whatever the first record's offset is.
    pub(crate) fn of(from: u64, records: Vec<Record>) -> Option<Stretch> {
        let to = records.last()?.position.offset + 1;
        let appended_at = records.iter().map(|record| record.appended_at).max().unwrap_or_default();
        let (mut events, mut quarantined) = (Vec::with_capacity(records.len()), Vec::new());
        for record in records {
            match decode(&record) {
                Ok(logged) => events.push(logged),
                Err(reason) => {
                    quarantined.push(Quarantined { offset: record.position.offset, reason, record: record.bytes })
                }
            }
        }
        Some(Stretch { from, to, appended_at, events, quarantined })
    }

    /// Of it what stands before this offset.
    pub(crate) fn before(mut self, to: u64) -> Stretch {
        if to < self.to {
            self.to = to;
            self.events.retain(|logged| logged.position.offset < to);
            self.quarantined.retain(|record| record.offset < to);
        }
        self
    }
}

/// Reads the log anywhere; None where it ends.
pub(crate) async fn read(log: &Log, partition: u32, from: u64, max: usize) -> Result<Option<Stretch>, StoreError> {
    Ok(Stretch::of(from, log.read(partition, from, max).await?))
}

fn decode(record: &Record) -> Result<Logged, String> {
    let event = decode_event(&record.bytes).map_err(|error| error.to_string())?;
    Ok(Logged { position: record.position, appended_at: record.appended_at, event })
}
