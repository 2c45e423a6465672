use std::{
    collections::VecDeque,
    mem,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use super::delivery::Delivery;
use crate::{
    StoreError,
    log::{Class, LogLimits, QueueFull},
};

/// An event that waits here until Kafka is back.
pub(super) struct HeldBack {
    pub(super) partition: u32,
    pub(super) record: Vec<u8>,
    pub(super) delivery: Box<Delivery>,
}

/// What waits, here and in the client's hand. Once in its hand a record may have been sent, and only the client can tell: so
/// while Kafka is away nothing more is handed over.
pub(super) struct Flow {
    /// Events that are not answered.
    waiting: AtomicUsize,
    lanes: Box<[Lane]>,
    failed: AtomicU64,
    is_away: AtomicBool,
    brokers_lost: AtomicBool,
    held_back: Mutex<VecDeque<HeldBack>>,
}

/// One partition of events, or all decisions: each may have a leader of its own, which may be away alone. Those who append to
/// one write no line of memory that those of another do.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct Lane {
    /// Records in the client's hand.
    handed_over: AtomicUsize,
    delivered: AtomicU64,
}

impl Lane {
    pub(super) fn handed_over(&self) -> usize {
        self.handed_over.load(Ordering::Acquire)
    }

    pub(super) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }
}

impl Flow {
    pub(super) fn new(partitions: u32) -> Flow {
        Flow {
            waiting: AtomicUsize::new(0),
            lanes: (0..=partitions).map(|_| Lane::default()).collect(),
            failed: AtomicU64::new(0),
            is_away: AtomicBool::new(false),
            brokers_lost: AtomicBool::new(false),
            held_back: Mutex::default(),
        }
    }

    /// Those of events in order, and last that of decisions.
    pub(super) fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    fn lane(&self, is_event: bool, partition: u32) -> Option<&Lane> {
        let (decisions, events) = self.lanes.split_last()?;
        if is_event { events.get(partition as usize) } else { Some(decisions) }
    }

    /// Takes places in the queue, for all or none.
    pub(super) fn admit(&self, limits: LogLimits, class: Class, count: usize) -> Result<(), QueueFull> {
        let depth = limits.depth(class);
        let within = |waiting: usize| waiting.checked_add(count).filter(|after| *after <= depth);
        let admitted = self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, within);
        admitted.map(drop).map_err(|waiting| QueueFull { class, waiting })
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    pub(super) fn handing_over(&self, is_event: bool, partition: u32) {
        if let Some(lane) = self.lane(is_event, partition) {
            lane.handed_over.fetch_add(1, Ordering::AcqRel);
        }
    }

    pub(super) fn handed_over(&self) -> usize {
        self.lanes.iter().map(Lane::handed_over).sum()
    }

    /// A record has left the client's hand.
    pub(super) fn delivered(&self, is_event: bool, partition: u32, is_well: bool) {
        if let Some(lane) = self.lane(is_event, partition) {
            if is_well {
                lane.delivered.fetch_add(1, Ordering::Relaxed);
            }
            lane.handed_over.fetch_sub(1, Ordering::AcqRel);
        }
        if !is_well {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        if is_event {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// How many records came to nothing since the start.
    pub(super) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    pub(super) fn lost_brokers(&self) {
        self.brokers_lost.store(true, Ordering::Release);
    }

    pub(super) fn found_brokers(&self) {
        self.brokers_lost.store(false, Ordering::Release);
    }

    pub(super) fn has_lost_brokers(&self) -> bool {
        self.brokers_lost.load(Ordering::Acquire)
    }

    pub(super) fn set_away(&self) {
        self.is_away.store(true, Ordering::Release);
    }

    /// Keeps these back while Kafka is away; otherwise they come back, to be handed over.
    pub(super) fn hold_back(&self, events: Vec<HeldBack>) -> Option<Vec<HeldBack>> {
        let mut held_back = self.lock();
        if !self.is_away.load(Ordering::Acquire) {
            return Some(events);
        }
        held_back.extend(events);
        None
    }

    pub(super) fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Acquire)
    }

    /// The next events to be handed over now that Kafka is back; with none left, it is well again.
    pub(super) fn next_held_back(&self, max: usize) -> Vec<HeldBack> {
        let mut held_back = self.lock();
        let count = held_back.len().min(max);
        if count == 0 {
            self.is_away.store(false, Ordering::Release);
        }
        held_back.drain(..count).collect()
    }

    pub(super) fn give_back(&self) {
        let events = mem::take(&mut *self.lock());
        self.waiting.fetch_sub(events.len(), Ordering::AcqRel);
        for event in events {
            event.delivery.resolve(Err(StoreError::NotSent));
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<HeldBack>> {
        self.held_back.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
