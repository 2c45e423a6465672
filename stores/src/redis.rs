//! A connection to Redis that comes back by itself, and what must hold of the server.

pub(crate) mod touches;

use std::{fs, time::Duration};

use redis::{
    Client, ErrorKind, IntoConnectionInfo as _, RedisError, ServerErrorKind, TlsCertificates,
    aio::{ConnectionManager, ConnectionManagerConfig},
    io::tcp::TcpSettings,
};
use url::Url;

use crate::OpenError;

/// How long one try to connect may take, how often it is tried again, and the pauses between.
const CONNECT_WAIT: Duration = Duration::from_secs(2);
const CONNECT_RETRIES: usize = 2;
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LONGEST: Duration = Duration::from_millis(500);

/// How long an answer may take. The longest are pages of a load.
const RESPONSE_WAIT: Duration = Duration::from_secs(10);

/// After how long without an acknowledgement a connection counts as lost.
const DEAD_AFTER: Duration = Duration::from_secs(15);

/// Scripts rely on Redis replicating what they did rather than what they are.
const OLDEST_MAJOR: u32 = 6;

const SERVER: &str = "Redis";
const FLAG: &str = "redis";

#[derive(Clone)]
pub(crate) struct Redis {
    connection: ConnectionManager,
    /// Host, port and database: what may be said in an error.
    address: String,
}

impl Redis {
    /// Connects, and refuses a server that could lose what is kept on it without saying so.
    pub(crate) async fn open(url: &str) -> Result<Redis, OpenError> {
        let (client, address) = read(url)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT_WAIT))
            .set_response_timeout(Some(RESPONSE_WAIT))
            .set_number_of_retries(CONNECT_RETRIES)
            .set_min_delay(RETRY_FIRST)
            .set_max_delay(RETRY_LONGEST);
        let said = |error| explain(&error, &address);
        let connection = ConnectionManager::new_with_config(client, config).await.map_err(said)?;
        let redis = Redis { connection, address };
        redis.check().await?;
        Ok(redis)
    }

    /// Refuses a node of a cluster that leaves some of these keys to others, and a user who may not read them.
    pub(crate) async fn check_keys(&self, keys: impl Iterator<Item = String>) -> Result<(), OpenError> {
        let mut pipe = redis::pipe();
        keys.for_each(|key| {
            pipe.cmd("EXISTS").arg(key).ignore();
        });
        pipe.exec_async(&mut self.connection()).await.map_err(|error| explain(&error, &self.address))
    }

    /// Clones share one connection.
    pub(crate) fn connection(&self) -> ConnectionManager {
        self.connection.clone()
    }

    async fn check(&self) -> Result<(), OpenError> {
        let said = |error| explain(&error, &self.address);
        let unfit = |problem: String, advice: &str| OpenError::Unfit {
            server: SERVER,
            address: self.address.clone(),
            problem,
            advice: advice.to_owned(),
        };
        let info: String = redis::cmd("INFO").query_async(&mut self.connection()).await.map_err(said)?;
        let version = line(&info, "redis_version").unwrap_or_default();
        let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        if major.is_none_or(|major| major < OLDEST_MAJOR) {
            return Err(unfit(format!("its version is {version}"), "Redis 6 or newer is needed"));
        }
        if line(&info, "role") == Some("slave") {
            return Err(unfit("it is a replica".to_owned(), "Name its primary in --redis"));
        }
        let policy = match line(&info, "maxmemory_policy") {
            Some(policy) => policy.to_owned(),
            None => self.policy().await.map_err(said)?,
        };
        if policy != "noeviction" {
            return Err(unfit(
                format!("its maxmemory-policy is {policy}, which drops keys when memory is short"),
                "Set maxmemory-policy to noeviction",
            ));
        }
        Ok(())
    }

    /// For servers that leave the policy out of INFO.
    async fn policy(&self) -> Result<String, RedisError> {
        let answer: Vec<String> =
            redis::cmd("CONFIG").arg("GET").arg("maxmemory-policy").query_async(&mut self.connection()).await?;
        Ok(answer.into_iter().nth(1).unwrap_or_else(|| "unknown".to_owned()))
    }
}

fn line<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// The client, and the address without its credentials. `?ca=FILE` names whom to trust instead of the system's authorities.
fn read(url: &str) -> Result<(Client, String), OpenError> {
    let mut url = Url::parse(url).map_err(|error| bad_url(error.to_string()))?;
    if !matches!(url.scheme(), "redis" | "rediss") {
        return Err(bad_url("it must begin with redis:// or rediss://".to_owned()));
    }
    let address = format!("{}:{}{}", url.host_str().unwrap_or_default(), url.port().unwrap_or(6379), url.path());
    let ca = url.query_pairs().find(|(name, _)| name == "ca").map(|(_, file)| file.into_owned());
    url.set_query(None);
    let said = |error: RedisError| bad_url(error.to_string());
    let client = |info| match ca {
        Some(file) => {
            let pem = fs::read(&file).map_err(|error| bad_url(format!("ca {file}: {error}")))?;
            let trusted = TlsCertificates { client_tls: None, root_cert: Some(pem) };
            Client::build_with_tls(info, trusted).map_err(|error| bad_url(format!("ca {file}: {error}")))
        }
        None => Client::open(info).map_err(said),
    };
    if url.scheme() == "rediss" {
        // The client takes the process's default; where there is one already, it is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let info = url.into_connection_info().map_err(said)?;
    Ok((client(info.set_tcp_settings(TcpSettings::default().set_user_timeout(DEAD_AFTER)))?, address))
}

fn explain(error: &RedisError, address: &str) -> OpenError {
    let problem = error.detail().map_or_else(|| error.to_string(), str::to_owned);
    let (problem, address) = (problem.trim_end_matches('.').to_owned(), address.to_owned());
    let refused = matches!(error.kind(), ErrorKind::AuthenticationFailed | ErrorKind::Server(ServerErrorKind::NoPerm))
        || matches!(error.code(), Some("NOAUTH" | "WRONGPASS"));
    let elsewhere = [ServerErrorKind::Moved, ServerErrorKind::ClusterDown].map(ErrorKind::Server);
    let not_now = [ServerErrorKind::BusyLoading, ServerErrorKind::MasterDown].map(ErrorKind::Server);
    match error.kind() {
        kind if elsewhere.contains(&kind) => OpenError::Unfit {
            server: SERVER,
            address,
            problem: "it is a node of a cluster and does not hold all keys".to_owned(),
            advice: "Name a Redis in --redis that does".to_owned(),
        },
        kind if not_now.contains(&kind) => OpenError::Unreachable { server: SERVER, flag: FLAG, address, problem },
        _ if refused => OpenError::Unauthorized { server: SERVER, flag: FLAG, address, problem },
        ErrorKind::Server(_) => OpenError::Unfit {
            server: SERVER,
            address,
            problem,
            advice: "See that --redis names the right server and database".to_owned(),
        },
        _ => OpenError::unreachable(SERVER, FLAG, address, problem),
    }
}

fn bad_url(problem: String) -> OpenError {
    OpenError::BadUrl { flag: FLAG, problem }
}
