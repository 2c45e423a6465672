use schemas::{
    catalog::{ChangeNo, CredentialKind},
    hashes::EmailHash,
    ids::{CompanyId, KeyId, ProgramId},
    terms::Terms,
    time::TimeMs,
};

use crate::StoreError;

/// A company that registers, with its program, first terms and first keys.
#[derive(Debug, Clone)]
pub struct NewCompany {
    pub id: CompanyId,
    pub program: ProgramId,
    pub name: String,
    /// A host or an http(s) URL.
    pub domain: String,
    pub email: String,
    pub email_hash: EmailHash,
    /// Version 1 of `program`.
    pub terms: Terms,
    pub payout: Payout,
    pub keys: Vec<NewCredential>,
    pub now: TimeMs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payout {
    pub schedule: PayoutSchedule,
    pub minimum_minor: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayoutSchedule {
    Weekly,
    Biweekly,
    Monthly,
}

impl PayoutSchedule {
    pub const ALL: [PayoutSchedule; 3] = [PayoutSchedule::Weekly, PayoutSchedule::Biweekly, PayoutSchedule::Monthly];

    pub fn as_str(self) -> &'static str {
        match self {
            PayoutSchedule::Weekly => "weekly",
            PayoutSchedule::Biweekly => "biweekly",
            PayoutSchedule::Monthly => "monthly",
        }
    }

    pub fn parse(text: &str) -> Option<PayoutSchedule> {
        PayoutSchedule::ALL.into_iter().find(|schedule| schedule.as_str() == text)
    }
}

/// A credential without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCredential {
    pub id: KeyId,
    pub kind: CredentialKind,
    /// See [`super::digest`].
    pub digest: [u8; 32],
    /// What settings show of it: a few characters, or all of a publishable key.
    pub shown: String,
}

/// How many characters after the prefix settings show of a secret.
const SHOWN_CHARS: usize = 4;

impl NewCredential {
    /// What the catalog keeps of a credential's text.
    pub fn of(id: KeyId, kind: CredentialKind, text: &str) -> NewCredential {
        let shown = match kind {
            CredentialKind::Publishable => text.to_owned(),
            CredentialKind::Secret | CredentialKind::Postback => {
                text.chars().take(kind.prefix().len() + SHOWN_CHARS).collect()
            }
        };
        NewCredential { id, kind, digest: super::digest(text), shown }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompanyStatus {
    Active,
    Paused,
}

impl CompanyStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            CompanyStatus::Active => "active",
            CompanyStatus::Paused => "paused",
        }
    }
}

/// A company as it sees itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Company {
    pub id: CompanyId,
    pub program: ProgramId,
    pub name: String,
    pub domain: String,
    pub email: String,
    pub status: CompanyStatus,
    /// The newest version.
    pub terms: Terms,
    pub payout: Payout,
    /// JSON text as it was set.
    pub widget_config: Option<String>,
    /// The beginning of the secret key that works now.
    pub secret_key_shown: Option<String>,
    pub publishable_key: Option<String>,
    pub postback_key_shown: Option<String>,
    pub created_at: TimeMs,
}

/// What is Some is set, all or nothing.
#[derive(Debug, Clone, Default)]
pub struct SettingsPatch {
    pub payout_schedule: Option<PayoutSchedule>,
    pub payout_minimum_minor: Option<i64>,
    /// JSON text.
    pub widget_config: Option<String>,
    /// The version after the newest.
    pub terms: Option<Terms>,
}

/// A program that partners may join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenProgram {
    pub company: CompanyId,
    pub program: ProgramId,
    pub name: String,
    pub domain: String,
    /// The newest version.
    pub terms: Terms,
}

#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    #[error("a company is registered under this e-mail address")]
    Taken,
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug, thiserror::Error)]
pub enum CompanyError {
    #[error("no such company")]
    Unknown,
    /// Somebody else added a version meanwhile: read the newest terms and try again.
    #[error("the terms are not the version after the newest")]
    TermsMoved,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a pause came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paused {
    pub status: CompanyStatus,
    pub change: ChangeNo,
}
