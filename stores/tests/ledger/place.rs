//! Where a ledger under test lives: in a folder, or in a database of its own on the server.

use std::{
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use rusqlite::Connection;
use stores::{DeploymentId, Postgres, ledger::Ledger};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};
use url::Url;

pub(crate) const DEPLOYMENT: DeploymentId = DeploymentId(7);

/// Connections of a ledger under test at the most.
const CONNECTIONS: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    Embedded,
    Distributed,
}

pub(crate) fn variants() -> [Variant; 2] {
    [Variant::Embedded, Variant::Distributed]
}

pub(crate) enum Place {
    Folder { folder: TempDir, partitions: u32 },
    Server { database: Database, partitions: u32 },
}

impl Place {
    pub(crate) async fn new(variant: Variant, partitions: u32) -> Place {
        match variant {
            Variant::Embedded => Place::Folder { folder: TempDir::new().unwrap(), partitions },
            Variant::Distributed => Place::Server { database: Database::new(&server()).await, partitions },
        }
    }

    pub(crate) async fn open(&self) -> Ledger {
        match self {
            Place::Folder { folder, partitions } => open_folder(folder.path(), *partitions),
            Place::Server { database, partitions } => database.open(*partitions, CONNECTIONS).await,
        }
    }

    /// Of the embedded variant.
    pub(crate) fn folder(&self) -> &Path {
        match self {
            Place::Folder { folder, .. } => folder.path(),
            Place::Server { .. } => panic!("a server has no folder"),
        }
    }
}

/// The embedded shape has one partition; what several do to each other's rows is tried on it all the same.
pub(crate) fn open_folder(folder: &Path, partitions: u32) -> Ledger {
    let ledger = Ledger::open(folder, DEPLOYMENT).unwrap();
    if partitions > 1 {
        let outside = Connection::open(folder.join("ledger.db")).unwrap();
        outside.execute("UPDATE deployment SET partitions = ?1", [partitions]).unwrap();
    }
    ledger
}

pub(crate) fn server() -> String {
    std::env::var("REFMILL_TEST_POSTGRES").unwrap_or_else(|_| {
        panic!("start the servers: eval \"$(./scripts/services up)\", or run ./scripts/test: REFMILL_TEST_POSTGRES is not set")
    })
}

/// Dropped with its last handle.
pub(crate) struct Database {
    server: String,
    name: String,
    pub(crate) url: String,
}

impl Database {
    pub(crate) async fn new(server: &str) -> Database {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ledger_test_{}_{now}_{count}", std::process::id());
        connect(server).await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let mut url = Url::parse(server).unwrap();
        url.set_path(&name);
        Database { server: server.to_owned(), name, url: url.into() }
    }

    pub(crate) async fn open(&self, partitions: u32, connections: usize) -> Ledger {
        let postgres = Postgres::open(&self.url, connections).await.unwrap();
        Ledger::connect(postgres, DEPLOYMENT, partitions).await.unwrap()
    }

    pub(crate) async fn connect(&self) -> Client {
        connect(&self.url).await
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let gone = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (client, connection) = tokio_postgres::connect(&server, NoTls).await?;
                let connection = tokio::spawn(connection);
                client.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await?;
                connection.abort();
                Ok::<_, tokio_postgres::Error>(())
            })
        });
        // A server that the test has stopped took its databases along.
        let _ = gone.join();
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

pub(crate) fn words(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |error| error.message().to_owned())
}
