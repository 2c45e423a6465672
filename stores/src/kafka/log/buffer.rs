use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use super::threads::Stop;
use crate::{
    StoreError,
    log::{MANY, Record},
};

/// How much one reader holds at the most, beside what its client holds.
const RECORDS_MAX: usize = 16_384;
const BYTES_MAX: usize = 8 * 1024 * 1024;

/// How long a reader that is full waits for room, between two looks at whether to stop.
const ROOM_WAIT: Duration = Duration::from_millis(100);

/// Between the thread that reads and the task that takes.
#[derive(Default)]
pub(super) struct Buffer {
    state: Mutex<State>,
    has_changed: Notify,
    has_room: Condvar,
}

#[derive(Default)]
struct State {
    records: VecDeque<Record>,
    bytes: usize,
    /// Behind the last record that presses.
    pressing_end: u64,
    /// Why nothing more comes.
    ended: Option<StoreError>,
}

impl Buffer {
    /// Waits for room. False: nobody reads any more.
    pub(super) fn push(&self, records: &mut Vec<Record>, presses: fn(&[u8]) -> bool, stop: &Stop) -> bool {
        let pressing = records.iter().rfind(|record| presses(&record.bytes)).map(|record| record.position.offset + 1);
        let mut state = self.lock();
        while state.records.len() >= RECORDS_MAX || state.bytes >= BYTES_MAX {
            if stop.is_asked() {
                return false;
            }
            state = self.has_room.wait_timeout(state, ROOM_WAIT).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.bytes += records.iter().map(|record| record.bytes.len()).sum::<usize>();
        state.records.extend(records.drain(..));
        state.pressing_end = pressing.unwrap_or(state.pressing_end);
        let is_ready = state.is_ready();
        drop(state);
        if is_ready {
            self.has_changed.notify_one();
        }
        !stop.is_asked()
    }

    pub(super) fn end(&self, why: StoreError) {
        self.lock().ended.get_or_insert(why);
        self.has_changed.notify_one();
    }

    /// Waits for a record that presses, for many, or for the end behind them.
    pub(super) async fn ready(&self) -> Result<(), StoreError> {
        loop {
            {
                let mut state = self.lock();
                if state.is_ready() || (state.ended.is_some() && !state.records.is_empty()) {
                    return Ok(());
                }
                if let Some(why) = state.take_end() {
                    return Err(why);
                }
            }
            self.has_changed.notified().await;
        }
    }

    pub(super) fn take(&self, max: usize) -> Result<Vec<Record>, StoreError> {
        let mut state = self.lock();
        if state.records.is_empty()
            && let Some(why) = state.take_end()
        {
            return Err(why);
        }
        let count = state.records.len().min(max);
        let taken: Vec<_> = state.records.drain(..count).collect();
        state.bytes -= taken.iter().map(|record| record.bytes.len()).sum::<usize>();
        drop(state);
        self.has_room.notify_one();
        Ok(taken)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_ready(&self) -> bool {
        let presses = self.records.front().is_some_and(|first| first.position.offset < self.pressing_end);
        presses || self.records.len() as u64 >= MANY
    }

    /// The reason is told once; after it the reader is closed.
    fn take_end(&mut self) -> Option<StoreError> {
        self.ended.is_some().then(|| self.ended.replace(StoreError::Closed)).flatten()
    }
}
