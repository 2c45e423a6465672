//! What every store takes. Edges see to it that events hold nothing else; whoever writes to the log past them may not stop it.

use super::WireError;
use crate::time::TimeMs;

/// A hundred times what any dialect takes for one order, so that sums of many fit.
const AMOUNT_MINOR_MAX: i64 = 100_000_000_000_000;

/// More than one edge refuses between two of its reports, and little enough to be added up for ever.
const COUNT_MAX: u64 = 1 << 40;

/// 2200-01-01T00:00:00Z: all stores know the days until then.
const TIME_MS_MAX: i64 = 7_258_118_400_000;

/// No U+0000, which Postgres does not take.
pub(super) fn text<T: AsRef<str>>(text: T, field: &'static str) -> Result<T, WireError> {
    if text.as_ref().contains('\0') { Err(WireError::Invalid(field)) } else { Ok(text) }
}

pub(super) fn amount(amount_minor: i64) -> Result<i64, WireError> {
    if (0..=AMOUNT_MINOR_MAX).contains(&amount_minor) {
        Ok(amount_minor)
    } else {
        Err(WireError::Invalid("amount_minor"))
    }
}

pub(super) fn count(refused: u64) -> Result<u64, WireError> {
    if refused <= COUNT_MAX { Ok(refused) } else { Err(WireError::Invalid("refused")) }
}

pub(super) fn time(at_ms: i64, field: &'static str) -> Result<TimeMs, WireError> {
    if (0..=TIME_MS_MAX).contains(&at_ms) { Ok(TimeMs(at_ms)) } else { Err(WireError::Invalid(field)) }
}
