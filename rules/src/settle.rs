//! Deciding again: what was parked, and what a late click could win.

use schemas::{
    conversion::{Conversion, Standing, Unattributed},
    event::{Logged, Settle},
    time::TimeMs,
};

use crate::{
    Effect, Known,
    attribution::{Attribution, Verdict, attribute},
    case::{Case, FactClicks},
    conclude::conclude,
    decide::Record,
    effect::{Parked, ParkedUntil},
    grounds::Grounds,
};

pub(crate) fn decide(known: &Known, logged: &Logged, settle: &Settle) -> Vec<Effect> {
    let waiting = known.parked.get(&settle.conversion).zip(known.conversions.get(&settle.conversion));
    let here = logged.position.partition;
    let own = |parked: &Parked| parked.company == settle.company && parked.logged.position.partition == here;
    let Some((parked, before)) = waiting.filter(|(parked, _)| own(parked)) else {
        return Vec::new();
    };
    let up_to = settle.facts_up_to;
    let held = known.fact_clicks.get(&settle.conversion).filter(|held| held.up_to >= up_to);
    let facts = held.map(|held| FactClicks { clicks: &held.clicks, up_to });
    match (before.standing, parked.until) {
        (Standing::Parked, ParkedUntil::FactsHold { offset }) if up_to >= offset && facts.is_some() => {
            Again::look(known, parked, before, logged.into(), facts)
                .map_or_else(Vec::new, |again| again.conclude(known))
        }
        (Standing::Parked, ParkedUntil::Lead { .. }) => {
            let again = Again::look(known, parked, before, logged.into(), None);
            again.filter(|again| !again.still_waits()).map_or_else(Vec::new, |again| again.conclude(known))
        }
        (Standing::Unattributed(_), ParkedUntil::LateClick) if facts.is_some() => {
            let again = Again::look(known, parked, before, logged.into(), facts);
            let looked_at = vec![Effect::ClearLate { conversion: settle.conversion, facts_up_to: up_to }];
            again.filter(Again::is_won).map_or(looked_at, |again| again.conclude(known))
        }
        _ => Vec::new(),
    }
}

/// A kept event looked at once more, under its own id and time.
pub(crate) struct Again<'a> {
    case: Case<'a>,
    grounds: Grounds<'a>,
    attribution: Attribution,
}

impl<'a> Again<'a> {
    pub(crate) fn look(
        known: &'a Known,
        parked: &'a Parked,
        before: &'a Conversion,
        by: Record,
        facts: Option<FactClicks<'a>>,
    ) -> Option<Again<'a>> {
        let case = Case { by, facts, before: Some(before), bound_before: expiry(parked), ..Case::of(&parked.logged)? };
        let grounds = Grounds::of(known, &case).ok()?;
        let attribution = attribute(known, &case, &grounds);
        Some(Again { case, grounds, attribution })
    }

    pub(crate) fn still_waits(&self) -> bool {
        matches!(self.attribution.verdict, Verdict::Wait { .. })
    }

    fn is_won(&self) -> bool {
        matches!(self.attribution.verdict, Verdict::Won(_))
    }

    /// What it waited for did not come.
    pub(crate) fn in_vain(mut self, why: Unattributed) -> Again<'a> {
        self.attribution.verdict = Verdict::Nobody { why, late_link: None };
        self
    }

    pub(crate) fn conclude(self, known: &Known) -> Vec<Effect> {
        conclude(known, &self.case, &self.grounds, self.attribution)
    }
}

fn expiry(parked: &Parked) -> Option<TimeMs> {
    match parked.until {
        ParkedUntil::Lead { expires_at } => Some(expires_at),
        ParkedUntil::FactsHold { .. } | ParkedUntil::LateClick => None,
    }
}
