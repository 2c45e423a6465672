//! A ClickHouse of the test's own, which it may stop and kill; and what is wrong with a URL.

use std::{path::Path, process::Command, time::Duration};

use stores::{
    DeploymentId, OpenError, StoreError,
    facts::{Facts, InsertError},
};
use tempfile::TempDir;

use crate::{
    database::Database,
    place::{NOON, block, click, clicked},
};

/// Longer than anything may take to say that the server is away.
const BOUND: Duration = Duration::from_secs(20);

struct OwnServer {
    folder: TempDir,
    url: String,
}

impl OwnServer {
    fn start() -> OwnServer {
        let folder = tempfile::tempdir().unwrap();
        let said = services(folder.path(), "up", &["clickhouse"]);
        let url = said.lines().find_map(|line| line.strip_prefix("export REFMILL_TEST_CLICKHOUSE=")).unwrap();
        let url = url.trim_matches(['\'', '"']).to_owned();
        OwnServer { folder, url }
    }

    fn tell(&self, verb: &str) {
        services(self.folder.path(), verb, &["clickhouse"]);
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        services(self.folder.path(), "down", &[]);
    }
}

fn services(folder: &Path, verb: &str, names: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/services");
    let parent = std::process::id().to_string();
    let mut command = Command::new(script);
    command.arg(verb).arg("--folder").arg(folder).env_remove("REFMILL_TEST_CLICKHOUSE");
    if verb == "up" {
        command.args(["--with-parent", &parent]);
    }
    let done = command.args(names).output().unwrap();
    assert!(done.status.success(), "{verb}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

#[tokio::test]
async fn a_server_that_goes_and_comes_back() {
    let server = OwnServer::start();
    let database = Database::at(&server.url);
    let facts = Facts::connect(&database.servers, DeploymentId(1)).await.unwrap();
    let next = |offset| block(offset, offset + 1, vec![clicked(click(offset, NOON))]);
    facts.insert(next(0)).await.unwrap();
    for (offset, verb) in [(1, "stop"), (2, "kill")] {
        server.tell(verb);
        let refused = tokio::time::timeout(BOUND, facts.insert(next(offset))).await.expect("an answer in time");
        assert!(matches!(refused, Err(InsertError::Store(StoreError::ClickHouse(_)))), "{refused:?}");
        assert!(tokio::time::timeout(BOUND, facts.stored_up_to(0)).await.expect("an answer in time").is_err());
        let unreachable = Facts::connect(&database.servers, DeploymentId(1)).await.map(drop);
        assert!(matches!(unreachable, Err(OpenError::Unreachable { .. })), "{unreachable:?}");
        server.tell("start");
        // What was in before is known as sent before, whoever sends it.
        let other = Facts::connect(&database.servers, DeploymentId(1)).await.unwrap();
        for before in 0..offset {
            other.insert(next(before)).await.unwrap();
        }
        facts.insert(next(offset)).await.unwrap();
        let all = i64::try_from(offset).unwrap() + 1;
        assert_eq!(database.clicks().await, [all; 5], "after {verb}");
    }
}

#[tokio::test]
async fn the_drivers_own_parameters_are_taken() {
    let server = OwnServer::start();
    let client = Database::at(&server.url).client().with_database("default");
    let texts = ["it's; -- a\ttab\nand a line", "naïve \\", ""];
    let query = client.query("SELECT {n:UInt64}, arrayStringConcat({list:Array(String)}, '|'), ?");
    let query = query.param("n", u64::MAX).param("list", texts.as_slice()).bind("bound");
    let row: (u64, String, String) = query.fetch_one().await.unwrap();
    assert_eq!(row, (u64::MAX, texts.join("|"), "bound".to_owned()));
    assert_eq!(client.query("SELECT 1::UInt64").fetch_one::<u64>().await.unwrap(), 1, "and without any");
    let refused = client.query("SELECT {n:UInt64}").param("n", "seven").fetch_one::<u64>().await.unwrap_err();
    assert!(refused.to_string().contains("457"), "{refused}");
}

async fn refused(url: &str) -> OpenError {
    let mut servers = Database::new().servers.clone();
    url.clone_into(&mut servers.clickhouse);
    let refused =
        tokio::time::timeout(BOUND, Facts::connect(&servers, DeploymentId(1))).await.expect("an answer in time");
    refused.map(drop).expect_err(url)
}

#[tokio::test]
async fn what_is_wrong_with_a_url_is_said() {
    let right = Database::new().servers.clickhouse.clone();
    let with = |user: &str| right.replacen("://", &format!("://{user}@"), 1);
    let wrong = refused(&with("refmill:w%72ong-secret")).await;
    assert!(matches!(wrong, OpenError::Unauthorized { .. }), "{wrong:?}");
    assert!(!wrong.to_string().contains("secret"), "{wrong}");
    assert!(matches!(refused(&with("nobody:x")).await, OpenError::Unauthorized { .. }));
    assert!(matches!(refused("http://127.0.0.1:1").await, OpenError::Unreachable { .. }));
    for wrong in ["clickhouse", "ftp://127.0.0.1:1", &format!("{right}/?async=1"), "http://u:%zz@127.0.0.1:1"] {
        assert!(matches!(refused(wrong).await, OpenError::BadUrl { .. }), "{wrong}");
    }
    let mut named = Database::new();
    named.servers.clickhouse = format!("{}/{}?compression=none", with("re%66mill:refmill"), named.servers.prefix);
    named.servers.prefix = "not_used".to_owned();
    let facts = Facts::connect(&named.servers, DeploymentId(1)).await.unwrap();
    facts.insert(block(0, 1, vec![clicked(click(0, NOON))])).await.unwrap();
    assert_eq!(facts.read(0, 0, 1).await.unwrap(), [clicked(click(0, NOON))]);
    let name = named.servers.clickhouse.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
    Database::new().execute(&format!("DROP DATABASE {name}")).await.unwrap_err();
    named.servers.prefix = name;
    named.servers.clickhouse = right;
}
