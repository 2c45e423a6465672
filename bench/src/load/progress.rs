//! How far a load is, while somebody watches.

use std::{
    io::IsTerminal as _,
    sync::Arc,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::{
    task::{JoinError, JoinHandle},
    time::{MissedTickBehavior, interval},
};

use super::live::{Live, Now};
use crate::record::Load;

const EVERY: Duration = Duration::from_millis(250);
const TEMPLATE: &str = "{msg} {wide_bar:.cyan/blue} {elapsed_precise}";

/// A bar on standard error, where that is a terminal.
pub(crate) struct Progress {
    shown: bool,
}

impl Progress {
    pub(crate) fn where_seen() -> Progress {
        Progress { shown: std::io::stderr().is_terminal() }
    }

    #[cfg(test)]
    pub(crate) fn hidden() -> Progress {
        Progress { shown: false }
    }

    /// Shows what the threads tell until they have ended.
    pub(super) async fn watch<T>(
        &self,
        live: &Arc<Live>,
        load: &Load,
        requests: u64,
        sending: JoinHandle<T>,
    ) -> Result<T, JoinError> {
        if !self.shown {
            return sending.await;
        }
        // What ends with its last event is as far as it has come; all else ends when its time is over.
        let is_counted = load.crowd.events.is_some();
        let bar = ProgressBar::new(if is_counted { requests } else { u64::from(load.seconds) * 1_000 });
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        let (mut sending, mut ticks, began) = (sending, interval(EVERY), Instant::now());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut before = Now::default();
        let ended = loop {
            tokio::select! {
                ended = &mut sending => break ended,
                _ = ticks.tick() => {
                    let now = live.now();
                    bar.set_position(if is_counted { now.answered } else { began.elapsed().as_millis() as u64 });
                    bar.set_message(message(before, now));
                    before = now;
                }
            }
        };
        bar.finish_and_clear();
        ended
    }
}

fn message(before: Now, now: Now) -> String {
    let rate = (now.answered - before.answered) * 1_000 / EVERY.as_millis() as u64;
    format!("{rate}/s, {} errors, p99 {}.{:02} ms", now.errors, now.p99_us / 1_000, now.p99_us % 1_000 / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_of_the_last_moment() {
        let before = Now { answered: 1_000, errors: 0, p99_us: 9_000 };
        let now = Now { answered: 1_500, errors: 3, p99_us: 1_234 };
        assert_eq!(message(before, now), "2000/s, 3 errors, p99 1.23 ms");
    }
}
