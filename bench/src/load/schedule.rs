//! Which request a thread sends next, and when it is due.

use std::time::Duration;

use crate::record::{Load, Offered};

/// Of one thread: the numbers that leave its own as the remainder by their count.
pub(crate) struct Schedule {
    next: u64,
    step: u64,
    requests: u64,
    offered: Offered,
    /// After it nothing is sent, in ns from the first due time.
    ends: u64,
}

impl Schedule {
    pub(crate) fn new(load: &Load, requests: u64, overrun: Duration, thread: u32, threads: u32) -> Schedule {
        let seconds = Duration::from_secs(load.seconds.into());
        let ends = match load.offered {
            Offered::Rate(_) => seconds + overrun,
            Offered::AsAnswered => seconds,
        };
        let ends = u64::try_from(ends.as_nanos()).unwrap_or(u64::MAX);
        Schedule { next: thread.into(), step: threads.into(), requests, offered: load.offered, ends }
    }

    /// The next, and when it is due; none where no more are to be sent.
    pub(crate) fn next(&self, now: u64) -> Option<(u64, u64)> {
        if self.next >= self.requests || now >= self.ends {
            return None;
        }
        Some((self.next, self.due(self.next, now)))
    }

    pub(crate) fn advance(&mut self) {
        self.next += self.step;
    }

    /// When those are due that can't be sent any more.
    pub(crate) fn never_sent(&self, now: u64) -> impl Iterator<Item = u64> {
        let is_open_loop = matches!(self.offered, Offered::Rate(_));
        let left = (self.next..self.requests).step_by(self.step as usize).filter(move |_| is_open_loop);
        left.map(move |number| self.due(number, now))
    }

    fn due(&self, number: u64, now: u64) -> u64 {
        match self.offered {
            Offered::Rate(rate) => number * NS_A_SECOND / u64::from(rate.max(1)),
            Offered::AsAnswered => now,
        }
    }
}

pub(crate) const NS_A_SECOND: u64 = 1_000_000_000;
