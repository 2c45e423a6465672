//! The catalog: companies, programs, terms, partners, links, keys and accounts. Written by the API, followed by edges.
//!
//! Time, ids and random material are arguments. A verb that edges must learn of returns the number of its change.

use std::{collections::HashMap, path::Path, sync::Arc};

use schemas::{
    catalog::{ChangeNo, KeyRow},
    code::Code,
    hashes::EmailHash,
    ids::{CompanyId, LinkId, PartnerId},
    time::TimeMs,
};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use crate::{
    DeploymentId, Listed, OpenError, Page, Postgres, StoreError, postgres::catalog::PostgresCatalog,
    sqlite::catalog::SqliteCatalog,
};

pub(crate) mod chance;
pub(crate) mod terms_cache;

mod account;
mod company;
mod follow;
mod keys;
mod link;
mod partner;

pub use account::{
    AccountKind, IssueError, Issued, MAGIC_LINK_MS, MAIL_WINDOW_MS, MAILS_AN_ADDRESS, MAILS_AN_IP, NewMagicLink,
    Principal, RedeemError, Redeemed, Session,
};
pub use company::{
    Company, CompanyError, CompanyStatus, NewCompany, NewCredential, OpenProgram, Paused, Payout, PayoutSchedule,
    RegisterError, SettingsPatch,
};
pub(crate) use follow::ChangeKind;
pub use follow::{Changes, DecisionKeys, DecisionRows, LoadFrom, LoadPage};
pub(crate) use keys::CHECKED_AFTER_DAYS;
pub use keys::{
    BOTH_DAYS_MS, DayKey, DayKeys, DayKeysNow, FreshKeys, PUBLISHED_AHEAD_MS, PublishedReceiptKey,
    RECEIPT_KEY_KEPT_DAYS, RECEIPT_KEY_SIGNS_DAYS, ReceiptKeys, Rotated, Secrets,
};
pub(crate) use link::LinksOf;
pub use link::{Link, LinkError, LinkPartner, Linked, NewLink, PartnerProgram};
pub use partner::Partner;

#[derive(Clone)]
pub enum Catalog {
    Embedded(Arc<SqliteCatalog>),
    Distributed(Arc<PostgresCatalog>),
}

/// What is kept of a secret with 128 or more random bits: its SHA-256.
pub fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

impl Catalog {
    /// Opens `catalog.db` in the folder; at the first start the deployment's id and secrets are made.
    pub fn open(folder: &Path, now: TimeMs) -> Result<Catalog, OpenError> {
        SqliteCatalog::open(folder, now).map(|catalog| Catalog::Embedded(Arc::new(catalog)))
    }

    /// Brings the schema `catalog` up to date; at the first start of all processes the deployment's id and secrets are made.
    pub async fn connect(postgres: Postgres, now: TimeMs) -> Result<Catalog, OpenError> {
        PostgresCatalog::connect(postgres, now).await.map(|catalog| Catalog::Distributed(Arc::new(catalog)))
    }

    pub fn deployment(&self) -> DeploymentId {
        match self {
            Catalog::Embedded(catalog) => catalog.deployment(),
            Catalog::Distributed(catalog) => catalog.deployment(),
        }
    }

    /// Runs what waits and ends the store for every handle.
    pub async fn close(&self) {
        match self {
            Catalog::Embedded(catalog) => catalog.close().await,
            Catalog::Distributed(catalog) => catalog.close().await,
        }
    }

    pub fn secrets(&self) -> &Secrets {
        match self {
            Catalog::Embedded(catalog) => catalog.secrets(),
            Catalog::Distributed(catalog) => catalog.secrets(),
        }
    }

    /// The newest change; wakes after its commit.
    pub fn latest(&self) -> watch::Receiver<ChangeNo> {
        match self {
            Catalog::Embedded(catalog) => catalog.latest(),
            Catalog::Distributed(catalog) => catalog.latest(),
        }
    }

    /// The day keys that may be used at `now`. Load them again within a day: tomorrow's is there by then.
    pub async fn day_keys(&self, now: TimeMs) -> Result<DayKeys, StoreError> {
        match self {
            Catalog::Embedded(catalog) => catalog.day_keys(now).await,
            Catalog::Distributed(catalog) => catalog.day_keys(now).await,
        }
    }

    pub async fn receipt_keys(&self) -> Result<ReceiptKeys, StoreError> {
        match self {
            Catalog::Embedded(catalog) => catalog.receipt_keys().await,
            Catalog::Distributed(catalog) => catalog.receipt_keys().await,
        }
    }

    /// Makes the keys that are due and destroys those past their time, with expired magic links, sessions and counts of mails.
    pub async fn rotate_keys(&self, now: TimeMs, fresh: FreshKeys) -> Result<Rotated, StoreError> {
        match self {
            Catalog::Embedded(catalog) => catalog.rotate_keys(now, fresh).await,
            Catalog::Distributed(catalog) => catalog.rotate_keys(now, fresh).await,
        }
    }

    /// Changes after `after`, at most `limit`, oldest first; a row that changed twice comes once.
    pub async fn changes_since(&self, after: ChangeNo, limit: u32) -> Result<Changes, StoreError> {
        match self {
            Catalog::Embedded(catalog) => catalog.changes_since(after, limit).await,
            Catalog::Distributed(catalog) => catalog.changes_since(after, limit).await,
        }
    }

    /// All rows that edges follow, a page a call, from the start with None.
    pub async fn load_page(&self, from: Option<LoadFrom>, limit: u32) -> Result<LoadPage, StoreError> {
        match self {
            Catalog::Embedded(catalog) => catalog.load_page(from, limit).await,
            Catalog::Distributed(catalog) => catalog.load_page(from, limit).await,
        }
    }

    pub async fn decision_rows(&self, wanted: DecisionKeys) -> Result<DecisionRows, StoreError> {
        match self {
            Catalog::Embedded(catalog) => catalog.decision_rows(wanted).await,
            Catalog::Distributed(catalog) => catalog.decision_rows(wanted).await,
        }
    }

    pub async fn register_company(&self, company: NewCompany) -> Result<ChangeNo, RegisterError> {
        match self {
            Catalog::Embedded(catalog) => catalog.register_company(company).await,
            Catalog::Distributed(catalog) => catalog.register_company(company).await,
        }
    }

    pub async fn company(&self, id: CompanyId) -> Result<Option<Company>, StoreError> {
        match self {
            Catalog::Embedded(catalog) => catalog.company(id).await,
            Catalog::Distributed(catalog) => catalog.company(id).await,
        }
    }

    pub async fn company_by_email(&self, email: EmailHash) -> Result<Option<CompanyId>, StoreError> {
        match self {
            Catalog::Embedded(catalog) => catalog.company_by_email(email).await,
            Catalog::Distributed(catalog) => catalog.company_by_email(email).await,
        }
    }

    pub async fn company_names(&self, ids: Vec<CompanyId>) -> Result<HashMap<CompanyId, String>, StoreError> {
        match self {
            Catalog::Embedded(catalog) => catalog.company_names(ids).await,
            Catalog::Distributed(catalog) => catalog.company_names(ids).await,
        }
    }

    /// Sets what the patch names, or nothing if it is refused.
    pub async fn update_settings(&self, company: CompanyId, patch: SettingsPatch) -> Result<Company, CompanyError> {
        match self {
            Catalog::Embedded(catalog) => catalog.update_settings(company, patch).await,
            Catalog::Distributed(catalog) => catalog.update_settings(company, patch).await,
        }
    }

    /// Gives the company a key of this kind in place of the one it has, which is revoked at once.
    pub async fn replace_key(
        &self,
        company: CompanyId,
        key: NewCredential,
        now: TimeMs,
    ) -> Result<ChangeNo, CompanyError> {
        match self {
            Catalog::Embedded(catalog) => catalog.replace_key(company, key, now).await,
            Catalog::Distributed(catalog) => catalog.replace_key(company, key, now).await,
        }
    }

    pub async fn credential_by_digest(&self, digest: [u8; 32]) -> Result<Option<KeyRow>, StoreError> {
        match self {
            Catalog::Embedded(catalog) => catalog.credential_by_digest(digest).await,
            Catalog::Distributed(catalog) => catalog.credential_by_digest(digest).await,
        }
    }

    pub async fn toggle_pause(&self, company: CompanyId) -> Result<Paused, CompanyError> {
        match self {
            Catalog::Embedded(catalog) => catalog.toggle_pause(company).await,
            Catalog::Distributed(catalog) => catalog.toggle_pause(company).await,
        }
    }

    /// Programs that are not paused, oldest first.
    pub async fn open_programs(&self, page: Page) -> Result<Listed<OpenProgram>, StoreError> {
        match self {
            Catalog::Embedded(catalog) => catalog.open_programs(page).await,
            Catalog::Distributed(catalog) => catalog.open_programs(page).await,
        }
    }

    pub async fn create_link(&self, link: NewLink) -> Result<Linked, LinkError> {
        match self {
            Catalog::Embedded(catalog) => catalog.create_link(link).await,
            Catalog::Distributed(catalog) => catalog.create_link(link).await,
        }
    }

    /// Makes a partner's first link in a program.
    pub async fn join_program(&self, link: NewLink) -> Result<Linked, LinkError> {
        match self {
            Catalog::Embedded(catalog) => catalog.join_program(link).await,
            Catalog::Distributed(catalog) => catalog.join_program(link).await,
        }
    }

    pub async fn link(&self, id: LinkId) -> Result<Option<Link>, StoreError> {
        match self {
            Catalog::Embedded(catalog) => catalog.link(id).await,
            Catalog::Distributed(catalog) => catalog.link(id).await,
        }
    }

    /// The link of a code in whatever case.
    pub async fn link_by_code(&self, code: Code) -> Result<Option<Link>, StoreError> {
        match self {
            Catalog::Embedded(catalog) => catalog.link_by_code(code).await,
            Catalog::Distributed(catalog) => catalog.link_by_code(code).await,
        }
    }

    /// Newest first.
    pub async fn links_of_company(&self, company: CompanyId, page: Page) -> Result<Listed<Link>, StoreError> {
        match self {
            Catalog::Embedded(catalog) => catalog.links_of_company(company, page).await,
            Catalog::Distributed(catalog) => catalog.links_of_company(company, page).await,
        }
    }

    /// Newest first.
    pub async fn links_of_partner(&self, partner: PartnerId, page: Page) -> Result<Listed<Link>, StoreError> {
        match self {
            Catalog::Embedded(catalog) => catalog.links_of_partner(partner, page).await,
            Catalog::Distributed(catalog) => catalog.links_of_partner(partner, page).await,
        }
    }

    /// How many partners have links in the company's program.
    pub async fn partner_count(&self, company: CompanyId) -> Result<u64, StoreError> {
        match self {
            Catalog::Embedded(catalog) => catalog.partner_count(company).await,
            Catalog::Distributed(catalog) => catalog.partner_count(company).await,
        }
    }

    /// Companies that the partner has links with, the first joined first.
    pub async fn programs_of_partner(
        &self,
        partner: PartnerId,
        page: Page,
    ) -> Result<Listed<PartnerProgram>, StoreError> {
        match self {
            Catalog::Embedded(catalog) => catalog.programs_of_partner(partner, page).await,
            Catalog::Distributed(catalog) => catalog.programs_of_partner(partner, page).await,
        }
    }

    /// The partner with this address, made under `id_if_new` where there is none.
    pub async fn partner_by_email_or_create(
        &self,
        email: String,
        email_hash: EmailHash,
        id_if_new: PartnerId,
        now: TimeMs,
    ) -> Result<PartnerId, StoreError> {
        match self {
            Catalog::Embedded(catalog) => catalog.partner_by_email_or_create(email, email_hash, id_if_new, now).await,
            Catalog::Distributed(catalog) => {
                catalog.partner_by_email_or_create(email, email_hash, id_if_new, now).await
            }
        }
    }

    pub async fn partner(&self, id: PartnerId) -> Result<Option<Partner>, StoreError> {
        match self {
            Catalog::Embedded(catalog) => catalog.partner(id).await,
            Catalog::Distributed(catalog) => catalog.partner(id).await,
        }
    }

    pub async fn partners(&self, ids: Vec<PartnerId>) -> Result<Vec<Partner>, StoreError> {
        match self {
            Catalog::Embedded(catalog) => catalog.partners(ids).await,
            Catalog::Distributed(catalog) => catalog.partners(ids).await,
        }
    }

    /// None where there is no such partner.
    pub async fn set_partner_name(&self, id: PartnerId, name: String) -> Result<Option<Partner>, StoreError> {
        match self {
            Catalog::Embedded(catalog) => catalog.set_partner_name(id, name).await,
            Catalog::Distributed(catalog) => catalog.set_partner_name(id, name).await,
        }
    }

    pub async fn issue_magic_link(&self, link: NewMagicLink) -> Result<Issued, IssueError> {
        match self {
            Catalog::Embedded(catalog) => catalog.issue_magic_link(link).await,
            Catalog::Distributed(catalog) => catalog.issue_magic_link(link).await,
        }
    }

    /// Uses a magic link up. A partner's account is made under `id_if_new` where its address has none.
    pub async fn redeem_magic_link(
        &self,
        token_digest: [u8; 32],
        id_if_new: PartnerId,
        now: TimeMs,
    ) -> Result<Redeemed, RedeemError> {
        match self {
            Catalog::Embedded(catalog) => catalog.redeem_magic_link(token_digest, id_if_new, now).await,
            Catalog::Distributed(catalog) => catalog.redeem_magic_link(token_digest, id_if_new, now).await,
        }
    }

    pub async fn start_session(&self, session: Session) -> Result<(), StoreError> {
        match self {
            Catalog::Embedded(catalog) => catalog.start_session(session).await,
            Catalog::Distributed(catalog) => catalog.start_session(session).await,
        }
    }

    pub async fn session_is_live(&self, id: u128, now: TimeMs) -> Result<bool, StoreError> {
        match self {
            Catalog::Embedded(catalog) => catalog.session_is_live(id, now).await,
            Catalog::Distributed(catalog) => catalog.session_is_live(id, now).await,
        }
    }

    pub async fn end_session(&self, id: u128) -> Result<(), StoreError> {
        match self {
            Catalog::Embedded(catalog) => catalog.end_session(id).await,
            Catalog::Distributed(catalog) => catalog.end_session(id).await,
        }
    }

    pub async fn end_all_sessions(&self, principal: Principal) -> Result<(), StoreError> {
        match self {
            Catalog::Embedded(catalog) => catalog.end_all_sessions(principal).await,
            Catalog::Distributed(catalog) => catalog.end_all_sessions(principal).await,
        }
    }
}
