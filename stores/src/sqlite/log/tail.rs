use std::{sync::Arc, vec};

use schemas::{ids::Position, time::TimeMs};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};

use super::PARTITION;
use crate::log::Record;

/// Bytes of records that are held for readers. What does not fit is read from the file.
const TAIL_BYTES: usize = 16 << 20;

/// Groups that are held for a reader. Of one that is slower the oldest are dropped.
const TAIL_GROUPS: usize = 1_024;

/// Hands what is committed to those that read behind it, so that they need not fetch it from the file.
#[derive(Clone)]
pub(super) struct Tail {
    groups: broadcast::Sender<Arc<Committed>>,
    room: Arc<Semaphore>,
}

struct Committed {
    first: u64,
    appended_at: TimeMs,
    records: Vec<Vec<u8>>,
    room: OwnedSemaphorePermit,
}

impl Tail {
    pub(super) fn new() -> Tail {
        Tail { groups: broadcast::Sender::new(TAIL_GROUPS), room: Arc::new(Semaphore::new(TAIL_BYTES)) }
    }

    /// To be called before its end is told.
    pub(super) fn committed(&self, first: u64, appended_at: TimeMs, records: Vec<Vec<u8>>) {
        let bytes = records.iter().map(Vec::len).sum::<usize>();
        if records.is_empty() || self.groups.receiver_count() == 0 {
            return;
        }
        let Some(bytes) = u32::try_from(bytes).ok() else { return };
        if let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(bytes) {
            // Whoever read has gone meanwhile: there is the file.
            let _ = self.groups.send(Arc::new(Committed { first, appended_at, records, room }));
        }
    }

    pub(super) fn follow(&self) -> Following {
        Following { groups: self.groups.subscribe(), at_hand: None }
    }
}

/// A reader's side of it.
pub(super) struct Following {
    groups: broadcast::Receiver<Arc<Committed>>,
    at_hand: Option<AtHand>,
}

struct AtHand {
    next: u64,
    appended_at: TimeMs,
    records: vec::IntoIter<Vec<u8>>,
    /// Given back when it has been read.
    _room: Option<OwnedSemaphorePermit>,
}

impl Following {
    /// The records from here on, as far as they are at hand.
    pub(super) fn take(&mut self, from: u64, max: usize) -> Vec<Record> {
        let mut taken = Vec::new();
        while taken.len() < max {
            let next = from + taken.len() as u64;
            let Some(group) = self.at_hand() else { break };
            // What is before it was dropped, and is in the file.
            let Some(passed) = next.checked_sub(group.next) else { break };
            group.pass(passed);
            taken.extend(group.take(max - taken.len()));
            if group.records.len() == 0 {
                self.at_hand = None;
            }
        }
        taken
    }

    fn at_hand(&mut self) -> Option<&mut AtHand> {
        while self.at_hand.is_none() {
            match self.groups.try_recv() {
                Ok(group) => self.at_hand = Some(AtHand::of(group)),
                Err(broadcast::error::TryRecvError::Lagged(_)) => {}
                Err(_) => break,
            }
        }
        self.at_hand.as_mut()
    }
}

impl AtHand {
    fn of(group: Arc<Committed>) -> AtHand {
        let (next, appended_at) = (group.first, group.appended_at);
        let (records, room) = match Arc::try_unwrap(group) {
            Ok(group) => (group.records, Some(group.room)),
            Err(group) => (group.records.clone(), None),
        };
        AtHand { next, appended_at, records: records.into_iter(), _room: room }
    }

    fn pass(&mut self, count: u64) {
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(self.records.len());
        self.next += count as u64;
        self.records.by_ref().take(count).for_each(drop);
    }

    fn take(&mut self, max: usize) -> impl Iterator<Item = Record> {
        let (first, appended_at) = (self.next, self.appended_at);
        self.next += max.min(self.records.len()) as u64;
        self.records.by_ref().take(max).zip(first..).map(move |(bytes, offset)| Record {
            position: Position { partition: PARTITION, offset },
            appended_at,
            bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [u64; 0] = [];

    fn group(tail: &Tail, first: u64, count: u8) {
        tail.committed(first, TimeMs(first.cast_signed()), (0..count).map(|byte| vec![byte; 10]).collect());
    }

    fn offsets(records: &[Record]) -> Vec<u64> {
        records.iter().map(|record| record.position.offset).collect()
    }

    #[test]
    fn what_is_at_hand_is_taken_in_order() {
        let tail = Tail::new();
        group(&tail, 0, 3);
        let mut reader = tail.follow();
        for first in [3, 6, 9] {
            group(&tail, first, 3);
        }
        assert_eq!(offsets(&reader.take(0, 5)), NONE, "before it followed");
        assert_eq!(offsets(&reader.take(4, 4)), [4, 5, 6, 7], "from within a group over the end of one");
        assert_eq!(offsets(&reader.take(8, 0)), NONE);
        let rest = reader.take(8, 100);
        assert_eq!(
            (offsets(&rest), rest[1].appended_at, &rest[1].bytes),
            (vec![8, 9, 10, 11], TimeMs(9), &vec![0; 10])
        );
        assert_eq!(offsets(&reader.take(12, 1)), NONE);
        assert_eq!(tail.room.available_permits(), TAIL_BYTES);
    }

    #[test]
    fn of_a_slow_reader_no_more_is_held_than_fits() {
        let tail = Tail::new();
        let (mut slow, mut other) = (tail.follow(), tail.follow());
        for first in 0..TAIL_GROUPS as u64 + 5 {
            group(&tail, first, 1);
        }
        assert_eq!(offsets(&slow.take(0, 100)), NONE, "the oldest were dropped");
        assert_eq!(offsets(&slow.take(5, 2)), [5, 6]);
        assert_eq!(offsets(&other.take(6, 2)), [6, 7], "each reader has its own");
        let large = vec![vec![0; TAIL_BYTES]];
        tail.committed(9_999, TimeMs(0), large);
        let end = TAIL_GROUPS as u64 + 5;
        assert_eq!(offsets(&slow.take(end - 1, 9)), [end - 1]);
        assert_eq!(offsets(&slow.take(9_999, 9)), NONE, "there was no room for it");
    }
}
