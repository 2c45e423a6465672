//! What people and companies call: accounts, settings, lists, dashboards and their documentation. Reads stores, writes the
//! catalog, and has everything that changes money appended to the log.
#![expect(unused_qualifications, reason = "utoipa's macros write them")]

mod affiliates;
mod auth;
mod balances;
mod body;
mod companies;
mod conversions;
mod decided;
mod domain;
mod email;
mod error;
mod health;
mod links;
mod number;
mod openapi;
mod paging;
mod period;
mod programs;
mod query;
mod reply;
mod routes;
mod secret;
mod segment;

pub mod mail;

use std::{sync::Arc, time::Duration};

use ingest::{
    body::Budget, counts::RefusedCounts, follower::Follower, limiter::KeyLimiter, stamp::EventIds, waiters::Waiters,
};
use schemas::{catalog::ChangeNo, time::TimeMs};
use stores::{catalog::Catalog, facts::Facts, ledger::Ledger, log::Log};

pub use email::Email;
pub use health::{Condition, Ready};
pub use routes::{router, surroundings};

use auth::token::TokenKey;

/// How many partners, sources, pages and companies an overview names.
const TOP: u32 = 20;

/// What the API works with.
pub struct ApiDeps {
    pub catalog: Catalog,
    pub ledger: Ledger,
    pub facts: Facts,
    pub log: Log,
    pub follower: Follower,
    pub waiters: Waiters,
    pub ids: Arc<EventIds>,
    /// Shared with the edge: a key has one limit.
    pub key_limiter: Arc<KeyLimiter>,
    /// Shared with the edge, which has the log know.
    pub refused: Arc<RefusedCounts>,
    /// Shared with the edge: the memory of all bodies.
    pub bodies: Budget,
    pub mail: mail::MailQueue,
    /// Without a slash at its end: what links and snippets name.
    pub public_url: String,
    /// How long a request waits for a decision.
    pub decision_wait: Duration,
    pub ready: Ready,
    pub now: fn() -> TimeMs,
}

pub(crate) type Api = Arc<ApiDeps>;

impl ApiDeps {
    fn tokens(&self) -> TokenKey {
        TokenKey::new(&self.catalog.secrets().jwt_key)
    }

    /// Waits until this process's edge knows a change, so that the next request finds it.
    async fn settled(&self, change: ChangeNo) {
        if !self.follower.reached(change).await {
            tracing::warn!(change = change.0, "the edge is behind the catalog");
        }
    }
}
