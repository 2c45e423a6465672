//! What each piece of evidence is worth by itself.

use schemas::{
    explanation::{Candidate, CandidateVerdict},
    ids::{LinkId, PartnerId},
    terms::{EvidenceKey, Policy},
    time::TimeMs,
};

use super::{
    WinningClick,
    clicks::{Pick, Window, pick},
};
use crate::{
    Known,
    case::Case,
    grounds::{Grounds, ReceiptEvidence},
};

/// A piece of evidence and what it is worth so far.
pub(super) struct Evidence {
    pub(super) key: EvidenceKey,
    pub(super) link: LinkId,
    pub(super) partner: PartnerId,
    pub(super) click: Option<WinningClick>,
    pub(super) at: Option<TimeMs>,
    pub(super) worth: Worth,
    pub(super) why: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    Valid,
    CannotTell,
    No(CandidateVerdict),
}

impl Evidence {
    pub(super) fn candidate(self, won: bool) -> Candidate {
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

pub(super) fn receipt_evidence(
    case: &Case<'_>,
    policy: &Policy,
    window: Window,
    receipt: &ReceiptEvidence<'_>,
) -> Evidence {
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

pub(super) fn code_evidence(
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

pub(super) fn customer_evidence(policy: &Policy, grounds: &Grounds<'_>) -> Option<Evidence> {
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
