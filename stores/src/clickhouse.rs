//! ClickHouse over HTTP: where it is, who comes, and how long an answer is waited for.

use std::{fs::File, future::Future, io::BufReader, sync::Arc, time::Duration};

use ::clickhouse::{Client, Compression, error::Error};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{
    client::legacy::{Client as HttpClient, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer, pki_types::pem::PemObject as _};
use rustls_platform_verifier::BuilderVerifierExt as _;
use url::Url;

use crate::{OpenError, StoreError};

pub(crate) mod facts;

/// How long a new connection may take, and the first answer.
const CONNECT_WAIT: Duration = Duration::from_secs(5);

/// How long an answer to a question is waited for. The server gives up at the same time.
pub(crate) const READ_WAIT: Duration = Duration::from_secs(30);

/// After this, a connection that nobody used is closed, before the server does it: three seconds is its default.
const IDLE_FOR: Duration = Duration::from_secs(2);

/// What the server says of a user or password that it does not take: no such user, wrong password, or either.
const NOT_LET_IN: [u32; 4] = [192, 193, 194, 516];

#[derive(Clone)]
pub(crate) struct ClickHouse {
    pub(crate) client: Client,
    pub(crate) database: String,
    /// Host and port: what may be said in an error.
    pub(crate) address: String,
}

impl ClickHouse {
    /// Asks once, so that what is wrong with the URL is said at start, and makes the database where it is missing.
    /// It is the one that the URL names, else `prefix`.
    pub(crate) async fn open(url: &str, prefix: &str) -> Result<ClickHouse, OpenError> {
        let (client, named, address) = read(url)?;
        let database = named.unwrap_or_else(|| prefix.to_owned());
        let clickhouse = ClickHouse { client: client.clone().with_database(&database), database, address };
        let asked = within(CONNECT_WAIT, client.query("SELECT 1").fetch_one::<u8>()).await;
        asked.map_err(|error| clickhouse.explain(error))?;
        let make = format!("CREATE DATABASE IF NOT EXISTS {}", quoted(&clickhouse.database));
        within(READ_WAIT, client.query_raw(&make).execute()).await.map_err(|error| clickhouse.explain(error))?;
        Ok(clickhouse)
    }

    /// Why the server cannot be used, and what to do.
    pub(crate) fn explain(&self, error: StoreError) -> OpenError {
        let (server, flag, address) = ("ClickHouse", "clickhouse", self.address.clone());
        match error {
            StoreError::ClickHouse(error @ (Error::Network(_) | Error::TimedOut)) => {
                OpenError::unreachable(server, flag, address, said(&error))
            }
            StoreError::ClickHouse(error) if code(&error).is_some_and(|code| NOT_LET_IN.contains(&code)) => {
                OpenError::Unauthorized { server, flag, address, problem: said(&error) }
            }
            StoreError::ClickHouse(error) => OpenError::Unfit {
                server,
                address,
                problem: said(&error),
                advice: format!("See that the user may make and fill tables in the database {}", self.database),
            },
            other => OpenError::Store(other),
        }
    }
}

/// Waits for the server, but not for ever.
pub(crate) async fn within<T, E: Into<StoreError>>(
    wait: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(wait, work).await {
        Ok(done) => done.map_err(Into::into),
        Err(_) => Err(StoreError::ClickHouse(Error::TimedOut)),
    }
}

/// A name as a statement has it.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

/// The server's number of what went wrong: its text begins with `Code: 516. `.
fn code(error: &Error) -> Option<u32> {
    let Error::BadResponse(text) = error else { return None };
    let (digits, _) = text.strip_prefix("Code: ")?.split_once('.')?;
    digits.parse().ok()
}

/// The first line, with what lies below an error of the network.
fn said(error: &Error) -> String {
    let mut text = error.to_string();
    let mut below = std::error::Error::source(error).and_then(std::error::Error::source);
    while let Some(cause) = below {
        text = format!("{text}: {cause}");
        below = cause.source();
    }
    text.lines().next().unwrap_or_default().to_owned()
}

/// A client for the URL, and what it says of the database and of the address.
fn read(url: &str) -> Result<(Client, Option<String>, String), OpenError> {
    let mut url = Url::parse(url).map_err(|error| bad_url(error.to_string()))?;
    let Some(host) = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https")) else {
        return Err(bad_url("takes http://[user:password@]host:port/[database], or https".to_owned()));
    };
    let address = format!("{host}:{}", url.port_or_known_default().unwrap_or(8123));
    let (mut compression, mut ca) = (Compression::Lz4, None);
    for (name, value) in url.query_pairs() {
        match (&*name, &*value) {
            ("compression", "none") => compression = Compression::None,
            ("compression", "lz4") => {}
            ("ca", file) => ca = Some(file.to_owned()),
            (name, value) => return Err(bad_url(format!("{name}={value} is not known: it takes compression and ca"))),
        }
    }
    let user = decoded(url.username())?;
    let password = url.password().map(decoded).transpose()?;
    let database = decoded(url.path().trim_matches('/'))?;
    // What the URL is used for from here on is said on its own, and a password stands in no log.
    let unfit = || bad_url("takes http://[user:password@]host:port/[database], or https".to_owned());
    url.set_username("").and_then(|()| url.set_password(None)).map_err(|()| unfit())?;
    url.set_query(None);
    url.set_path("/");
    let mut client = over(url.scheme() == "https", ca)?.with_url(url.as_str()).with_compression(compression);
    if !user.is_empty() {
        client = client.with_user(user);
    }
    if let Some(password) = password {
        client = client.with_password(password);
    }
    let client = client.with_setting("max_execution_time", READ_WAIT.as_secs().to_string());
    Ok((client, Some(database).filter(|name| !name.is_empty()), address))
}

fn over(encrypted: bool, ca: Option<String>) -> Result<Client, OpenError> {
    let mut http = HttpConnector::new();
    http.set_connect_timeout(Some(CONNECT_WAIT));
    http.set_nodelay(true);
    let mut builder = HttpClient::builder(TokioExecutor::new());
    builder.pool_idle_timeout(IDLE_FOR);
    if !encrypted {
        return Ok(Client::with_http_client(builder.build(http)));
    }
    http.enforce_http(false);
    let https =
        HttpsConnectorBuilder::new().with_tls_config(trust(ca)?).https_only().enable_http1().wrap_connector(http);
    Ok(Client::with_http_client(builder.build(https)))
}

/// The system's authorities, or those in the file that `ca` names.
fn trust(ca: Option<String>) -> Result<ClientConfig, OpenError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| bad_url(error.to_string()))?;
    let Some(file) = ca else {
        let verified = builder.with_platform_verifier().map_err(|error| bad_url(error.to_string()))?;
        return Ok(verified.with_no_client_auth());
    };
    let unreadable = |problem: String| bad_url(format!("ca {file}: {problem}"));
    let mut pem = BufReader::new(File::open(&file).map_err(|error| unreadable(error.to_string()))?);
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_reader_iter(&mut pem) {
        let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// A part of a URL without its percent signs.
fn decoded(part: &str) -> Result<String, OpenError> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match byte {
            b'%' => match (digit(rest.next()), digit(rest.next())) {
                (Some(high), Some(low)) => bytes.extend(u8::try_from(high << 4 | low)),
                _ => return Err(bad_url("a percent sign is followed by no two hexadecimal digits".to_owned())),
            },
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| bad_url("user, password and database must be UTF-8".to_owned()))
}

fn bad_url(problem: String) -> OpenError {
    OpenError::BadUrl { flag: "clickhouse", problem }
}
