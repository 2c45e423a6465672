//! Where a catalog of each shape stands in a test, and what is put into it.

use std::{path::Path, time::Duration};

use schemas::{
    catalog::CredentialKind,
    code::Code,
    hashes::EmailHash,
    ids::{CompanyId, KeyId, LinkId, PartnerId, ProgramId},
    money::Rate,
    terms::{Caps, FraudTerms, OnConflict, Policy, Selector, Terms},
    time::TimeMs,
};
use stores::{
    OpenError, Postgres,
    catalog::{Catalog, LinkPartner, NewCompany, NewCredential, NewLink, Payout, PayoutSchedule},
};
use tempfile::TempDir;

use crate::database::Database;

/// 2026-11-20T12:00:00Z.
pub(crate) const NOON: TimeMs = TimeMs(1_795_176_000_000);

/// A place for a catalog of one shape. A new shape names itself here and in `all`.
pub(crate) enum Place {
    Embedded(TempDir),
    Distributed(Database),
}

/// By then a process has heard of a change, whatever else the machine does.
pub(crate) const HEARD_WITHIN: Duration = Duration::from_secs(10);

/// Connections that a catalog may have.
pub(crate) const CONNECTIONS: usize = 8;

impl Place {
    pub(crate) async fn all() -> Vec<Place> {
        vec![Place::embedded(), Place::Distributed(Database::make().await)]
    }

    pub(crate) fn embedded() -> Place {
        Place::Embedded(tempfile::tempdir().unwrap())
    }

    pub(crate) async fn open(&self) -> Catalog {
        match self {
            Place::Embedded(folder) => Catalog::open(folder.path(), NOON).unwrap(),
            Place::Distributed(database) => connect(&database.url).await.unwrap(),
        }
    }

    pub(crate) async fn reopen(&self, catalog: Catalog) -> Catalog {
        catalog.close().await;
        drop(catalog);
        self.open().await
    }

    /// Where it keeps files of its own.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Place::Embedded(folder) => Some(folder.path()),
            Place::Distributed(_) => None,
        }
    }
}

/// A catalog as another process would have it.
pub(crate) async fn connect(url: &str) -> Result<Catalog, OpenError> {
    Catalog::connect(Postgres::open(url, CONNECTIONS).await?, NOON).await
}

pub(crate) fn terms(program: ProgramId, version: u32) -> Terms {
    Terms {
        program,
        version,
        effective_from: NOON,
        policy: Policy {
            name: "refuel/1".to_owned(),
            keys: Vec::new(),
            selector: Selector::Last,
            window_days: 30,
            code_needs_click: true,
            lock_customer: false,
            await_lead_hours: 0,
            on_conflict: OnConflict::CodeWins,
        },
        commission: Vec::new(),
        platform_fee: Rate(200_000),
        hold_days: 0,
        caps: Caps::default(),
        fraud: FraudTerms { signals: Vec::new(), review_from: Rate(500_000), severe_from: Rate(850_000) },
    }
}

/// A company whose ids, keys and address follow from `number`.
pub(crate) fn new_company(number: u64) -> NewCompany {
    NewCompany {
        id: CompanyId(number),
        program: ProgramId(number + 1_000),
        name: format!("Company {number}"),
        domain: format!("https://shop-{number}.example"),
        email: format!("owner-{number}@example.com"),
        email_hash: EmailHash(u128::from(number)),
        terms: terms(ProgramId(number + 1_000), 1),
        payout: Payout { schedule: PayoutSchedule::Monthly, minimum_minor: 5_000 },
        keys: vec![key(number * 10, CredentialKind::Secret), key(number * 10 + 1, CredentialKind::Publishable)],
        now: NOON,
    }
}

pub(crate) fn key_text(id: u64, kind: CredentialKind) -> String {
    format!("{}{id:032}", kind.prefix())
}

pub(crate) fn key(id: u64, kind: CredentialKind) -> NewCredential {
    NewCredential::of(KeyId(id), kind, &key_text(id, kind))
}

/// A link of whoever has the address that follows from `partner`.
pub(crate) fn new_link(number: u64, company: u64, partner: u64) -> NewLink {
    NewLink {
        id: LinkId(number),
        code: Code::parse(&format!("Code-{number}")).unwrap(),
        company: CompanyId(company),
        partner: addressed(partner),
        destination: format!("https://shop-{company}.example/{number}"),
        name: None,
        now: NOON,
    }
}

pub(crate) fn addressed(partner: u64) -> LinkPartner {
    LinkPartner::Addressed {
        email: format!("partner-{partner}@example.com"),
        email_hash: EmailHash(1 << 80 | u128::from(partner)),
        id_if_new: PartnerId(partner),
    }
}
