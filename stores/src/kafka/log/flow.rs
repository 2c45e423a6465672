use std::{
    collections::VecDeque,
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
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
    pub(super) delivery: Arc<Delivery>,
}

/// What waits, here and in the client's hand. Once in its hand a record may have been sent, and only the client can tell: so
/// while Kafka is away nothing more is handed over.
pub(super) struct Flow {
    /// Events that are not answered.
    waiting: OwnLine<AtomicUsize>,
    events: Box<[Lane]>,
    decisions: Lane,
    is_away: AtomicBool,
    brokers_lost: AtomicBool,
    held_back: Mutex<VecDeque<HeldBack>>,
}

/// On a line of memory of its own: who writes it takes nothing else out of the caches of others.
#[derive(Default)]
#[repr(align(128))]
struct OwnLine<T>(T);

/// One partition of events, or all decisions: each may have a leader of its own, which may be away alone. Those who append write
/// one line of memory, and the thread that hears of deliveries another: they are not in each other's way.
#[derive(Default)]
pub(super) struct Lane {
    /// Records that ever came into the client's hand.
    came: OwnLine<AtomicU64>,
    left: OwnLine<Left>,
}

/// Records that left the client's hand.
#[derive(Default)]
struct Left {
    delivered: AtomicU64,
    failed: AtomicU64,
}

impl Lane {
    /// Records in the client's hand.
    pub(super) fn handed_over(&self) -> u64 {
        // In this order: none leaves before it has come.
        let left = self.left.0.delivered.load(Ordering::Acquire) + self.left.0.failed.load(Ordering::Acquire);
        self.came.0.load(Ordering::Acquire) - left
    }

    pub(super) fn delivered(&self) -> u64 {
        self.left.0.delivered.load(Ordering::Relaxed)
    }

    fn handing_over(&self, count: u64) {
        self.came.0.fetch_add(count, Ordering::AcqRel);
    }
}

impl Flow {
    pub(super) fn new(partitions: u32) -> Flow {
        Flow {
            waiting: OwnLine::default(),
            events: (0..partitions).map(|_| Lane::default()).collect(),
            decisions: Lane::default(),
            is_away: AtomicBool::new(false),
            brokers_lost: AtomicBool::new(false),
            held_back: Mutex::default(),
        }
    }

    /// Those of events in order, and last that of decisions.
    pub(super) fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.events.iter().chain([&self.decisions])
    }

    /// Takes places in the queue, for all or none.
    pub(super) fn admit(&self, limits: LogLimits, class: Class, count: usize) -> Result<(), QueueFull> {
        let depth = limits.depth(class);
        let within = |waiting: usize| waiting.checked_add(count).filter(|after| *after <= depth);
        let admitted = self.waiting.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, within);
        admitted.map(drop).map_err(|waiting| QueueFull { class, waiting })
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.0.load(Ordering::Acquire)
    }

    /// Gives places in the queue back, before anybody is answered: who has an answer finds its places free again.
    pub(super) fn free(&self, count: usize) {
        self.waiting.0.fetch_sub(count, Ordering::AcqRel);
    }

    pub(super) fn handing_over_event(&self, partition: u32) {
        if let Some(lane) = self.events.get(partition as usize) {
            lane.handing_over(1);
        }
    }

    /// Each lane is written once, however many of these go there.
    pub(super) fn handing_over_events(&self, partitions: impl IntoIterator<Item = u32>) {
        let mut counts = vec![0_u64; self.events.len()];
        for partition in partitions {
            if let Some(count) = counts.get_mut(partition as usize) {
                *count += 1;
            }
        }
        for (lane, count) in self.events.iter().zip(counts).filter(|(_, count)| *count > 0) {
            lane.handing_over(count);
        }
    }

    pub(super) fn handing_over_decisions(&self, count: usize) {
        self.decisions.handing_over(count as u64);
    }

    pub(super) fn handed_over(&self) -> u64 {
        self.lanes().map(Lane::handed_over).sum()
    }

    /// A record has left the client's hand. Each is counted as it comes: many that are answered together may take several requests,
    /// and a lane on which those go through has not stalled.
    pub(super) fn has_left(&self, is_event: bool, partition: u32, is_well: bool) {
        let lane = if is_event { self.events.get(partition as usize) } else { Some(&self.decisions) };
        if let Some(Lane { left: OwnLine(left), .. }) = lane {
            let count = if is_well { &left.delivered } else { &left.failed };
            count.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// How many records came to nothing since the start.
    pub(super) fn failed(&self) -> u64 {
        self.lanes().map(|lane| lane.left.0.failed.load(Ordering::Relaxed)).sum()
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
        for event in events {
            event.delivery.resolve(self, Err(StoreError::NotSent));
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<HeldBack>> {
        self.held_back.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
