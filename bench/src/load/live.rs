//! What threads tell of themselves while they send: a few numbers each, written by one and read by one.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

#[derive(Debug, Default)]
pub(crate) struct Live {
    lanes: Vec<LiveLane>,
    stopped: AtomicBool,
}

/// Apart from its neighbours in memory: whoever writes must not slow down another.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct LiveLane {
    pub(crate) answered: AtomicU64,
    pub(crate) errors: AtomicU64,
    pub(crate) p99_us: AtomicU64,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Now {
    pub(crate) answered: u64,
    pub(crate) errors: u64,
    pub(crate) p99_us: u64,
}

impl Live {
    pub(crate) fn new(threads: u32) -> Live {
        Live { lanes: (0..threads).map(|_| LiveLane::default()).collect(), stopped: AtomicBool::new(false) }
    }

    pub(crate) fn lane(&self, thread: u32) -> Option<&LiveLane> {
        self.lanes.get(thread as usize)
    }

    /// The threads end soon after.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    pub(crate) fn now(&self) -> Now {
        self.lanes.iter().fold(Now::default(), |sum, lane| Now {
            answered: sum.answered + lane.answered.load(Ordering::Relaxed),
            errors: sum.errors + lane.errors.load(Ordering::Relaxed),
            p99_us: sum.p99_us.max(lane.p99_us.load(Ordering::Relaxed)),
        })
    }
}
