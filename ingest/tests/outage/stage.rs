//! An edge that follows a catalog on a Postgres of its own, with its log in a folder.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use ingest::{
    Fallback, Page,
    address::TrustedProxies,
    agent::Agents,
    body::Budget,
    connection::{Drained, Limits},
    counts::RefusedCounts,
    edge::{Edge, EdgeConfig},
    follower::Follower,
    limiter::{ClickLimiter, KeyLimiter},
    serve,
    stamp::EventIds,
    waiters::Waiters,
};
use schemas::{
    catalog::CredentialKind,
    code::Code,
    hashes::EmailHash,
    ids::{CompanyId, KeyId, LinkId, PartnerId, ProgramId},
    money::Rate,
    time::TimeMs,
};
use stores::{
    Deployment, Postgres, Roles, Shape,
    catalog::{Catalog, FreshKeys, LinkPartner, NewCompany, NewCredential, NewLink, Payout, PayoutSchedule},
    log::LogLimits,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::own_server::OwnServer;

const CONNECTIONS: usize = 4;

pub(crate) struct Stage {
    pub(crate) server: OwnServer,
    pub(crate) key: String,
    pub(crate) revoked: String,
    pub(crate) publishable: String,
    /// Another process's, through which changes are made.
    catalog: Catalog,
    deployment: Deployment,
    address: SocketAddr,
    shutdown: CancellationToken,
    serving: JoinHandle<Drained>,
    _folder: TempDir,
}

fn now() -> TimeMs {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    TimeMs(i64::try_from(since.as_millis()).unwrap())
}

fn key(id: u64, kind: CredentialKind) -> (NewCredential, String) {
    let text = format!("{}{id:032}", kind.prefix());
    (NewCredential::of(KeyId(id), kind, &text), text)
}

fn company(id: u64, keys: Vec<NewCredential>) -> NewCompany {
    NewCompany {
        id: CompanyId(id),
        program: ProgramId(id),
        name: format!("Company {id}"),
        domain: "acme.example".to_owned(),
        email: format!("owner-{id}@acme.example"),
        email_hash: EmailHash(u128::from(id)),
        terms: rules::presets::refuel(ProgramId(id), Rate(100_000), 30, now()),
        payout: Payout { schedule: PayoutSchedule::Monthly, minimum_minor: 0 },
        keys,
        now: now(),
    }
}

fn link(code: &str, company: u64) -> NewLink {
    let code = Code::parse(code).unwrap();
    let (email, email_hash) = ("jane@example.com".to_owned(), EmailHash(99));
    NewLink {
        id: LinkId(code.route()),
        code,
        company: CompanyId(company),
        partner: LinkPartner::Addressed { email, email_hash, id_if_new: PartnerId(1) },
        destination: "https://acme.example/".to_owned(),
        name: None,
        now: now(),
    }
}

impl Stage {
    pub(crate) async fn start() -> Stage {
        let server = OwnServer::start();
        let connect = async || Catalog::connect(Postgres::open(&server.url, CONNECTIONS).await.unwrap(), now()).await;
        let (catalog, followed) = (connect().await.unwrap(), connect().await.unwrap());
        let fresh = FreshKeys { today: [1; 16], tomorrow: [2; 16], receipt: [3; 16] };
        catalog.rotate_keys(now(), fresh).await.unwrap();
        let (secret, revoked) = key(1, CredentialKind::Secret);
        let (shown, publishable) = key(2, CredentialKind::Publishable);
        catalog.register_company(company(1, vec![secret, shown])).await.unwrap();
        catalog.register_company(company(2, Vec::new())).await.unwrap();
        let (secret, key) = key(3, CredentialKind::Secret);
        catalog.replace_key(CompanyId(1), secret, now()).await.unwrap();
        catalog.create_link(link("Jane", 1)).await.unwrap();
        catalog.create_link(link("Other", 2)).await.unwrap();

        let folder = tempfile::tempdir().unwrap();
        let shape = Shape::Embedded { folder: folder.path().to_owned() };
        let deployment = Deployment::open(&shape, Roles::ALL, LogLimits::default(), now).await.unwrap();
        let shutdown = CancellationToken::new();
        let edge = edge(&deployment, followed, &shutdown).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let nobody: Fallback = Arc::new(|_| Box::pin(async { http::Response::new(Page::default()) }));
        let serving = tokio::spawn(serve(listener, Limits::default(), Arc::new(edge), nobody, shutdown.clone()));
        Stage { server, key, revoked, publishable, catalog, deployment, address, shutdown, serving, _folder: folder }
    }

    /// Sends a request whose line may leave out the version and be followed by headers. Gives all of the answer.
    pub(crate) async fn ask(&self, head: &str, body: &str) -> String {
        let head = if head.contains(" HTTP/1.1") { head.to_owned() } else { format!("{head} HTTP/1.1") };
        let more = "Host: a\r\nConnection: close\r\nContent-Type: application/json";
        let request = format!("{head}\r\n{more}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    pub(crate) async fn make_link(&self, code: &str) {
        self.catalog.create_link(link(code, 1)).await.unwrap();
    }

    /// Whether the edge knows a code within the second that a change may take.
    pub(crate) async fn knows(&self, code: &str) -> bool {
        for _ in 0..20 {
            if self.ask(&format!("GET /r/{code}"), "").await.get(9..12) == Some("302") {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }

    pub(crate) async fn end(self) {
        self.shutdown.cancel();
        self.serving.await.unwrap();
        self.catalog.close().await;
        self.deployment.close().await;
    }
}

async fn edge(deployment: &Deployment, catalog: Catalog, shutdown: &CancellationToken) -> Edge {
    let (follower, following) = Follower::start(catalog, now, shutdown.clone()).await.unwrap();
    let (waiters, answering) = Waiters::start(deployment.log.follow_decisions(0), 0, 64, shutdown.clone());
    tokio::spawn(following);
    tokio::spawn(answering);
    Edge {
        config: EdgeConfig {
            trusted_proxies: TrustedProxies::from(Vec::new()),
            takes_events: true,
            decision_wait: Duration::from_millis(20),
            limiter_key: [7; 16],
        },
        log: deployment.log.clone(),
        spool: None,
        follower,
        waiters,
        ids: Arc::new(EventIds::new(7)),
        clicks: ClickLimiter::new(1_000_000, Default::default()).unwrap(),
        key_limiter: Arc::new(KeyLimiter::new(1_000, Default::default()).unwrap()),
        agents: Agents::new(7),
        bodies: Budget::default(),
        refused: Arc::new(RefusedCounts::default()),
        now,
    }
}
