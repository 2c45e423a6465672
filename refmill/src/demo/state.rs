//! The server's figures before and after a run, and the verdict on them.

use std::time::{Duration, Instant};

use anyhow::bail;
use schemas::money::Currency;

use super::figures::{Dashboard, Ledger};
use super::outcomes::{Counts, Kind, Outcomes};
use super::play::Played;
use super::server::Server;

const KINDS: [Kind; 3] = [Kind::Click, Kind::Sale, Kind::Refund];
/// How long the figures may take to hold all that was sent.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(15);
const POLL_EVERY: Duration = Duration::from_millis(250);
/// An edge reports what it refused once a second: figures that were the same for longer are whole.
const STILL_FOR: Duration = Duration::from_millis(1_200);

/// The server's figures at one time.
pub(super) struct State {
    outcomes: Outcomes,
    pub(super) dashboard: Dashboard,
}

impl State {
    async fn fetch(server: &Server) -> anyhow::Result<Self> {
        Ok(Self { outcomes: Outcomes::fetch(server).await?, dashboard: Dashboard::fetch(server).await? })
    }

    /// Once what was sent before this run is counted.
    pub(super) async fn at_rest(server: &Server) -> anyhow::Result<Self> {
        let until = Instant::now() + CATCH_UP_LIMIT;
        let mut last = Self::fetch(server).await?;
        loop {
            tokio::time::sleep(STILL_FOR).await;
            let now = Self::fetch(server).await?;
            if now.is_as(&last) {
                return Ok(now);
            }
            if Instant::now() > until {
                bail!("somebody else is sending this company events: play the demo when its counts stand still");
            }
            last = now;
        }
    }

    /// Once what was played adds up; at the end of the time, as it is then.
    pub(super) async fn caught_up(server: &Server, before: &Self, played: &Played) -> anyhow::Result<Self> {
        let until = Instant::now() + CATCH_UP_LIMIT;
        loop {
            let now = Self::fetch(server).await?;
            let whole =
                now.adds_up(before, played) && now.dashboard_follows(before) && now.shows_refunds(before, played);
            if whole || Instant::now() > until {
                return Ok(now);
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
    }

    fn is_as(&self, other: &Self) -> bool {
        self.outcomes == other.outcomes && self.dashboard.totals() == other.dashboard.totals()
    }

    /// By kind of event, what was counted since.
    pub(super) fn since(&self, before: &Self) -> Vec<(Kind, Counts)> {
        KINDS.map(|kind| (kind, self.outcomes.since(&before.outcomes, kind))).to_vec()
    }

    fn adds_up(&self, before: &Self, played: &Played) -> bool {
        let adds_up = |(kind, counts)| match played.tally.of(kind) {
            Some(sent) => sent.adds_up(counts),
            None => counts.sum() == 0,
        };
        self.since(before).into_iter().all(adds_up)
    }

    /// The dashboard is made from facts and the outcomes from the ledger: the two must say the same.
    fn dashboard_follows(&self, before: &Self) -> bool {
        let (clicks, conversions) = self.dashboard.totals();
        let (clicks_before, conversions_before) = before.dashboard.totals();
        let since = |kind| self.outcomes.since(&before.outcomes, kind);
        clicks - clicks_before == since(Kind::Click).counted
            && conversions - conversions_before == since(Kind::Sale).attributed
    }

    /// Refunds come to the facts after the sales that they are of, and change no count.
    fn shows_refunds(&self, before: &Self, played: &Played) -> bool {
        self.dashboard.total_revenue - before.dashboard.total_revenue == played.revenue_pence
    }
}

/// An error says what is wrong.
pub(super) fn judge(played: &Played, before: &State, after: &State, ledger: &[Ledger]) -> anyhow::Result<()> {
    if !after.adds_up(before, played) {
        bail!("the outcomes do not add up to what was sent: was something else sending events to the demo company?");
    }
    if !after.dashboard_follows(before) {
        bail!("the dashboard does not show what the outcomes say, {} s after the last event", CATCH_UP_LIMIT.as_secs());
    }
    let has_moved = after.since(before).iter().any(|(_, counts)| counts.attributed > 0);
    if has_moved && !ledger.iter().any(|entry| entry.currency == Currency::GBP) {
        bail!("sales were attributed and the ledger knows no GBP");
    }
    if let Some(entry) = ledger.iter().find(|entry| !entry.is_zero()) {
        bail!("the ledger does not sum to zero in {}", entry.currency);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tally::Sent;
    use super::*;

    const BEFORE: &str =
        r#"[{"date":"2026-11-20","kind":"click","counted":5},{"date":"2026-11-20","kind":"sale","attributed":2}]"#;
    const AFTER: &str = r#"[{"date":"2026-11-20","kind":"click","counted":9,"bot":2,"edgeRefused":1},
        {"date":"2026-11-20","kind":"sale","attributed":4,"duplicate":1},{"date":"2026-11-20","kind":"refund","applied":1}]"#;
    const LEDGER: &str = r#"{"currency":"GBP","transfers":4,"debits":30,"credits":30,"sum":0,"accountsThatDiffer":0}"#;

    fn state(outcomes: &str, clicks: i64, conversions: i64) -> State {
        let dashboard = format!(
            r#"{{"totalClicks":{clicks},"totalConversions":{conversions},"totalRevenue":0,"topAffiliates":[]}}"#
        );
        State { outcomes: Outcomes::of(outcomes), dashboard: serde_json::from_str(&dashboard).unwrap() }
    }

    /// Ten clicks of which three were nobody's, three sales and a refund.
    fn check(after: &State, ledger: &str, expected: Option<&str>) {
        let sent = |requests, unknown| Sent { requests, unknown, ..Sent::default() };
        let tally =
            [(Kind::Click, sent(10, 3)), (Kind::Sale, sent(3, 0)), (Kind::Refund, sent(1, 0))].into_iter().collect();
        let played = Played { tally, unsent: 0, revenue_pence: 0 };
        let ledger = [serde_json::from_str(ledger).unwrap()];
        let said = judge(&played, &state(BEFORE, 5, 2), after, &ledger).err().map(|error| error.to_string());
        match (&said, expected) {
            (None, None) => {}
            (Some(said), Some(part)) if said.contains(part) => {}
            _ => panic!("{said:?} is not {expected:?}"),
        }
    }

    #[test]
    fn a_run_is_good_only_where_everything_adds_up() {
        let good = state(AFTER, 9, 4);
        check(&good, LEDGER, None);
        for (from, to) in [
            (r#""counted":9"#, r#""counted":8"#),
            (r#""edgeRefused":1"#, r#""edgeRefused":2"#),
            (r#""duplicate":1"#, r#""duplicate":0"#),
            (r#""applied":1"#, r#""applied":0"#),
        ] {
            check(&state(&AFTER.replace(from, to), 9, 4), LEDGER, Some("do not add up"));
        }
        check(&state(AFTER, 8, 4), LEDGER, Some("the dashboard"));
        check(&state(AFTER, 9, 5), LEDGER, Some("the dashboard"));
        for (from, to) in [
            (r#""sum":0"#, r#""sum":1"#),
            (r#""debits":30"#, r#""debits":31"#),
            (r#""accountsThatDiffer":0"#, r#""accountsThatDiffer":1"#),
        ] {
            check(&good, &LEDGER.replace(from, to), Some("sum to zero in GBP"));
        }
        check(&good, &LEDGER.replace("GBP", "USD"), Some("knows no GBP"));
    }

    #[test]
    fn a_dashboard_without_the_refunds_is_not_whole() {
        let state = |total_revenue| {
            let mut state = state(AFTER, 9, 4);
            state.dashboard.total_revenue = total_revenue;
            state
        };
        let played = Played { tally: [].into_iter().collect(), unsent: 0, revenue_pence: 700 };
        assert!(state(1_700).shows_refunds(&state(1_000), &played));
        assert!(!state(2_000).shows_refunds(&state(1_000), &played), "of 1,000 that were sold 300 were sent back");
    }
}
