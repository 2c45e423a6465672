//! A database of a test's own on the Postgres that the tests are given. It goes with the test.

use tokio_postgres::{Client, NoTls};
use url::Url;

pub(crate) struct Database {
    server: String,
    name: String,
    pub(crate) url: String,
}

impl Database {
    pub(crate) async fn make() -> Database {
        let server = std::env::var("REFMILL_TEST_POSTGRES")
            .expect("no Postgres: start the servers with `eval \"$(./scripts/services up)\"`, or run ./scripts/test");
        Database::make_on(&server).await
    }

    /// On a server whose user may make databases.
    pub(crate) async fn make_on(server: &str) -> Database {
        let mut random = [0; 8];
        getrandom::fill(&mut random).unwrap();
        let name = format!("catalog_{:016x}", u64::from_be_bytes(random));
        connect(server).await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let mut url = Url::parse(server).unwrap();
        url.set_path(&name);
        Database { server: server.to_owned(), name, url: url.into() }
    }

    /// A connection beside the catalog's.
    pub(crate) async fn client(&self) -> Client {
        connect(&self.url).await
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, drop_it) = (self.server.clone(), format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { connect(&server).await.batch_execute(&drop_it).await.unwrap() });
        });
        // Where a test failed, its own words matter more than that its server had gone.
        let _ = dropping.join();
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
