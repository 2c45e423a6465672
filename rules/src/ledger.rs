//! Transfers. Where a conversion's money stands follows from its three axes; what moves is the difference between before and after.

use schemas::{
    accounts::{Account, Transfer, TransferReason, transfer_id},
    conversion::{Conversion, ReviewState, Standing},
    ids::EventId,
    time::TimeMs,
};

use crate::Effect;

/// What makes money move.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cause {
    pub(crate) event: EventId,
    pub(crate) reason: TransferReason,
    pub(crate) at: TimeMs,
}

/// Two accounts, the partner's and the platform's, and what stands on each.
type Stand = [(Account, i64); 2];

pub(crate) fn transfers(before: Option<&Conversion>, after: &Conversion, cause: Cause) -> Vec<Effect> {
    let company = Account::Company(after.company);
    let nowhere = [(company, 0); 2];
    let before = before.and_then(stand).unwrap_or(nowhere);
    let after_stand = stand(after).unwrap_or(nowhere);
    let reasons =
        [cause.reason, if cause.reason == TransferReason::Commission { TransferReason::Fee } else { cause.reason }];
    let mut posted = Vec::new();
    for ((from, to), reason) in before.into_iter().zip(after_stand).zip(reasons) {
        for (debit, credit, amount_minor) in moves(company, from, to) {
            let id = transfer_id(cause.event, after.id, reason, debit, credit);
            posted.push(Effect::Post(Transfer {
                id,
                debit,
                credit,
                amount_minor,
                currency: after.currency,
                reason,
                conversion: after.id,
                event: cause.event,
                at: cause.at,
            }));
        }
    }
    posted
}

/// None: it earned nothing, or everything was taken back.
fn stand(conversion: &Conversion) -> Option<Stand> {
    let partner = conversion.partner?;
    if conversion.standing != Standing::Attributed || conversion.review == ReviewState::Rejected {
        return None;
    }
    let company = conversion.company;
    let accounts = if conversion.is_available() {
        [Account::PartnerAvailable(company, partner), Account::PlatformEarned(company)]
    } else {
        [Account::PartnerPending(company, partner), Account::PlatformPending(company)]
    };
    Some([(accounts[0], conversion.partner_minor), (accounts[1], conversion.platform_minor)])
}

/// What is left moves on from where it stood; the rest comes from the company or goes back to it.
fn moves(company: Account, (from, had): (Account, i64), (to, has): (Account, i64)) -> Vec<(Account, Account, i64)> {
    let kept = if from == company || to == company { 0 } else { had.min(has) };
    let all = [(from, company, had - kept), (from, to, kept), (company, to, has - kept)];
    let real = |(debit, credit, amount_minor): &(Account, Account, i64)| debit != credit && *amount_minor > 0;
    all.into_iter().filter(real).collect()
}
