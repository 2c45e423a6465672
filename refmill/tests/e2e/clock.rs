//! Moves the wall clock of a running process, and only that one: what is timed by the monotonic clock stays true.

use std::cell::Cell;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};

use crate::server::Launch;
use crate::site::Site;

pub(crate) const MINUTE: i64 = 60;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

pub(crate) struct Clock {
    file: PathBuf,
    ahead_s: Cell<i64>,
    moves: bool,
}

impl Clock {
    pub(crate) fn new(site: &Site) -> Clock {
        let clock = Clock { file: site.beside("clock"), ahead_s: Cell::new(0), moves: true };
        clock.set(0);
        clock
    }

    /// One that the process does not follow: a control.
    pub(crate) fn stuck(site: &Site) -> Clock {
        Clock { moves: false, ..Clock::new(site) }
    }

    pub(crate) fn drives(&self, launch: Launch) -> Launch {
        launch
            .env("LD_PRELOAD", library())
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("FAKETIME_NO_CACHE", "1")
    }

    /// Puts the process's clock so far ahead of the true one.
    pub(crate) fn set(&self, ahead_s: i64) {
        self.ahead_s.set(ahead_s);
        let shown = if self.moves { ahead_s } else { 0 };
        let unfinished = self.file.with_extension("part");
        std::fs::write(&unfinished, format!("+{shown}\n")).expect("a file");
        // Read at any moment, so it is never half there.
        std::fs::rename(unfinished, &self.file).expect("the clock's file");
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.set(self.ahead_s.get() + seconds);
    }

    /// What the process's clock is meant to say.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_secs(self.ahead_s.get())
    }
}

/// Where Debian, or an installation by hand, puts it. The one for many threads: with the other, a thread that reads the
/// file while another does is now and then told the true time.
fn library() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let places = folders.chain(["/usr/lib".into(), "/usr/lib64".into(), "/usr/local/lib".into()]);
    let mut libraries = places.map(|place| place.join("faketime/libfaketimeMT.so.1"));
    libraries.find(|library| library.exists()).expect("libfaketimeMT.so.1: scripts/test installs it")
}
