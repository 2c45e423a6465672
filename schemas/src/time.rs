//! Points in time and UTC days. Nothing here asks what time it is.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

pub const SECOND_MS: i64 = 1_000;
pub const MINUTE_MS: i64 = 60 * SECOND_MS;
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimeMs(pub i64);

impl TimeMs {
    pub fn plus_ms(self, ms: i64) -> TimeMs {
        TimeMs(self.0.saturating_add(ms))
    }

    pub fn plus_days(self, days: u32) -> TimeMs {
        self.plus_ms(i64::from(days) * DAY_MS)
    }

    /// Milliseconds from `earlier` to this, negative if it comes first.
    pub fn since_ms(self, earlier: TimeMs) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    pub fn day(self) -> Day {
        Day(i32::try_from(self.0.div_euclid(DAY_MS)).unwrap_or(i32::MAX))
    }

    /// RFC 3339 in UTC with milliseconds, for example `2026-03-30T10:00:00.000Z`.
    pub fn rfc3339(self) -> String {
        match Timestamp::from_millisecond(self.0) {
            Ok(at) => format!("{at:.3}"),
            Err(_) => format!("{}ms", self.0),
        }
    }

    /// Reads RFC 3339 with any offset; what is finer than a millisecond is cut off.
    pub fn parse_rfc3339(text: &str) -> Option<TimeMs> {
        let at: Timestamp = text.parse().ok()?;
        Some(TimeMs(at.as_millisecond()))
    }
}

/// A UTC day, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(pub i32);

impl Day {
    pub fn start(self) -> TimeMs {
        TimeMs(i64::from(self.0) * DAY_MS)
    }

    /// ISO weekday, Monday is 1.
    pub fn weekday(self) -> u8 {
        u8::try_from((i64::from(self.0) + 3).rem_euclid(7) + 1).unwrap_or(1)
    }

    /// `YYYY-MM-DD`.
    pub fn iso(self) -> String {
        match Timestamp::from_millisecond(self.start().0) {
            Ok(at) => at.to_zoned(TimeZone::UTC).date().to_string(),
            Err(_) => format!("day {}", self.0),
        }
    }

    pub fn parse_iso(text: &str) -> Option<Day> {
        let date: Date = text.parse().ok()?;
        Some(TimeMs(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond()).day())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_texts() {
        let at = TimeMs::parse_rfc3339("2026-03-30T12:00:00.5+02:00").unwrap();
        assert_eq!(at.rfc3339(), "2026-03-30T10:00:00.500Z");
        assert_eq!(at.day().iso(), "2026-03-30");
        assert_eq!(at.day().weekday(), 1);
        assert_eq!(Day::parse_iso("2026-03-30"), Some(at.day()));
        assert_eq!(Day(0).weekday(), 4);
        assert_eq!(TimeMs(-1).day(), Day(-1));
        for wrong in ["yesterday", "", "2026-03-30", "2026-13-01T00:00:00Z", "2026-03-30T10:00:00"] {
            assert_eq!(TimeMs::parse_rfc3339(wrong), None, "{wrong}");
        }
    }
}
