//! Catalog rows that leave the catalog: what edges follow, what the processor decides with, what the API shows.

use serde::{Deserialize, Serialize};

use crate::{
    code::Code,
    hashes::EmailHash,
    ids::{CompanyId, KeyId, LinkId, PartnerId, ProgramId},
    time::TimeMs,
};

/// The number of a catalog change, given under one lock held to the commit: none is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ChangeNo(pub u64);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompanyRow {
    pub id: CompanyId,
    pub program: ProgramId,
    /// As registered: a host or an http(s) URL.
    pub domain: String,
    pub paused: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRow {
    pub id: LinkId,
    pub code: Code,
    pub company: CompanyId,
    pub program: ProgramId,
    pub partner: PartnerId,
    /// Absolute http(s) URL.
    pub destination: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    pub id: KeyId,
    pub company: CompanyId,
    pub kind: CredentialKind,
    /// SHA-256 of the secret.
    pub digest: [u8; 32],
    pub revoked_at: Option<TimeMs>,
}

/// What a credential may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum CredentialKind {
    Secret = 1,
    Publishable = 2,
    Postback = 3,
}

impl CredentialKind {
    pub fn prefix(self) -> &'static str {
        match self {
            CredentialKind::Secret => "sk_live_",
            CredentialKind::Publishable => "pk_live_",
            CredentialKind::Postback => "pb_live_",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartnerRow {
    pub id: PartnerId,
    pub email: EmailHash,
}

/// One thing that an edge's snapshot learns. Rows are whole: the newest one of an id stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogChange {
    Company(CompanyRow),
    Link(LinkRow),
    Key(KeyRow),
}
