use std::collections::BTreeMap;

use axum::extract::State;
use schemas::{
    decision::{EventKind, Outcome},
    time::Day,
};
use serde::Serialize;
use stores::ledger::OutcomeCount;
use utoipa::ToSchema;

use crate::{
    Api,
    auth::caller::CompanyCaller,
    error::ErrorBody,
    period::{Period, PeriodAsked},
    reply::{Envelope, Reply, data},
};

/// What became of all that was sent for the company. Each event is in exactly one count.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Outcomes {
    /// Days and kinds that have any, oldest day first. The day is that on which the log took the event; a settled event moves from
    /// one count to another.
    outcomes: Vec<DayOutcomes>,
    /// The same over all days, every kind.
    totals: Vec<KindOutcomes>,
    #[schema(example = 30)]
    period_days: u32,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct DayOutcomes {
    #[schema(format = Date, example = "2026-03-01")]
    date: String,
    #[serde(flatten)]
    outcomes: KindOutcomes,
}

/// Clicks are counted, bot, duplicate or refused; leads and sales attributed, unattributed, duplicate, refused or parked; refunds
/// and reviews applied, duplicate, refused or parked. What the edge or this API refused never reached the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KindOutcomes {
    /// `click`, `lead`, `sale`, `refund` or `review`.
    #[schema(example = "click")]
    kind: &'static str,
    counted: i64,
    bot: i64,
    attributed: i64,
    unattributed: i64,
    applied: i64,
    parked: i64,
    duplicate: i64,
    refused: i64,
    edge_refused: i64,
    /// All of them: what was sent.
    total: i64,
}

impl KindOutcomes {
    fn of(kind: EventKind) -> KindOutcomes {
        KindOutcomes {
            kind: kind.as_str(),
            counted: 0,
            bot: 0,
            attributed: 0,
            unattributed: 0,
            applied: 0,
            parked: 0,
            duplicate: 0,
            refused: 0,
            edge_refused: 0,
            total: 0,
        }
    }

    fn add(&mut self, outcome: Outcome, n: i64) {
        let count = match outcome {
            Outcome::Counted => &mut self.counted,
            Outcome::Bot => &mut self.bot,
            Outcome::Duplicate => &mut self.duplicate,
            Outcome::Refused => &mut self.refused,
            Outcome::Attributed => &mut self.attributed,
            Outcome::Unattributed => &mut self.unattributed,
            Outcome::Parked => &mut self.parked,
            Outcome::Applied => &mut self.applied,
            Outcome::EdgeRefused => &mut self.edge_refused,
        };
        *count += n;
        self.total += n;
    }
}

/// What became of all that was sent, by day and kind
#[utoipa::path(get, path = "/companies/outcomes", tag = "companies", security(("token" = []), ("key" = [])),
    params(PeriodAsked),
    responses(
        (status = 200, body = Envelope<Outcomes>),
        (status = 400, description = "`VALIDATION_ERROR`", body = ErrorBody),
        (status = 401, description = "`UNAUTHORIZED`", body = ErrorBody),
        (status = 403, description = "`FORBIDDEN`: an affiliate's token", body = ErrorBody),
    ))]
pub(crate) async fn outcomes(State(api): State<Api>, caller: CompanyCaller, period: Period) -> Reply<Outcomes> {
    let last = Day(period.days.until.0 - 1);
    let counts = api.ledger.outcomes(caller.company, period.days.from, last).await?;
    Ok(data(summed(&counts, period.count)))
}

fn summed(counts: &[OutcomeCount], period_days: u32) -> Outcomes {
    let mut days: BTreeMap<(Day, EventKind), KindOutcomes> = BTreeMap::new();
    let mut totals: BTreeMap<EventKind, KindOutcomes> =
        EventKind::ALL.into_iter().map(|kind| (kind, KindOutcomes::of(kind))).collect();
    for count in counts {
        let (kind, outcome, n) = (count.kind, count.outcome, count.n);
        days.entry((count.day, kind)).or_insert_with(|| KindOutcomes::of(kind)).add(outcome, n);
        totals.entry(kind).or_insert_with(|| KindOutcomes::of(kind)).add(outcome, n);
    }
    let day = |((day, _), outcomes): ((Day, EventKind), KindOutcomes)| DayOutcomes { date: day.iso(), outcomes };
    Outcomes { outcomes: days.into_iter().map(day).collect(), totals: totals.into_values().collect(), period_days }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_by_day_and_over_all() {
        let count = |day, kind, outcome, n| OutcomeCount { day: Day(day), kind, outcome, n };
        let outcomes = summed(
            &[
                count(2, EventKind::Sale, Outcome::Attributed, 3),
                count(1, EventKind::Sale, Outcome::Attributed, 4),
                count(1, EventKind::Sale, Outcome::EdgeRefused, 5),
                count(1, EventKind::Click, Outcome::Bot, 6),
            ],
            7,
        );
        let days: Vec<_> =
            outcomes.outcomes.iter().map(|day| (day.date.as_str(), day.outcomes.kind, day.outcomes.total)).collect();
        assert_eq!(days, [("1970-01-02", "click", 6), ("1970-01-02", "sale", 9), ("1970-01-03", "sale", 3)]);
        let sales = outcomes.totals.iter().find(|totals| totals.kind == "sale").unwrap();
        assert_eq!((sales.attributed, sales.edge_refused, sales.total, outcomes.totals.len()), (7, 5, 12, 5));
    }
}
