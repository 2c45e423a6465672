//! Who is credited, and on what evidence: each piece is looked at and recorded with what became of it.

mod clicks;

use schemas::{
    conversion::Unattributed,
    explanation::{Candidate, CandidateVerdict},
    ids::{LinkId, PartnerId},
    receipt::Receipt,
    terms::{EvidenceKey, OnConflict, Policy},
    time::{HOUR_MS, TimeMs},
};

use self::clicks::{Pick, Window, pick};
use crate::{
    Known,
    case::Case,
    effect::ParkedUntil,
    grounds::{Grounds, ReceiptEvidence},
};

pub(crate) struct Attribution {
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) verdict: Verdict,
}

pub(crate) enum Verdict {
    Won(Winner),
    /// A click of `late_link` that comes late could still win it.
    Nobody {
        why: Unattributed,
        late_link: Option<LinkId>,
    },
    Wait {
        until: ParkedUntil,
        late_link: Option<LinkId>,
    },
}

pub(crate) struct Winner {
    /// Index into the candidates.
    pub(crate) candidate: usize,
    pub(crate) partner: PartnerId,
    pub(crate) link: LinkId,
    pub(crate) click: Option<WinningClick>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct WinningClick {
    pub(crate) receipt: Receipt,
    pub(crate) at: TimeMs,
}

/// A piece of evidence and what it is worth so far.
struct Evidence {
    key: EvidenceKey,
    link: LinkId,
    partner: PartnerId,
    click: Option<WinningClick>,
    at: Option<TimeMs>,
    worth: Worth,
    why: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Worth {
    Valid,
    CannotTell,
    No(CandidateVerdict),
}

pub(crate) fn attribute(known: &Known, case: &Case<'_>, grounds: &Grounds<'_>) -> Attribution {
    let policy = &grounds.terms.policy;
    let window = Window::of(case, policy.window_days);
    let mut evidence: Vec<Evidence> = Vec::new();
    evidence.extend(grounds.receipt.as_ref().map(|receipt| receipt_evidence(case, policy, window, receipt)));
    let exact = evidence.first().is_some_and(|receipt| {
        receipt.worth == Worth::Valid && grounds.code.is_some_and(|code| code.id == receipt.link)
    });
    evidence.extend(code_evidence(known, case, grounds, window, exact));
    let disagree = settle_conflict(policy, grounds, &mut evidence);
    evidence.extend(customer_evidence(policy, grounds));

    let won = if disagree && !locked(policy, grounds) { None } else { first_valid(policy, grounds, &evidence, exact) };
    let verdict = match won {
        Some(index) if evidence[index].worth == Worth::CannotTell => Verdict::Wait {
            until: ParkedUntil::FactsHold { offset: case.logged.position.offset },
            late_link: late_link(grounds, &evidence),
        },
        Some(index) => {
            let chosen = &evidence[index];
            Verdict::Won(Winner { candidate: index, partner: chosen.partner, link: chosen.link, click: chosen.click })
        }
        None => nobody(case, grounds, &evidence, disagree),
    };
    let winner = if let Verdict::Won(winner) = &verdict { Some(winner.candidate) } else { None };
    let candidates = evidence.into_iter().enumerate().map(|(index, piece)| piece.candidate(winner == Some(index)));
    Attribution { candidates: candidates.collect(), verdict }
}

fn receipt_evidence(case: &Case<'_>, policy: &Policy, window: Window, receipt: &ReceiptEvidence<'_>) -> Evidence {
    let ReceiptEvidence { receipt, fields, link } = receipt;
    // Without a time of its own the conversion came after its receipt, whatever the two clocks say.
    let at = if case.claim.occurred_at.is_none() { fields.at.min(window.until) } else { fields.at };
    let (worth, why) = if !policy.keys.contains(&EvidenceKey::Receipt) {
        (Worth::No(CandidateVerdict::Lost), "the terms do not look at click ids")
    } else if at > window.until {
        (Worth::No(CandidateVerdict::Lost), "the click came after the conversion")
    } else if at < window.from {
        (
            Worth::No(CandidateVerdict::OutsideWindow),
            "the click is older than the window, so the click id counts as none",
        )
    } else if !fields.visit.counts() {
        (Worth::Valid, "the click id names its click exactly, and it was no person's")
    } else {
        (Worth::Valid, "the click id names its click exactly")
    };
    Evidence {
        key: EvidenceKey::Receipt,
        link: link.id,
        partner: link.partner,
        click: Some(WinningClick { receipt: *receipt, at }),
        at: Some(at),
        worth,
        why: why.to_owned(),
    }
}

fn code_evidence(
    known: &Known,
    case: &Case<'_>,
    grounds: &Grounds<'_>,
    window: Window,
    exact: bool,
) -> Option<Evidence> {
    let policy = &grounds.terms.policy;
    let link = grounds.code?;
    let lost = Worth::No(CandidateVerdict::Lost);
    let (click, worth, why) = if !policy.keys.contains(&EvidenceKey::Code) {
        (None, lost, "the terms do not look at codes")
    } else if !policy.code_needs_click {
        (None, Worth::Valid, "the code was given, and the terms ask for no click of it")
    } else if exact {
        (None, lost, "the click id names a click of this code")
    } else {
        match pick(known, case, link.id, window, policy.selector) {
            Pick::Inside(touch) => {
                (Some(touch), Worth::Valid, "this click of the code is the one that counts inside the window")
            }
            Pick::Outside(touch) => (
                Some(touch),
                Worth::No(CandidateVerdict::OutsideWindow),
                "the newest click of the code is older than the window",
            ),
            Pick::NoClick => (None, lost, "no click of the code came before the conversion"),
            Pick::CannotTell => (None, Worth::CannotTell, "which click of the code counts is looked up"),
        }
    };
    let click = click.map(|touch| WinningClick { receipt: touch.receipt, at: touch.at });
    Some(Evidence {
        key: EvidenceKey::Code,
        link: link.id,
        partner: link.partner,
        at: click.map(|click| click.at),
        click,
        worth,
        why: why.to_owned(),
    })
}

fn customer_evidence(policy: &Policy, grounds: &Grounds<'_>) -> Option<Evidence> {
    let bound = grounds.bound?;
    let (worth, why) = if policy.lock_customer {
        (Worth::Valid, "the customer belongs to the first who referred it")
    } else if policy.keys.contains(&EvidenceKey::Customer) {
        (Worth::Valid, "the customer was referred before")
    } else {
        return None;
    };
    Some(Evidence {
        key: EvidenceKey::Customer,
        link: bound.link,
        partner: bound.partner,
        click: None,
        at: Some(bound.at),
        worth,
        why: why.to_owned(),
    })
}

/// Where code and receipt name different links one of them loses, or both; whether both did.
fn settle_conflict(policy: &Policy, grounds: &Grounds<'_>, evidence: &mut [Evidence]) -> bool {
    let [receipt, code] = evidence else {
        return false;
    };
    let tried = |key| policy.keys.contains(&key);
    let both = receipt.worth == Worth::Valid && tried(EvidenceKey::Code) && !locked(policy, grounds);
    if !both || receipt.link == code.link {
        return false;
    }
    let lost = Worth::No(CandidateVerdict::Lost);
    match policy.on_conflict {
        OnConflict::CodeWins => {
            receipt.worth = lost;
            receipt.why = "it names another code than was given, and by the terms the code wins".to_owned();
            false
        }
        OnConflict::ClickWins => {
            code.worth = lost;
            code.why = "the click id names another code, and by the terms the click wins".to_owned();
            false
        }
        OnConflict::BothRequired => {
            for piece in [receipt, code] {
                piece.worth = lost;
                piece.why = "code and click id disagree, and the terms ask for both".to_owned();
            }
            true
        }
    }
}

fn locked(policy: &Policy, grounds: &Grounds<'_>) -> bool {
    policy.lock_customer && grounds.bound.is_some()
}

/// The first piece in the policy's order that is valid or might be.
fn first_valid(policy: &Policy, grounds: &Grounds<'_>, evidence: &[Evidence], exact: bool) -> Option<usize> {
    let place = |key| evidence.iter().position(|piece| piece.key == key);
    if locked(policy, grounds) {
        return place(EvidenceKey::Customer);
    }
    let in_order = policy.keys.iter().filter_map(|key| {
        // A receipt of the code's own link stands for it, wherever the code comes in the order.
        let named = *key == EvidenceKey::Code && exact && policy.code_needs_click;
        place(if named { EvidenceKey::Receipt } else { *key })
    });
    in_order.into_iter().find(|index| matches!(evidence[*index].worth, Worth::Valid | Worth::CannotTell))
}

fn nobody(case: &Case<'_>, grounds: &Grounds<'_>, evidence: &[Evidence], disagree: bool) -> Verdict {
    let policy = &grounds.terms.policy;
    if disagree {
        return Verdict::Nobody { why: Unattributed::EvidenceDisagrees, late_link: None };
    }
    let looked_at: Vec<&Evidence> = evidence.iter().filter(|piece| policy.keys.contains(&piece.key)).collect();
    let stale = |piece: &Evidence| {
        piece.key == EvidenceKey::Receipt && piece.worth == Worth::No(CandidateVerdict::OutsideWindow)
    };
    let is_sale = case.currency.is_some();
    if policy.await_lead_hours > 0 && is_sale && case.customer().is_some() && looked_at.iter().all(|piece| stale(piece))
    {
        let expires_at = case.logged.appended_at.plus_ms(i64::from(policy.await_lead_hours) * HOUR_MS);
        return Verdict::Wait { until: ParkedUntil::Lead { expires_at }, late_link: None };
    }
    let why = if looked_at.is_empty() { Unattributed::NoEvidence } else { Unattributed::NoClickInWindow };
    Verdict::Nobody { why, late_link: late_link(grounds, evidence) }
}

/// The code's link, if a click of it would have decided this.
fn late_link(grounds: &Grounds<'_>, evidence: &[Evidence]) -> Option<LinkId> {
    let policy = &grounds.terms.policy;
    let clicks_decide = policy.keys.contains(&EvidenceKey::Code) && policy.code_needs_click;
    let code = evidence.iter().find(|piece| piece.key == EvidenceKey::Code)?;
    clicks_decide.then_some(code.link)
}

impl Evidence {
    fn candidate(self, won: bool) -> Candidate {
        let (verdict, why) = match self.worth {
            Worth::Valid if won => (CandidateVerdict::Won, self.why),
            Worth::Valid => (CandidateVerdict::Lost, format!("valid, but other evidence comes first: {}", self.why)),
            Worth::CannotTell => (CandidateVerdict::Lost, self.why),
            Worth::No(verdict) => (verdict, self.why),
        };
        Candidate {
            key: self.key,
            click_id: self.click.map(|click| click.receipt.to_string()),
            partner: Some(self.partner),
            at: self.at.map(TimeMs::rfc3339),
            verdict,
            why,
        }
    }
}
