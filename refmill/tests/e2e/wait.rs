use std::time::{Duration, Instant};

/// Between two looks at a condition.
const AGAIN: Duration = Duration::from_millis(20);

/// Asks until the answer is `Ok`, at most for so long; then what it said last is the failure.
#[track_caller]
pub(crate) fn eventually<T>(bound: Duration, what: &str, probe: impl FnMut() -> Result<T, String>) -> T {
    within(bound, probe).unwrap_or_else(|why| panic!("not within {} s: {what}: {why}", bound.as_secs()))
}

/// As [`eventually`], for who goes on after it did not come about.
pub(crate) fn within<T>(bound: Duration, mut probe: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    let end = Instant::now() + bound;
    loop {
        match probe() {
            Err(_) if Instant::now() < end => std::thread::sleep(AGAIN),
            seen => return seen,
        }
    }
}

/// `Ok` where it holds, else what was seen.
pub(crate) fn holds(condition: bool, seen: impl std::fmt::Debug) -> Result<(), String> {
    if condition { Ok(()) } else { Err(format!("{seen:?}")) }
}

/// What facts, dashboards and counts may lag behind an answer, with room for a busy machine.
pub(crate) const SETTLED: Duration = Duration::from_secs(20);
