//! When a load's figures are the generator's own and not the target's.

/// What a generator may not exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// That 99 of 100 requests are sent late at most though a connection was free for them…
    pub(crate) late_p99_us: u64,
    /// …or more, as long as it is no more than this part of what 99 of 100 answers took, in millionths.
    pub(crate) late_share_ppm: u64,
    /// Of its busiest thread's time, in an open loop with what it waited for a core: one that has nothing left can't send when it should, and then no
    /// connection is free in time, which is not the target's fault.
    pub(crate) wanted_ppm: u32,
}

/// How late an open loop was by itself, and how long answers took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Late {
    pub(crate) own_p99_us: u64,
    pub(crate) latency_p99_us: u64,
}

/// A late request counts from when it was due, so this much is added to what the target takes, and not more.
const LATE_P99_US: u64 = 2_000;
const LATE_SHARE_PPM: u64 = 100_000;
const WANTED_PPM: u32 = 900_000;

impl Default for Limits {
    fn default() -> Self {
        Limits { late_p99_us: LATE_P99_US, late_share_ppm: LATE_SHARE_PPM, wanted_ppm: WANTED_PPM }
    }
}

impl Limits {
    /// Why a run is not to be used. A closed loop is never late: its requests are due when they are sent.
    pub(crate) fn exceeded(self, late: Option<Late>, wanted_ppm: u32) -> Option<String> {
        if wanted_ppm > self.wanted_ppm {
            return Some(format!(
                "a thread of the generator was busy, or waited for a core, for {} % of its time, and {} % are the most",
                wanted_ppm / 10_000,
                self.wanted_ppm / 10_000
            ));
        }
        let Late { own_p99_us: own, latency_p99_us } = late?;
        let most = (latency_p99_us / 1_000).saturating_mul(self.late_share_ppm / 1_000).max(self.late_p99_us);
        let why = "though a connection was free, and the most is";
        (own > most).then(|| format!("the generator sent 1 of 100 requests {own} µs late or more {why} {most} µs"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generator_that_is_late_or_busy_measures_itself() {
        let limits = Limits { late_p99_us: 2_000, late_share_ppm: 100_000, wanted_ppm: 900_000 };
        for (late, wanted, says) in [
            (Some((0, 300)), 0, None),
            (Some((2_000, 3_000)), 900_000, None),
            (Some((9_000, 90_000)), 0, None),
            (None, 900_000, None),
            (
                Some((2_001, 3_000)),
                0,
                Some("2001 µs late or more though a connection was free, and the most is 2000 µs"),
            ),
            (Some((9_001, 90_000)), 0, Some("9001 µs late")),
            (Some((u64::MAX, u64::MAX)), 0, Some("late")),
            (Some((0, 300)), 900_001, Some("for 90 %")),
            (None, 1_000_000, Some("for 100 %")),
        ] {
            let late = late.map(|(own_p99_us, latency_p99_us)| Late { own_p99_us, latency_p99_us });
            let why = limits.exceeded(late, wanted);
            match says {
                None => assert_eq!(why, None, "{late:?} {wanted}"),
                Some(says) => assert!(why.as_ref().is_some_and(|why| why.contains(says)), "{late:?} {wanted}: {why:?}"),
            }
        }
    }
}
