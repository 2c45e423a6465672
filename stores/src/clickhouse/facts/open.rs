use std::sync::atomic::AtomicBool;

use tokio::sync::{Mutex, watch};

use super::{ClickHouseFacts, INSERTS_AT_ONCE, migrate::migrate};
use crate::{OpenError, Servers, clickhouse::ClickHouse, facts::Held};

impl ClickHouseFacts {
    pub(crate) async fn connect(servers: &Servers) -> Result<ClickHouseFacts, OpenError> {
        let server = ClickHouse::open(&servers.clickhouse, &servers.prefix).await?;
        migrate(&server, servers.partitions).await?;
        Ok(ClickHouseFacts {
            server,
            held: watch::Sender::new(Held::default()),
            turns: [const { Mutex::const_new(()) }; INSERTS_AT_ONCE],
            is_closed: AtomicBool::new(false),
        })
    }
}
