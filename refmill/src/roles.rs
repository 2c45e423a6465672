//! What a process does, from its first line to its last: prepare the ground, start the role's parts, wait for a signal, drain.

use anyhow::Context as _;
use stores::Shape;

use crate::{config::Config, shutdown::Signals};

mod api;
mod front;
mod ground;
mod ingest;
mod mail;
mod parts;
mod process;
mod readiness;
mod servers;
mod up;

/// All roles, or one of any number of processes around the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Up,
    Ingest,
    Process,
    Api,
}

pub(crate) async fn run(config: Config, role: Role) -> anyhow::Result<()> {
    let shape = role.shape(&config)?;
    let mut signals = Signals::register()?;
    let opened = tokio::select! {
        opened = ground::open(config, role, &shape) => opened?,
        signal = signals.next() => {
            tracing::info!(signal, "ended before it had started");
            return Ok(());
        }
    };
    let (ground, listener) = opened;
    let parts = match role {
        Role::Up => up::start(&ground, listener).await,
        Role::Ingest => ingest::start(&ground, listener).await,
        Role::Process => process::start(&ground, listener).await,
        Role::Api => api::start(&ground, listener).await,
    };
    let parts = parts.with_context(|| format!("`refmill {}` could not start", role.name()))?;
    parts.run(ground, signals).await
}

impl Role {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Role::Up => "up",
            Role::Ingest => "ingest",
            Role::Process => "process",
            Role::Api => "api",
        }
    }

    /// Which stores it opens.
    fn stores(self) -> stores::Roles {
        let is = |role| self == Role::Up || self == role;
        stores::Roles { ingests: is(Role::Ingest), decides: is(Role::Process), shows: is(Role::Api) }
    }

    /// Only a process that does everything can do without servers.
    fn shape(self, config: &Config) -> anyhow::Result<Shape> {
        match self {
            Role::Up => Ok(config.shape()),
            _ if config.servers.is_some() => Ok(config.shape()),
            _ => anyhow::bail!(
                "`refmill {}` is one of several processes around four servers: name them with --kafka, --redis, --clickhouse and --postgres, \
                 or run all in one process with `refmill up`",
                self.name()
            ),
        }
    }
}
