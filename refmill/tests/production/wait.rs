//! Waiting for a condition, with a bound.

use std::time::{Duration, Instant};

/// Between two looks at a condition.
const AGAIN: Duration = Duration::from_millis(25);

/// Asks until the answer is `Ok`, at most for so long; then what it said last is the failure.
pub(crate) async fn eventually<T>(bound: Duration, what: &str, probe: impl AsyncFnMut() -> Result<T, String>) -> T {
    within(bound, probe).await.unwrap_or_else(|why| panic!("not within {} s: {what}: {why}", bound.as_secs()))
}

/// As [`eventually`], for who goes on after it did not come about.
pub(crate) async fn within<T>(bound: Duration, mut probe: impl AsyncFnMut() -> Result<T, String>) -> Result<T, String> {
    let end = Instant::now() + bound;
    loop {
        match probe().await {
            Err(_) if Instant::now() < end => tokio::time::sleep(AGAIN).await,
            seen => return seen,
        }
    }
}

/// `Ok` where it holds, else what was seen.
pub(crate) fn holds(condition: bool, seen: impl std::fmt::Debug) -> Result<(), String> {
    if condition { Ok(()) } else { Err(format!("{seen:?}")) }
}
