//! Where a store under test lives: a folder and a key prefix of its own, both gone at the end.

use std::{
    collections::HashMap,
    env,
    process::{Command, Stdio},
    time::Duration,
};

use redis::{Client, Connection};
use stores::{DeploymentId, Servers, touches::Touches};
use tempfile::TempDir;

pub(crate) const DEPLOYMENT: DeploymentId = DeploymentId(7);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    Embedded,
    Distributed,
}

pub(crate) fn variants() -> [Variant; 2] {
    [Variant::Embedded, Variant::Distributed]
}

pub(crate) struct Home {
    pub(crate) variant: Variant,
    pub(crate) folder: TempDir,
    pub(crate) servers: Servers,
}

impl Home {
    pub(crate) fn new(variant: Variant) -> Home {
        let url = match variant {
            Variant::Embedded => String::new(),
            Variant::Distributed => env::var("REFMILL_TEST_REDIS").expect(
                "no REFMILL_TEST_REDIS: start the servers: eval \"$(./scripts/services up)\", or run ./scripts/test",
            ),
        };
        Home::at(variant, &url)
    }

    pub(crate) fn at(variant: Variant, url: &str) -> Home {
        let prefix = format!("test-{:016x}", getrandom::u64().unwrap());
        Home { variant, folder: TempDir::new().unwrap(), servers: servers(url, &prefix) }
    }

    pub(crate) async fn open(&self) -> Touches {
        match self.variant {
            Variant::Embedded => Touches::open(self.folder.path(), DEPLOYMENT).unwrap(),
            Variant::Distributed => Touches::connect(&self.servers, DEPLOYMENT).await.unwrap(),
        }
    }

    /// The same keys by another way to the server.
    pub(crate) async fn open_by(&self, url: &str) -> Touches {
        Touches::connect(&servers(url, &self.servers.prefix), DEPLOYMENT).await.unwrap()
    }

    /// A look behind the store's back.
    pub(crate) fn outside(&self) -> Connection {
        Client::open(self.servers.redis.as_str()).unwrap().get_connection().unwrap()
    }

    /// Every key there is with the seconds that it will live on; -1 for ever.
    pub(crate) fn keys(&self) -> Vec<(String, i64)> {
        let mut connection = self.outside();
        let names = self.names(&mut connection);
        let ttl = |name: String| {
            let left: i64 = redis::cmd("TTL").arg(&name).query(&mut connection).unwrap();
            (name, left)
        };
        names.into_iter().map(ttl).collect()
    }

    fn names(&self, connection: &mut Connection) -> Vec<String> {
        let (mut cursor, mut names) = (0_u64, Vec::new());
        loop {
            let (next, page): (u64, Vec<String>) = redis::cmd("SCAN")
                .arg(cursor)
                .arg(&["MATCH", &format!("{}:*", self.servers.prefix), "COUNT", "1000"])
                .query(connection)
                .unwrap();
            names.extend(page);
            cursor = next;
            if cursor == 0 {
                return names;
            }
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // A test may have ended its server.
        if self.variant == Variant::Distributed
            && let Ok(client) = Client::open(self.servers.redis.as_str())
            && let Ok(mut connection) = client.get_connection_with_timeout(Duration::from_secs(1))
        {
            for names in self.names(&mut connection).chunks(1_000) {
                let _ = redis::cmd("UNLINK").arg(names).exec(&mut connection);
            }
        }
    }
}

pub(crate) fn servers(redis: &str, prefix: &str) -> Servers {
    Servers {
        kafka: String::new(),
        redis: redis.to_owned(),
        clickhouse: String::new(),
        postgres: String::new(),
        prefix: prefix.to_owned(),
        partitions: 2,
        reply_partitions: 1,
        replication: 1,
        session: Duration::from_secs(10),
        postgres_connections: 1,
    }
}

/// A Redis of its own, to be misused.
pub(crate) struct OwnRedis {
    pub(crate) folder: TempDir,
    pub(crate) url: String,
}

const SERVICES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/services");

impl OwnRedis {
    pub(crate) fn start() -> OwnRedis {
        let folder = TempDir::new().unwrap();
        let parent = std::process::id().to_string();
        let said = services(&folder, &["up", "--with-parent", &parent, "redis"]);
        let lines: HashMap<_, _> =
            said.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('=')).collect();
        let url = lines["REFMILL_TEST_REDIS"].trim_matches(['\'', '"']).to_owned();
        OwnRedis { folder, url }
    }

    /// `kill`, `stop` or `start`.
    pub(crate) fn service(&self, verb: &str) {
        services(&self.folder, &[verb, "redis"]);
    }

    pub(crate) fn command(&self, words: &[&str]) {
        let mut connection = Client::open(self.url.as_str()).unwrap().get_connection().unwrap();
        redis::cmd(words[0]).arg(&words[1..]).exec(&mut connection).unwrap();
    }
}

impl Drop for OwnRedis {
    fn drop(&mut self) {
        services(&self.folder, &["down"]);
    }
}

fn services(folder: &TempDir, arguments: &[&str]) -> String {
    let output = Command::new(SERVICES)
        .args(&arguments[..1])
        .arg("--folder")
        .arg(folder.path().join("services"))
        .args(&arguments[1..])
        .stderr(Stdio::inherit())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "scripts/services {arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}
