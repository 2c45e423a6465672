use schemas::{
    hashes::{AddressHash, EmailHash},
    ids::{CompanyId, PartnerId},
    time::{HOUR_MS, MINUTE_MS, TimeMs},
};

use crate::StoreError;

/// How long a magic link can be used.
pub const MAGIC_LINK_MS: i64 = 15 * MINUTE_MS;
/// Mails within [`MAIL_WINDOW_MS`] to one address.
pub const MAILS_AN_ADDRESS: u32 = 5;
/// Mails within [`MAIL_WINDOW_MS`] asked for from one IP address.
pub const MAILS_AN_IP: u32 = 20;
pub const MAIL_WINDOW_MS: i64 = HOUR_MS;

/// Whose account it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    Company(CompanyId),
    Partner(PartnerId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountKind {
    Company,
    Partner,
}

impl AccountKind {
    /// Its number in the catalog.
    pub(crate) fn number(self) -> u8 {
        match self {
            AccountKind::Company => 1,
            AccountKind::Partner => 2,
        }
    }

    pub(crate) fn of(number: u8) -> Option<AccountKind> {
        [AccountKind::Company, AccountKind::Partner].into_iter().find(|kind| kind.number() == number)
    }
}

/// Asks for a mail with a link that signs in.
#[derive(Debug, Clone)]
pub struct NewMagicLink {
    /// See [`super::digest`].
    pub token_digest: [u8; 32],
    pub kind: AccountKind,
    pub email: String,
    pub email_hash: EmailHash,
    /// Who asks.
    pub address: AddressHash,
    pub now: TimeMs,
}

/// Whether to send the mail. Who asks is told the same in every case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issued {
    Mail,
    /// No company has this address: no mail.
    NoAccount,
}

#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    #[error("too many mails within the hour")]
    OverLimit,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redeemed {
    pub principal: Principal,
    pub email: String,
}

#[derive(Debug, thiserror::Error)]
pub enum RedeemError {
    #[error("the link was used, has expired or never was")]
    NotValid,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A signed-in account's token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// 128 random bits.
    pub id: u128,
    pub principal: Principal,
    pub issued_at: TimeMs,
    pub expires_at: TimeMs,
}
