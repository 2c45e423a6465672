//! What the server counted, by kind of event, before and after; and whether it adds up to what was sent.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::server::Server;

/// Days of which counts are asked for: today, and yesterday for a run over midnight.
const DAYS: u8 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Click,
    Lead,
    Sale,
    Refund,
    Review,
}

/// Events by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Counts {
    pub(super) counted: i64,
    pub(super) bot: i64,
    pub(super) attributed: i64,
    pub(super) unattributed: i64,
    pub(super) applied: i64,
    pub(super) parked: i64,
    pub(super) duplicate: i64,
    pub(super) refused: i64,
    pub(super) edge_refused: i64,
}

#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Outcomes(BTreeMap<(String, Kind), Counts>);

#[derive(Deserialize)]
struct Listed {
    outcomes: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    date: String,
    kind: Kind,
    #[serde(flatten)]
    counts: Counts,
}

impl Outcomes {
    pub(super) async fn fetch(server: &Server) -> anyhow::Result<Self> {
        let listed: Listed = server.figures(&format!("/companies/outcomes?days={DAYS}")).await?;
        Ok(listed.outcomes.into_iter().collect())
    }

    /// What was counted since. A day that `before` doesn't know began after it, and one that only `before` knows has left the answer.
    pub(super) fn since(&self, before: &Self, kind: Kind) -> Counts {
        let mut sum = Counts::default();
        for (key, after) in self.0.iter().filter(|((_, of), _)| *of == kind) {
            let before = before.0.get(key).copied().unwrap_or_default();
            sum = sum.zip(*after, |sum, after| sum + after).zip(before, |sum, before| sum - before);
        }
        sum
    }
}

impl FromIterator<Row> for Outcomes {
    fn from_iter<I: IntoIterator<Item = Row>>(rows: I) -> Self {
        let mut all = BTreeMap::<_, Counts>::new();
        for row in rows {
            let counts = all.entry((row.date, row.kind)).or_default();
            *counts = counts.zip(row.counts, |a, b| a + b);
        }
        Self(all)
    }
}

impl Counts {
    pub(super) fn sum(self) -> i64 {
        let Self { counted, bot, attributed, unattributed, applied, parked, duplicate, refused, edge_refused } = self;
        counted + bot + attributed + unattributed + applied + parked + duplicate + refused + edge_refused
    }

    fn zip(self, other: Self, with: impl Fn(i64, i64) -> i64) -> Self {
        Self {
            counted: with(self.counted, other.counted),
            bot: with(self.bot, other.bot),
            attributed: with(self.attributed, other.attributed),
            unattributed: with(self.unattributed, other.unattributed),
            applied: with(self.applied, other.applied),
            parked: with(self.parked, other.parked),
            duplicate: with(self.duplicate, other.duplicate),
            refused: with(self.refused, other.refused),
            edge_refused: with(self.edge_refused, other.edge_refused),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Outcomes {
        pub(in crate::demo) fn of(json: &str) -> Self {
            serde_json::from_str::<Vec<Row>>(json).unwrap().into_iter().collect()
        }
    }

    #[test]
    fn a_run_over_midnight_is_counted_whole() {
        let before = Outcomes::of(
            r#"[{"date":"2026-11-19","kind":"click","counted":50},
                {"date":"2026-11-20","kind":"click","counted":7,"bot":2},
                {"date":"2026-11-20","kind":"sale","attributed":3,"parked":1}]"#,
        );
        let after = Outcomes::of(
            r#"[{"date":"2026-11-20","kind":"click","counted":9,"bot":2,"edgeRefused":1},
                {"date":"2026-11-20","kind":"sale","attributed":4},
                {"date":"2026-11-21","kind":"click","counted":5,"duplicate":4}]"#,
        );
        let clicks = after.since(&before, Kind::Click);
        let expected = Counts { counted: 7, duplicate: 4, edge_refused: 1, ..Counts::default() };
        assert_eq!((clicks, clicks.sum()), (expected, 12));
        let sales = after.since(&before, Kind::Sale);
        assert_eq!((sales.attributed, sales.parked, sales.sum()), (1, -1, 0), "one that was parked is settled");
        assert_eq!(after.since(&before, Kind::Refund), Counts::default());
    }
}
