//! The ledger's accounts and transfers. A transfer is one row with two accounts, so the books sum to zero by construction.

use std::fmt;

use crate::{
    ids::{CompanyId, ConversionId, EventId, PartnerId, TransferId},
    money::Currency,
    time::TimeMs,
};

/// Where money stands. An account's balance is what was credited to it less what was debited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// What a company's referrals cost it: never above zero.
    Company(CompanyId),
    /// Earned by the partner with this company, under review or held.
    PartnerPending(CompanyId, PartnerId),
    /// Earned, approved and not yet paid. Below zero after a refund of what was paid: later earnings repay it.
    PartnerAvailable(CompanyId, PartnerId),
    PartnerPaid(CompanyId, PartnerId),
    /// The platform's fee on commission under review or held.
    PlatformPending(CompanyId),
    PlatformEarned(CompanyId),
}

/// The kind of an account, as stores write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum AccountKind {
    Company = 1,
    PartnerPending = 2,
    PartnerAvailable = 3,
    PartnerPaid = 4,
    PlatformPending = 5,
    PlatformEarned = 6,
}

impl Account {
    pub fn kind(self) -> AccountKind {
        match self {
            Account::Company(_) => AccountKind::Company,
            Account::PartnerPending(..) => AccountKind::PartnerPending,
            Account::PartnerAvailable(..) => AccountKind::PartnerAvailable,
            Account::PartnerPaid(..) => AccountKind::PartnerPaid,
            Account::PlatformPending(_) => AccountKind::PlatformPending,
            Account::PlatformEarned(_) => AccountKind::PlatformEarned,
        }
    }

    pub fn company(self) -> CompanyId {
        match self {
            Account::Company(company)
            | Account::PartnerPending(company, _)
            | Account::PartnerAvailable(company, _)
            | Account::PartnerPaid(company, _)
            | Account::PlatformPending(company)
            | Account::PlatformEarned(company) => company,
        }
    }

    pub fn partner(self) -> Option<PartnerId> {
        match self {
            Account::PartnerPending(_, partner)
            | Account::PartnerAvailable(_, partner)
            | Account::PartnerPaid(_, partner) => Some(partner),
            Account::Company(_) | Account::PlatformPending(_) | Account::PlatformEarned(_) => None,
        }
    }

    /// Puts an account together again from what a store wrote.
    pub fn from_parts(kind: u8, company: CompanyId, partner: Option<PartnerId>) -> Option<Account> {
        match (kind, partner) {
            (1, None) => Some(Account::Company(company)),
            (2, Some(partner)) => Some(Account::PartnerPending(company, partner)),
            (3, Some(partner)) => Some(Account::PartnerAvailable(company, partner)),
            (4, Some(partner)) => Some(Account::PartnerPaid(company, partner)),
            (5, None) => Some(Account::PlatformPending(company)),
            (6, None) => Some(Account::PlatformEarned(company)),
            _ => None,
        }
    }
}

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum TransferReason {
    Commission = 1,
    Fee = 2,
    Approve = 3,
    Mature = 4,
    Reject = 5,
    Refund = 6,
    ClawBack = 7,
}

impl TransferReason {
    pub const ALL: [TransferReason; 7] = [
        TransferReason::Commission,
        TransferReason::Fee,
        TransferReason::Approve,
        TransferReason::Mature,
        TransferReason::Reject,
        TransferReason::Refund,
        TransferReason::ClawBack,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            TransferReason::Commission => "commission",
            TransferReason::Fee => "fee",
            TransferReason::Approve => "approve",
            TransferReason::Mature => "mature",
            TransferReason::Reject => "reject",
            TransferReason::Refund => "refund",
            TransferReason::ClawBack => "claw_back",
        }
    }
}

impl fmt::Display for TransferReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The id of a transfer, derived from its cause: whoever posts it, and however often, it has this one.
pub fn transfer_id(
    event: EventId,
    conversion: ConversionId,
    reason: TransferReason,
    debit: Account,
    credit: Account,
) -> TransferId {
    let mut cause = Vec::with_capacity(70);
    cause.extend(event.0.to_be_bytes());
    cause.extend(conversion.0.to_be_bytes());
    cause.push(reason as u8);
    for account in [debit, credit] {
        cause.push(account.kind() as u8);
        cause.extend(account.company().0.to_be_bytes());
        cause.extend(account.partner().map_or(0, |partner| partner.0).to_be_bytes());
    }
    TransferId(xxhash_rust::xxh3::xxh3_128(&cause))
}

/// Money moved once and for good. The id is derived from the cause, so posting it twice is posting it once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    pub id: TransferId,
    pub debit: Account,
    pub credit: Account,
    /// Above zero.
    pub amount_minor: i64,
    pub currency: Currency,
    pub reason: TransferReason,
    pub conversion: ConversionId,
    /// The event that caused it.
    pub event: EventId,
    pub at: TimeMs,
}
