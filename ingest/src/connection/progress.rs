//! How far a connection's current request has come, and what it is waited for.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

use super::Limits;

/// What ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expired {
    Idle,
    Head,
    Request,
    Write,
}

impl Expired {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Head => "head",
            Self::Request => "request",
            Self::Write => "write",
        }
    }
}

const IDLE: u8 = 0;
const HEAD: u8 = 1;
const SERVING: u8 = 2;
const ANSWERING: u8 = 3;

const NEVER: u64 = u64::MAX;

/// Written by the stream and the service and read by the driver, all within one task: the atomics
/// are only there to let the task change threads.
pub(super) struct Progress {
    started: Instant,
    phase: AtomicU8,
    since_us: AtomicU64,
    blocked_us: AtomicU64,
    received: AtomicU64,
    head_end: AtomicU64,
    request_end: AtomicU64,
    untracked: AtomicBool,
    peer_closed: AtomicBool,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            phase: AtomicU8::new(IDLE),
            since_us: AtomicU64::new(0),
            blocked_us: AtomicU64::new(NEVER),
            received: AtomicU64::new(0),
            head_end: AtomicU64::new(NEVER),
            request_end: AtomicU64::new(0),
            untracked: AtomicBool::new(false),
            peer_closed: AtomicBool::new(false),
        }
    }

    pub(super) fn deadline(&self, limits: &Limits) -> Option<(Instant, Expired)> {
        let waited = match self.phase.load(Relaxed) {
            IDLE => Some((self.since_us.load(Relaxed), limits.idle_wait, Expired::Idle)),
            // Perhaps nothing has come: a 408 could be taken for the answer to what crosses it.
            HEAD if self.untracked.load(Relaxed) => {
                Some((self.since_us.load(Relaxed), limits.head_wait, Expired::Idle))
            }
            HEAD => Some((self.since_us.load(Relaxed), limits.head_wait, Expired::Head)),
            SERVING => Some((self.since_us.load(Relaxed), limits.request_wait, Expired::Request)),
            _ => None,
        };
        let blocked_us = self.blocked_us.load(Relaxed);
        let blocked = (blocked_us != NEVER).then_some((blocked_us, limits.write_wait, Expired::Write));
        let due = |(since_us, wait, what)| (self.started + Duration::from_micros(since_us) + wait, what);
        [waited, blocked].into_iter().flatten().map(due).min_by_key(|(at, _)| *at)
    }

    /// Bytes came while a head is due.
    pub(super) fn wants_head(&self) -> bool {
        self.phase.load(Relaxed) <= HEAD
    }

    pub(super) fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn first_byte(&self) {
        if self.phase.load(Relaxed) == IDLE {
            self.enter(HEAD);
        }
    }

    /// The head that is due ends `bytes` before the last one received.
    pub(super) fn head_ended(&self, bytes_after: usize) {
        self.head_end.store(self.received.load(Relaxed) - bytes_after as u64, Relaxed);
    }

    /// The service has the request; its body has that many bytes, if it says so.
    pub(super) fn head_received(&self, body_bytes: Option<u64>) {
        let head_end = self.head_end.swap(NEVER, Relaxed);
        let request_end = match body_bytes {
            Some(bytes) if head_end != NEVER => head_end.saturating_add(bytes),
            _ => NEVER,
        };
        self.request_end.store(request_end, Relaxed);
        self.enter(SERVING);
    }

    /// Nothing is waited for then but its bytes to be taken, so nobody asks since when.
    pub(super) fn answering(&self) {
        self.phase.store(ANSWERING, Relaxed);
    }

    /// All of the request is here, if its length is known.
    pub(super) fn is_here(&self) -> bool {
        let request_end = self.request_end.load(Relaxed);
        request_end != NEVER && self.received.load(Relaxed) >= request_end
    }

    /// Part of the request's body has not come.
    pub(super) fn body_missing(&self) -> bool {
        let request_end = self.request_end.load(Relaxed);
        request_end != NEVER && self.received.load(Relaxed) < request_end
    }

    /// The response is written. Where hyper may hold bytes of a next request (those came before
    /// this one's end was known, or after a body whose end only hyper knows), the next head is due
    /// from now on, because what of it is here already can't be seen. Its end can't be seen either,
    /// so this stays so for the rest of the connection: its idle time is as short as a head's.
    pub(super) fn answered(&self) {
        let request_end = self.request_end.load(Relaxed);
        if request_end == NEVER || self.received.load(Relaxed) > request_end {
            self.untracked.store(true, Relaxed);
        }
        self.enter(if self.untracked.load(Relaxed) { HEAD } else { IDLE });
    }

    pub(super) fn write_blocked(&self) {
        let now_us = self.now_us();
        let _ = self.blocked_us.compare_exchange(NEVER, now_us, Relaxed, Relaxed);
    }

    pub(super) fn wrote(&self) {
        if self.blocked_us.load(Relaxed) != NEVER {
            self.blocked_us.store(NEVER, Relaxed);
        }
    }

    pub(super) fn is_write_blocked(&self) -> bool {
        self.blocked_us.load(Relaxed) != NEVER
    }

    pub(super) fn peer_closes(&self) {
        self.peer_closed.store(true, Relaxed);
    }

    pub(super) fn peer_closed(&self) -> bool {
        self.peer_closed.load(Relaxed)
    }

    fn enter(&self, phase: u8) {
        self.since_us.store(self.now_us(), Relaxed);
        self.phase.store(phase, Relaxed);
    }

    fn now_us(&self) -> u64 {
        self.started.elapsed().as_micros() as u64
    }
}
