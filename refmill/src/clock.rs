use std::time::{SystemTime, UNIX_EPOCH};

use schemas::time::TimeMs;

/// What time it is. Everything below the binary is given this.
pub(crate) fn now() -> TimeMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimeMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
