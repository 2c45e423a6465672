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

/// Reads what comes next; None where the log ends.
pub(crate) async fn read(log: &Log, partition: u32, from: u64, max: usize) -> Result<Option<Stretch>, StoreError> {
    let records = log.read(partition, from, max).await?;
    let Some(last) = records.last() else { return Ok(None) };
    let to = last.position.offset + 1;
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
    Ok(Some(Stretch { from, to, appended_at, events, quarantined }))
}

pub(crate) fn decode(record: &Record) -> Result<Logged, String> {
    let event = decode_event(&record.bytes).map_err(|error| error.to_string())?;
    Ok(Logged { position: record.position, appended_at: record.appended_at, event })
}
