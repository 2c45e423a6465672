use schemas::{
    catalog::LinkRow,
    decision::Refusal,
    ids::ProgramId,
    receipt::{Receipt, ReceiptCheck, ReceiptFields},
    terms::Terms,
    time::{DAY_MS, TimeMs},
};

use crate::{Known, case::Case, known::Bound};

/// The longest attribution window that terms may have.
const WINDOW_DAYS_MAX: i64 = 90;

/// What a lead or sale is decided on: its evidence looked up, and the terms in force.
pub(crate) struct Grounds<'a> {
    pub(crate) code: Option<&'a LinkRow>,
    pub(crate) receipt: Option<ReceiptEvidence<'a>>,
    pub(crate) bound: Option<Bound>,
    pub(crate) program: ProgramId,
    pub(crate) terms: &'a Terms,
}

pub(crate) struct ReceiptEvidence<'a> {
    pub(crate) receipt: Receipt,
    pub(crate) fields: ReceiptFields,
    pub(crate) link: &'a LinkRow,
}

impl<'a> Grounds<'a> {
    /// Refusals come in their order of precedence.
    pub(crate) fn of(known: &'a Known, case: &Case<'_>) -> Result<Grounds<'a>, Refusal> {
        let receipt = receipt(known, case)?;
        let code = match case.claim.code_link {
            Some(id) => {
                let own = known.links.get(&id).filter(|link| link.company == case.claim.company);
                Some(own.ok_or(Refusal::UnknownLink)?)
            }
            None => None,
        };
        let bound = bound(known, case);
        let bound_link = bound.and_then(|bound| known.links.get(&bound.link));
        let program = code
            .or(receipt.as_ref().map(|receipt| receipt.link))
            .map(|link| link.program)
            .or(case.claim.program)
            .or(bound_link.map(|link| link.program))
            .ok_or(Refusal::UnknownLink)?;
        let terms = terms_at(known, program, case.at()).ok_or(Refusal::UnknownLink)?;
        Ok(Grounds { code, receipt, bound, program, terms })
    }
}

fn receipt<'a>(known: &'a Known, case: &Case<'_>) -> Result<Option<ReceiptEvidence<'a>>, Refusal> {
    let Some(receipt) = case.claim.receipt else {
        return Ok(None);
    };
    let fields = receipt.fields();
    // One that was parked was checked then; its key may be gone since.
    let genuine = case.before.is_some()
        || match receipt.check(&known.receipt_keys) {
            ReceiptCheck::Genuine => true,
            ReceiptCheck::Forged => false,
            // Its key may have been destroyed. Older than any window it wins nothing, genuine or not.
            ReceiptCheck::UnknownKey => case.at().since_ms(fields.at) > WINDOW_DAYS_MAX * DAY_MS,
        };
    if !genuine {
        return Err(Refusal::ReceiptForged);
    }
    let link = known.links.get(&fields.link).ok_or(Refusal::UnknownLink)?;
    if link.company != case.claim.company {
        return Err(Refusal::ReceiptForeign);
    }
    Ok(Some(ReceiptEvidence { receipt, fields, link }))
}

fn bound(known: &Known, case: &Case<'_>) -> Option<Bound> {
    let company = case.claim.company;
    let records = case.idents().filter_map(|ident| known.idents.get(&(company, ident)));
    let in_time = |bound: &Bound| case.bound_before.is_none_or(|too_late| bound.at < too_late);
    records.filter_map(|record| record.bound).find(in_time)
}

/// The newest terms in force at that time, else the first.
pub(crate) fn terms_at(known: &Known, program: ProgramId, at: TimeMs) -> Option<&Terms> {
    let versions = known.terms.get(&program)?;
    versions.iter().rev().find(|terms| terms.effective_from <= at).or(versions.first())
}
