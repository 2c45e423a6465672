use std::sync::atomic::AtomicBool;

use tokio::sync::{Mutex, watch};

use super::{ClickHouseFacts, INSERTS_AT_ONCE, bind::bind, migrate::migrate};
use crate::{DeploymentId, OpenError, Servers, clickhouse::ClickHouse, facts::Held};

impl ClickHouseFacts {
    pub(crate) async fn connect(servers: &Servers, deployment: DeploymentId) -> Result<ClickHouseFacts, OpenError> {
        let server = ClickHouse::open(&servers.clickhouse, &servers.prefix).await?;
        migrate(&server, servers.partitions).await?;
        bind(&server, deployment).await?;
        Ok(ClickHouseFacts {
            server,
            held: watch::Sender::new(Held::default()),
            turns: [const { Mutex::const_new(()) }; INSERTS_AT_ONCE],
            is_closed: AtomicBool::new(false),
        })
    }
}
