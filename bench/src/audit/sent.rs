//! What was sent against what became of it: every event has one outcome, or was refused by an edge.

use super::{
    Found,
    acknowledged::{Acknowledged, Kind, Told, Visits},
    counts::{Counts, Outcomes, code},
};

impl Kind {
    pub(super) const ALL: [Kind; 3] = [Kind::Click, Kind::Order, Kind::Refund];

    fn name(self) -> &'static str {
        match self {
            Kind::Click => "clicks",
            Kind::Order => "orders",
            Kind::Refund => "refunds",
        }
    }

    fn code(self) -> u8 {
        match self {
            Kind::Click => code::CLICK,
            Kind::Order => code::SALE,
            Kind::Refund => code::REFUND,
        }
    }

    /// Whether a refusal is counted for nobody: whose it was is not known before the code, or the key, is.
    fn is_nobodys(self, status: u16) -> bool {
        match self {
            Kind::Click => !matches!(status, 200 | 429 | 503),
            Kind::Order => matches!(status, 401 | 405 | 415 | 431),
            Kind::Refund => matches!(status, 401 | 403 | 405 | 429),
        }
    }
}

/// How many of a kind were refused, by whose counts tell.
struct Refused {
    somebodys: i128,
    nobodys: i128,
    unsure: i128,
}

impl Refused {
    fn of(kind: Kind, told: &Told) -> Refused {
        let mut refused = Refused { somebodys: 0, nobodys: 0, unsure: told.unsure.into() };
        for (status, n) in &told.refused {
            // A refund that took too long is answered so too.
            let is_unsure = kind == Kind::Refund && *status == 503;
            let of = match (is_unsure, kind.is_nobodys(*status)) {
                (true, _) => &mut refused.unsure,
                (false, true) => &mut refused.nobodys,
                (false, false) => &mut refused.somebodys,
            };
            *of += i128::from(*n);
        }
        refused
    }
}

/// How many events have to be counted as decided or refused; none where some may be there and may not.
pub(super) fn due(acknowledged: &Acknowledged) -> Option<i128> {
    let mut due = 0;
    for (kind, told) in &acknowledged.told {
        let refused = Refused::of(*kind, told);
        if refused.unsure > 0 {
            return None;
        }
        due += i128::from(told.taken()) + refused.somebodys;
    }
    Some(due)
}

pub(super) fn compare(before: &Counts, now: &Counts, acknowledged: &Acknowledged, found: &mut Found) {
    let outcomes = now.outcomes.since(&before.outcomes);
    for kind in Kind::ALL {
        let nothing = Told::default();
        one_kind(kind, acknowledged.told.get(&kind).unwrap_or(&nothing), &outcomes, found);
    }
    if acknowledged.visits != Visits::default() {
        compare_visits(acknowledged, &outcomes, found);
    }
}

fn one_kind(kind: Kind, told: &Told, outcomes: &Outcomes, found: &mut Found) {
    use code::{APPLIED, ATTRIBUTED, BOT, COUNTED, DUPLICATE, EDGE_REFUSED, REFUSED, UNATTRIBUTED};
    const PARKED: u8 = 7;
    let mut taken = vec![COUNTED, BOT, DUPLICATE, ATTRIBUTED, UNATTRIBUTED, PARKED, APPLIED];
    let mut refused = vec![EDGE_REFUSED];
    // A click is answered before it is decided; of others the caller hears that they are refused.
    if kind == Kind::Click {
        taken.push(REFUSED)
    } else {
        refused.push(REFUSED)
    }
    let (is_taken, is_refused) = (outcomes.sum(kind.code(), &taken), outcomes.sum(kind.code(), &refused));
    if told.sent == 0 && is_taken == 0 && is_refused == 0 {
        return;
    }
    let answers = Refused::of(kind, told);
    let wanted = i128::from(told.taken());
    // What was not answered for certain may have been taken, refused, or neither.
    let late_taken = (is_taken - wanted).clamp(0, answers.unsure);
    let late_refused = (is_refused - answers.somebodys).clamp(0, answers.unsure - late_taken);
    let never = answers.unsure - late_taken - late_refused;
    let name = kind.name();
    found.line(
        format!("{name} sent: outcomes, and what edges refused"),
        told.sent,
        is_taken + is_refused + answers.nobodys + never,
    );
    found.line(format!("{name} acknowledged: decided"), wanted, is_taken - late_taken);
    found.line(format!("{name} refused: counted as refused"), answers.somebodys, is_refused - late_refused);
}

/// What each click had to be counted as.
fn compare_visits(acknowledged: &Acknowledged, outcomes: &Outcomes, found: &mut Found) {
    let Visits { people, bots, repeats } = acknowledged.visits;
    let unsure = acknowledged.told.get(&Kind::Click).map_or(0, |told| told.unsure);
    let due = [
        ("clicks of people, each event once: counted", people, code::COUNTED),
        ("clicks of bots: bots'", bots, code::BOT),
        ("clicks repeated: duplicates", repeats, code::DUPLICATE),
    ];
    for (what, wanted, outcome) in due {
        let is = outcomes.sum(code::CLICK, &[outcome]);
        if wanted > 0 || is > 0 {
            found.line(what, wanted, is - (is - i128::from(wanted)).clamp(0, unsure.into()));
        }
    }
}
