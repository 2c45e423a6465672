//! Who is credited, and on what evidence: each piece is looked at and recorded with what became of it.

mod clicks;
mod evidence;

use schemas::{
    conversion::Unattributed,
    explanation::{Candidate, CandidateVerdict},
    ids::{LinkId, PartnerId},
    receipt::Receipt,
    terms::{EvidenceKey, OnConflict, Policy},
    time::{HOUR_MS, TimeMs},
};

use self::{
    clicks::Window,
    evidence::{Evidence, Worth, code_evidence, customer_evidence, receipt_evidence},
};
use crate::{Known, case::Case, effect::ParkedUntil, grounds::Grounds};

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
