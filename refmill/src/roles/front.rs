//! What those have in common that append events and wait for decisions: the edge and the API.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use api::{ApiDeps, Ready, mail::MailQueue};
use governor::clock::MonotonicClock;
use ingest::{
    address::TrustedProxies,
    agent::Agents,
    body::Budget,
    counts::RefusedCounts,
    edge::{Edge, EdgeConfig},
    follower::Follower,
    limiter::{ClickLimiter, KeyLimiter},
    spool::Spool,
    stamp::EventIds,
    waiters::Waiters,
};
use tokio::task::JoinSet;

use super::ground::Ground;
use crate::{clock::now, keys::random};

pub(super) struct Front {
    pub(super) follower: Follower,
    pub(super) ids: Arc<EventIds>,
    waiters: Waiters,
    key_limiter: Arc<KeyLimiter>,
    refused: Arc<RefusedCounts>,
    bodies: Budget,
    decision_wait: Duration,
}

impl Front {
    /// Starts the tasks that follow the catalog and this process's reply partition.
    pub(super) async fn start(ground: &Ground, tasks: &mut JoinSet<()>) -> anyhow::Result<Front> {
        let (limits, stores) = (&ground.config.limits, &ground.deployment);
        let process = u64::from_be_bytes(random()?);
        let (follower, following) = Follower::start(stores.catalog.clone(), now, ground.working.clone()).await?;
        let reply_partition = reply_partition(process, stores.log.reply_partitions());
        let decisions = stores.log.follow_decisions(reply_partition);
        let (waiters, answering) = Waiters::start(decisions, reply_partition, limits.waiters, ground.working.clone());
        tasks.spawn(following);
        tasks.spawn(answering);
        Ok(Front {
            follower,
            ids: Arc::new(EventIds::new(process)),
            waiters,
            key_limiter: Arc::new(KeyLimiter::new(limits.requests_per_key_per_second, MonotonicClock)?),
            refused: Arc::new(RefusedCounts::default()),
            bodies: Budget::default(),
            decision_wait: Duration::from_millis(limits.decision_wait_ms),
        })
    }

    /// A process that takes no events in has one too: what its API refuses is told to the log as the edge's refusals are.
    pub(super) fn edge(&self, ground: &Ground, takes_events: bool, spool: Option<Spool>) -> anyhow::Result<Arc<Edge>> {
        let config = &ground.config;
        Ok(Arc::new(Edge {
            config: EdgeConfig {
                trusted_proxies: TrustedProxies::from(config.trusted_proxies.clone()),
                takes_events,
                decision_wait: self.decision_wait,
                limiter_key: random()?,
            },
            log: ground.deployment.log.clone(),
            spool,
            follower: self.follower.clone(),
            waiters: self.waiters.clone(),
            ids: Arc::clone(&self.ids),
            clicks: ClickLimiter::new(config.limits.clicks_per_ip_per_hour, MonotonicClock)?,
            key_limiter: Arc::clone(&self.key_limiter),
            agents: Agents::new(u64::from_be_bytes(random()?)),
            bodies: self.bodies.clone(),
            refused: Arc::clone(&self.refused),
            now,
        }))
    }

    pub(super) fn api(self, ground: &Ground, mail: MailQueue, ready: Ready) -> anyhow::Result<ApiDeps> {
        let stores = &ground.deployment;
        Ok(ApiDeps {
            catalog: stores.catalog.clone(),
            ledger: stores.ledger.clone(),
            facts: stores.facts.clone().context("the API was started without facts")?,
            log: stores.log.clone(),
            follower: self.follower,
            waiters: self.waiters,
            ids: self.ids,
            key_limiter: self.key_limiter,
            refused: self.refused,
            bodies: self.bodies,
            mail,
            public_url: ground.public_url(),
            decision_wait: self.decision_wait,
            ready,
            now,
        })
    }
}

/// Processes spread over the reply partitions by chance: two on one read each other's decisions, and pass them over.
fn reply_partition(process: u64, partitions: u32) -> u32 {
    (process % u64::from(partitions.max(1))) as u32
}
