//! A test's own part of the servers that run for all tests: topics, keys and databases. The databases go with it; topics and keys are
//! as random as their name.

use std::{
    net::SocketAddr,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, UNIX_EPOCH},
};

use stores::Servers;

pub(crate) struct Around {
    pub(crate) servers: Servers,
    postgres: String,
    clickhouse: String,
}

impl Around {
    pub(crate) fn new(partitions: u32) -> Around {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let at = UNIX_EPOCH.elapsed().expect("a clock that is right").as_micros();
        let prefix = format!("road_{}_{at}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let (postgres, clickhouse) = (given("POSTGRES"), given("CLICKHOUSE"));
        let servers = Servers {
            kafka: given("KAFKA"),
            redis: given("REDIS"),
            clickhouse: clickhouse.clone(),
            postgres: database_url(&postgres, &prefix),
            prefix,
            partitions,
            reply_partitions: 1,
            replication: 1,
            session: Duration::from_secs(6),
            postgres_connections: 4 + partitions as usize,
        };
        let around = Around { servers, postgres, clickhouse };
        let made = around.psql("CREATE DATABASE").output().expect("psql runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        around
    }

    pub(crate) fn clickhouse(&self) -> SocketAddr {
        host(&self.clickhouse).parse().expect("an address in numbers")
    }

    pub(crate) fn lead_to_clickhouse(&mut self, by: SocketAddr) {
        self.servers.clickhouse = self.clickhouse.replacen(host(&self.clickhouse), &by.to_string(), 1);
    }

    fn psql(&self, verb: &str) -> Command {
        let mut command = Command::new("psql");
        command.args(["-X", "-q", &self.postgres, "-c", &format!("{verb} {}", self.servers.prefix)]);
        command.stdin(Stdio::null());
        command
    }
}

impl Drop for Around {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {}", self.servers.prefix);
        let mut facts = Command::new("curl");
        facts.args([self.clickhouse.as_str(), "-d", &drop]).stdin(Stdio::null());
        for mut command in [self.psql("DROP DATABASE"), facts] {
            // What is left of a test that failed is in nobody's way.
            let _ = command.output();
        }
    }
}

/// Another database on the same server, whatever else the URL says.
fn database_url(url: &str, database: &str) -> String {
    let (before, query) = url.split_once('?').map_or((url, String::new()), |(start, end)| (start, format!("?{end}")));
    let server = before.rsplit_once('/').expect("a URL that names a database").0;
    format!("{server}/{database}{query}")
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    rest.split(['/', '?']).next().expect("a host")
}

fn given(server: &str) -> String {
    let variable = format!("REFMILL_TEST_{server}");
    let start = "start the servers: eval \"$(./scripts/services up)\", or run ./scripts/test";
    std::env::var(&variable).unwrap_or_else(|_| panic!("{variable} is not set: {start}"))
}
