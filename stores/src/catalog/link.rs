use schemas::{
    catalog::{ChangeNo, LinkRow},
    code::Code,
    hashes::EmailHash,
    ids::{CompanyId, LinkId, PartnerId, ProgramId},
    terms::Terms,
    time::TimeMs,
};

use super::CompanyStatus;
use crate::StoreError;

/// A link to be made in a company's program.
#[derive(Debug, Clone)]
pub struct NewLink {
    pub id: LinkId,
    pub code: Code,
    pub company: CompanyId,
    pub partner: LinkPartner,
    /// Absolute http(s) URL.
    pub destination: String,
    pub name: Option<String>,
    pub now: TimeMs,
}

/// Whose link it is.
#[derive(Debug, Clone)]
pub enum LinkPartner {
    Known(PartnerId),
    /// Whoever has this address; `id_if_new` where nobody has.
    Addressed {
        email: String,
        email_hash: EmailHash,
        id_if_new: PartnerId,
    },
}

/// Whose links are listed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LinksOf {
    Company(CompanyId),
    Partner(PartnerId),
}

impl LinksOf {
    /// The column of `links` that holds it.
    pub(crate) fn column(self) -> &'static str {
        match self {
            LinksOf::Company(_) => "company",
            LinksOf::Partner(_) => "partner",
        }
    }

    pub(crate) fn id(self) -> u64 {
        match self {
            LinksOf::Company(company) => company.0,
            LinksOf::Partner(partner) => partner.0,
        }
    }
}

/// A link that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linked {
    pub partner: PartnerId,
    pub change: ChangeNo,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub row: LinkRow,
    pub name: Option<String>,
    pub created_at: TimeMs,
}

/// A company that a partner has links with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerProgram {
    pub company: CompanyId,
    pub program: ProgramId,
    pub name: String,
    pub domain: String,
    pub status: CompanyStatus,
    /// The newest version.
    pub terms: Terms,
    pub joined_at: TimeMs,
}

#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("the code is taken")]
    CodeTaken,
    #[error("the partner has a link in this program")]
    AlreadyJoined,
    #[error("no such company")]
    UnknownCompany,
    #[error("no such partner")]
    UnknownPartner,
    #[error(transparent)]
    Store(#[from] StoreError),
}
