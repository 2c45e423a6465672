//! A deployment with a router before it, and what a client does.

use std::{
    cell::Cell,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use api::{ApiDeps, Condition, Ready, mail};
use axum::{Router, body::Body};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use ingest::{
    address::Address, body::Budget, counts::RefusedCounts, follower::Follower, limiter::KeyLimiter, stamp::EventIds,
    waiters::Waiters,
};
use schemas::time::TimeMs;
use serde_json::{Value, json};
use stores::{Deployment, Roles, Shape, catalog::FreshKeys, log::LogLimits};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

pub(crate) const PUBLIC_URL: &str = "http://refmill.example";
/// For a decision, on a busy machine.
pub(crate) const DECISION_WAIT: Duration = Duration::from_secs(2);
pub(crate) const REQUESTS_PER_SECOND: u32 = 500;
/// For a mail, on a busy machine.
const MAIL_LOOKS: usize = 2_000;
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

thread_local! {
    /// Each test has a thread of its own and can let time pass.
    static AHEAD_MS: Cell<i64> = const { Cell::new(0) };
}

pub(crate) fn now() -> TimeMs {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    TimeMs(i64::try_from(since.as_millis()).unwrap()).plus_ms(AHEAD_MS.get())
}

pub(crate) fn pass_ms(ms: i64) {
    AHEAD_MS.set(AHEAD_MS.get() + ms);
}

pub(crate) struct Stage {
    pub(crate) deployment: Deployment,
    pub(crate) refused: Arc<RefusedCounts>,
    pub(crate) links_mailed: Arc<Mutex<Vec<String>>>,
    shutdown: CancellationToken,
    pub(crate) folder: TempDir,
    mailing: Mutex<Option<JoinHandle<()>>>,
    router: Router,
}

#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// By what a client says who it is.
#[derive(Clone, Copy)]
pub(crate) enum By<'a> {
    Nobody,
    Token(&'a str),
    Key(&'a str),
}

/// A registered company.
pub(crate) struct Company {
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) email: String,
}

impl Stage {
    pub(crate) async fn start() -> Stage {
        Stage::not_ready(Vec::new()).await
    }

    pub(crate) async fn not_ready(missing: Vec<&'static str>) -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let shape = Shape::Embedded { folder: folder.path().join("data") };
        let deployment = Deployment::open(&shape, Roles::ALL, LogLimits::default(), now).await.unwrap();
        let fresh = FreshKeys { today: [1; 16], tomorrow: [2; 16], receipt: [3; 16] };
        deployment.catalog.rotate_keys(now(), fresh).await.unwrap();
        let shutdown = CancellationToken::new();
        let (follower, following) = Follower::start(deployment.catalog.clone(), now, shutdown.clone()).await.unwrap();
        let (waiters, answering) = Waiters::start(deployment.log.follow_decisions(0), 0, 64, shutdown.clone());
        tokio::spawn(following);
        tokio::spawn(answering);

        let (mail, asked) = mail::queue();
        let links_mailed = Arc::new(Mutex::new(Vec::new()));
        let printed = Arc::clone(&links_mailed);
        let sender = mail::MailSender {
            catalog: deployment.catalog.clone(),
            transport: mail::Transport::Development {
                outbox: mail::Outbox::open(folder.path().join("outbox")).unwrap(),
                print: Arc::new(move |link| printed.lock().unwrap().push(link.to_owned())),
            },
            from: "Refmill <refmill@localhost>".parse().unwrap(),
            public_url: PUBLIC_URL.to_owned(),
            now,
        };
        let mailing = Mutex::new(Some(tokio::spawn(sender.run(asked, shutdown.clone()))));

        let refused = Arc::new(RefusedCounts::default());
        let router = api::router(ApiDeps {
            catalog: deployment.catalog.clone(),
            ledger: deployment.ledger.clone(),
            facts: deployment.facts.clone().unwrap(),
            log: deployment.log.clone(),
            follower,
            waiters,
            ids: Arc::new(EventIds::new(7)),
            key_limiter: Arc::new(KeyLimiter::new(REQUESTS_PER_SECOND, Default::default()).unwrap()),
            refused: Arc::clone(&refused),
            bodies: Budget::default(),
            mail,
            public_url: PUBLIC_URL.to_owned(),
            decision_wait: DECISION_WAIT,
            ready: Ready(Arc::new(move || Condition {
                waiting: missing.iter().map(ToString::to_string).collect(),
                degraded: Vec::new(),
            })),
            now,
        });
        Stage { deployment, refused, links_mailed, shutdown, folder, mailing, router }
    }

    pub(crate) async fn send(&self, mut request: Request<Body>) -> Answered {
        let address = Address::of("203.0.113.9".parse().unwrap());
        if request.extensions().get::<Address>().is_none() {
            request.extensions_mut().insert(address);
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answered { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn text(&self, request: Request<Body>) -> String {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    pub(crate) async fn call(&self, method: Method, path: &str, by: By<'_>, body: Option<Value>) -> Answered {
        let mut request = Request::builder().method(method).uri(path);
        request = match by {
            By::Nobody => request,
            By::Token(token) => request.header("authorization", format!("Bearer {token}")),
            By::Key(key) => request.header("x-api-key", key),
        };
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str, by: By<'_>) -> Answered {
        self.call(Method::GET, path, by, None).await
    }

    pub(crate) async fn post(&self, path: &str, by: By<'_>, body: Value) -> Answered {
        self.call(Method::POST, path, by, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, by: By<'_>, body: Value) -> Answered {
        self.call(Method::PUT, path, by, Some(body)).await
    }

    pub(crate) async fn company(&self, tag: &str) -> Company {
        let email = format!("owner-{tag}@example.com");
        let body = json!({"name": "Acme", "domain": format!("https://{tag}.example"), "email": email});
        let data = self.post("/companies/register", By::Nobody, body).await.made();
        let text = |name: &str| data[name].as_str().unwrap().to_owned();
        Company { id: text("id"), key: text("apiKey"), email }
    }

    /// The token that a new magic link's mail holds.
    pub(crate) async fn mailed_token(&self, email: &str, kind: &str) -> Option<String> {
        let before = self.links_mailed.lock().unwrap().len();
        self.post("/auth/magic-link", By::Nobody, json!({"email": email, "type": kind})).await.taken();
        for _ in 0..MAIL_LOOKS {
            if let Some(link) = self.links_mailed.lock().unwrap().get(before) {
                let token = link.strip_prefix(&format!("{PUBLIC_URL}/login?token=")).unwrap();
                return Some(token.to_owned());
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        None
    }

    /// Ends the sender of mails, which sends what still waits.
    pub(crate) async fn end_mails(&self) {
        self.shutdown.cancel();
        let mailing = self.mailing.lock().unwrap().take();
        mailing.unwrap().await.unwrap();
    }

    pub(crate) async fn sign_in(&self, email: &str, kind: &str) -> String {
        let token = self.mailed_token(email, kind).await.unwrap();
        let data = self.post("/auth/verify", By::Nobody, json!({"token": token})).await.taken();
        data["token"].as_str().unwrap().to_owned()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Answered {
    /// 200 and its data.
    #[track_caller]
    pub(crate) fn taken(self) -> Value {
        assert_eq!((self.status, &self.body["success"]), (StatusCode::OK, &json!(true)), "{self:?}");
        self.body["data"].clone()
    }

    /// 201 and its data.
    #[track_caller]
    pub(crate) fn made(self) -> Value {
        assert_eq!((self.status, &self.body["success"]), (StatusCode::CREATED, &json!(true)), "{self:?}");
        self.body["data"].clone()
    }

    /// A refusal in the envelope, with what its message begins with.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str, message: &str) {
        let error = &self.body["error"];
        let told = (self.status.as_u16(), error["code"].as_str(), &self.body["success"]);
        assert_eq!(told, (status, Some(code), &json!(false)), "{self:?}");
        let given = error["message"].as_str().unwrap_or_default();
        assert!(given.starts_with(message) && !given.is_empty(), "{message} is not in {self:?}");
    }
}
