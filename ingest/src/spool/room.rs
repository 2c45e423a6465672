//! How much the spool may hold, of whom, and what is said where there is no room.

use std::sync::atomic::{AtomicI64, Ordering};

use metrics::counter;
use schemas::time::TimeMs;
use stores::log::Class;

use super::folder::Folder;

/// Conversions have this part of the bytes for themselves.
const RESERVE: u64 = 8;

/// How long after a failed write the disk is taken for unusable, where nobody tried again.
const FAILED_FOR_MS: i64 = 10_000;

/// Segments are this part of what the spool may hold: what is drained gives room again only with its whole segment.
const SEGMENTS: u64 = 16;
const SEGMENT_BYTES_MAX: u64 = 16 << 20;
const SEGMENT_BYTES_MIN: u64 = 64 << 10;

/// Without room for one event of the largest kind the spool is full.
const NEEDED: u64 = 128 << 10;

/// Why an event is not in the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    #[error("too many events wait to be written")]
    QueueFull,
    #[error("the spool is full")]
    Full,
    #[error("the disk could not be written")]
    Failed,
}

pub(super) struct Room {
    bytes_max: u64,
    free_bytes_min: u64,
    /// When a write last failed, if none came through since.
    failed_ms: AtomicI64,
}

impl Room {
    pub(super) fn new(bytes_max: u64, free_bytes_min: u64) -> Room {
        Room { bytes_max, free_bytes_min, failed_ms: AtomicI64::new(i64::MIN) }
    }

    /// Whether an event of this class fits where so much is held and so much is free.
    pub(super) fn takes(&self, class: Class, bytes: u64, held: u64, free: u64) -> bool {
        let (most, least_free) = match class {
            Class::Click => (self.bytes_max - self.bytes_max / RESERVE, self.free_bytes_min.saturating_mul(2)),
            Class::Conversion | Class::Own => (self.bytes_max, self.free_bytes_min),
        };
        held.saturating_add(bytes) <= most && free.saturating_sub(bytes) >= least_free
    }

    pub(super) fn is_left(&self, folder: &Folder, held: u64, now: TimeMs) -> bool {
        let failed = TimeMs(self.failed_ms.load(Ordering::Relaxed));
        let works = now.0.saturating_sub(failed.0) >= FAILED_FOR_MS;
        let needed = NEEDED.min(self.bytes_max / RESERVE);
        works && folder.free_bytes().is_ok_and(|free| self.takes(Class::Conversion, needed, held, free))
    }

    pub(super) fn wrote(&self) {
        self.failed_ms.store(i64::MIN, Ordering::Relaxed);
    }

    pub(super) fn failed(&self, now: TimeMs) {
        self.failed_ms.store(now.0, Ordering::Relaxed);
    }

    pub(super) fn segment_bytes(&self) -> u64 {
        (self.bytes_max / SEGMENTS).clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX)
    }
}

/// Counts a refusal.
pub(super) fn refused(class: Class, why: NotTaken) -> NotTaken {
    let reason = match why {
        NotTaken::QueueFull => "queue_full",
        NotTaken::Full => "full",
        NotTaken::Failed => "failed",
    };
    counter!("refmill_spool_refused_total", "class" => name(class), "reason" => reason).increment(1);
    why
}

pub(super) fn name(class: Class) -> &'static str {
    match class {
        Class::Click => "click",
        Class::Conversion => "conversion",
        Class::Own => "own",
    }
}
