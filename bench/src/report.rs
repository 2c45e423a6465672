use std::{collections::BTreeMap, fmt, time::Duration};

use hdrhistogram::Histogram;

const LONGEST: Duration = Duration::from_secs(600);
const DIGITS: u8 = 3;

/// One request's end.
pub(crate) struct Answered {
    pub(crate) status: Result<u16, String>,
    /// How long after it was due it was sent.
    pub(crate) late: Duration,
    /// How long after it was due it was answered.
    pub(crate) took: Duration,
}

/// A line a figure: a name and its value.
pub(crate) struct Report {
    each: Duration,
    pub(crate) took: Duration,
    answers: Histogram<u64>,
    late: Histogram<u64>,
    by_status: BTreeMap<u16, u64>,
    failed: u64,
    why: Option<String>,
}

impl Report {
    pub(crate) fn new(each: Duration) -> anyhow::Result<Report> {
        let histogram = || Histogram::new_with_max(LONGEST.as_micros() as u64, DIGITS);
        Ok(Report {
            each,
            took: Duration::ZERO,
            answers: histogram()?,
            late: histogram()?,
            by_status: BTreeMap::new(),
            failed: 0,
            why: None,
        })
    }

    pub(crate) fn add(&mut self, answered: Answered) {
        let micros = |time: Duration| time.as_micros() as u64;
        self.late.saturating_record(micros(answered.late));
        match answered.status {
            Ok(status) => {
                *self.by_status.entry(status).or_default() += 1;
                self.answers.saturating_record(micros(answered.took));
            }
            Err(why) => {
                self.failed += 1;
                self.why.get_or_insert(why);
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn answered(&self, status: u16) -> u64 {
        self.by_status.get(&status).copied().unwrap_or_default()
    }

    #[cfg(test)]
    pub(crate) fn longest(&self) -> Duration {
        Duration::from_micros(self.answers.max())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |micros: u64| format!("{}.{:02}", micros / 1_000, micros % 1_000 / 10);
        writeln!(f, "sent {}", self.late.len())?;
        writeln!(f, "due_every_us {}", self.each.as_micros())?;
        writeln!(f, "took_ms {}", self.took.as_millis())?;
        for (name, quantile) in [("p50_ms", 0.5), ("p90_ms", 0.9), ("p99_ms", 0.99), ("p999_ms", 0.999)] {
            writeln!(f, "{name} {}", shown(self.answers.value_at_quantile(quantile)))?;
        }
        writeln!(f, "max_ms {}", shown(self.answers.max()))?;
        writeln!(f, "sent_late_p99_ms {}", shown(self.late.value_at_quantile(0.99)))?;
        for (status, count) in &self.by_status {
            writeln!(f, "status_{status} {count}")?;
        }
        writeln!(f, "failed {}", self.failed)?;
        self.why.iter().try_for_each(|why| writeln!(f, "first_failure {why}"))
    }
}
