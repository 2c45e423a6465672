//! Connections to Postgres, shared by ledger and catalog.

pub(crate) mod ledger;

use std::{fs::File, io::BufReader, str::FromStr as _, sync::Arc, time::Duration};

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts};
use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_postgres::{Config, config::SslMode, error::SqlState};
use tokio_postgres_rustls::MakeRustlsConnect;
use url::Url;

use crate::{OpenError, StoreError};

pub(crate) mod catalog;

mod bounded;
mod migrate;
mod query;
mod row;

/// How long a new connection may take, and how long one is waited for while all are in use.
const CONNECT_WAIT: Duration = Duration::from_secs(5);
const POOL_WAIT: Duration = Duration::from_secs(10);

/// After how long without an answer a connection counts as lost.
const DEAD_AFTER: Duration = Duration::from_secs(30);

/// What every connection starts with: no statement, wait for a lock or idle transaction lasts for ever, whoever is paused holds rows no
/// longer than this, and a commit is on disk. A transaction may set its own.
const SESSION: &str = "-c statement_timeout=10s -c lock_timeout=5s -c idle_in_transaction_session_timeout=10s \
                       -c synchronous_commit=on -c jit=off -c default_transaction_isolation=read\\ committed";

/// A pool of connections.
#[derive(Clone)]
pub struct Postgres {
    pool: Pool,
    /// Host, port and database: what may be said in an error.
    pub(crate) address: String,
}

impl Postgres {
    /// Connects once, so that what is wrong with the URL is said at start.
    pub async fn open(url: &str, connections: usize) -> Result<Postgres, OpenError> {
        let (mut config, tls) = read(url)?;
        config.application_name("refmill").connect_timeout(CONNECT_WAIT).tcp_user_timeout(DEAD_AFTER);
        config.options(format!("{} {SESSION}", config.get_options().unwrap_or_default()).trim_start());
        let address = address(&config);
        let manager_config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let pool = Pool::builder(Manager::from_config(config, tls, manager_config))
            .max_size(connections)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts { wait: Some(POOL_WAIT), create: Some(CONNECT_WAIT), recycle: Some(CONNECT_WAIT) })
            .build()
            .map_err(|error| bad_url(error.to_string()))?;
        let postgres = Postgres { pool, address };
        match postgres.pool.get().await {
            Ok(_) => Ok(postgres),
            Err(error) => Err(postgres.explain(&error)),
        }
    }

    pub(crate) async fn client(&self) -> Result<Object, StoreError> {
        Ok(self.pool.get().await?)
    }

    /// Ends all connections, whoever holds a handle.
    pub fn close(&self) {
        self.pool.close();
    }

    fn explain(&self, error: &deadpool_postgres::PoolError) -> OpenError {
        let (server, flag, address) = ("Postgres", "postgres", self.address.clone());
        let refused = match error {
            deadpool_postgres::PoolError::Backend(error) => error.as_db_error(),
            _ => None,
        };
        match refused {
            Some(refused) if *refused.code() == SqlState::INVALID_CATALOG_NAME => OpenError::Unfit {
                server,
                address,
                problem: refused.message().to_owned(),
                advice: "Make it with CREATE DATABASE, or name another in --postgres".to_owned(),
            },
            Some(refused) if refuses_user(refused.code()) => {
                OpenError::Unauthorized { server, flag, address, problem: refused.message().to_owned() }
            }
            Some(refused) => OpenError::Unreachable { server, flag, address, problem: refused.message().to_owned() },
            None => OpenError::unreachable(server, flag, address, crate::error::whole(error)),
        }
    }
}

fn refuses_user(code: &SqlState) -> bool {
    [SqlState::INVALID_PASSWORD, SqlState::INVALID_AUTHORIZATION_SPECIFICATION, SqlState::INSUFFICIENT_PRIVILEGE]
        .contains(code)
}

/// The connection's settings, and whom to trust: the system's authorities, or those in the file that `sslrootcert` names.
fn read(url: &str) -> Result<(Config, MakeRustlsConnect), OpenError> {
    let mut url = Url::parse(url).map_err(|error| bad_url(error.to_string()))?;
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let root = pairs.iter().find(|(name, _)| name == "sslrootcert").map(|(_, file)| file.clone());
    let kept: Vec<_> = pairs.into_iter().filter(|(name, _)| name != "sslrootcert").collect();
    url.set_query(None);
    if !kept.is_empty() {
        url.query_pairs_mut().extend_pairs(kept);
    }
    let mut config = Config::from_str(url.as_str()).map_err(|error| bad_url(error.to_string()))?;
    if root.is_some() && config.get_ssl_mode() == SslMode::Prefer {
        config.ssl_mode(SslMode::Require);
    }
    Ok((config, MakeRustlsConnect::new(trust(root)?)))
}

fn trust(root: Option<String>) -> Result<ClientConfig, OpenError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| bad_url(error.to_string()))?;
    let Some(file) = root else {
        let verified = builder.with_platform_verifier().map_err(|error| bad_url(error.to_string()))?;
        return Ok(verified.with_no_client_auth());
    };
    let unreadable = |problem: String| bad_url(format!("sslrootcert {file}: {problem}"));
    let mut pem = BufReader::new(File::open(&file).map_err(|error| unreadable(error.to_string()))?);
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&mut pem).map_err(&unreadable)? {
        roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn certificates(pem: &mut impl std::io::BufRead) -> Result<Vec<CertificateDer<'static>>, String> {
    use rustls::pki_types::pem::PemObject as _;
    CertificateDer::pem_reader_iter(pem).collect::<Result<_, _>>().map_err(|error| error.to_string())
}

fn address(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(tokio_postgres::config::Host::Tcp(host)) => host.clone(),
        Some(tokio_postgres::config::Host::Unix(path)) => path.display().to_string(),
        None => "localhost".to_owned(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    format!("{host}:{port}/{}", config.get_dbname().unwrap_or_default())
}

fn bad_url(problem: String) -> OpenError {
    OpenError::BadUrl { flag: "postgres", problem }
}
