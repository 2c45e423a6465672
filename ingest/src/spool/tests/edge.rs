//! The whole edge over HTTP, on a real log that is said to be away now and then.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use governor::clock::MonotonicClock;
use schemas::{
    catalog::CredentialKind,
    code::Code,
    event::{Body, Event},
    ids::{CompanyId, KeyId, LinkId, PartnerId, ProgramId},
    money::Rate,
    wire::decode_event,
};
use serde_json::{Value, json};
use stores::{
    Deployment, Roles, Shape,
    catalog::{FreshKeys, LinkPartner, NewCompany, NewCredential, NewLink, Payout, PayoutSchedule},
    log::{Health, Log, LogLimits},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::scene::{WAIT, folder, now, until};
use crate::{
    Answering, Fallback,
    address::TrustedProxies,
    agent::Agents,
    body::Budget,
    connection::{Drained, Limits},
    counts::RefusedCounts,
    edge::{Edge, EdgeConfig},
    follower::Follower,
    limiter::{ClickLimiter, KeyLimiter},
    serve,
    spool::{Drain, Spool, SpoolConfig, State, record::Spooled},
    stamp::EventIds,
    waiters::Waiters,
};

const COMPANY: CompanyId = CompanyId(1);
const PROGRAM: ProgramId = ProgramId(2);
const CODE: &str = "partner-1";
const SECRET: &str = "sk_live_0123456789abcdef0123456789abcdef";

/// Nobody decides here, so nobody waits long.
const DECISION_WAIT: Duration = Duration::from_secs(1);

pub(super) struct Site {
    _folders: [TempDir; 2],
    stores: Deployment,
    log: Log,
    pub(super) spool: Spool,
    health: watch::Sender<Health>,
    address: SocketAddr,
    edge: Arc<Edge>,
    serving: JoinHandle<Drained>,
    draining: JoinHandle<()>,
    stop: CancellationToken,
}

pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Value,
}

impl Site {
    async fn start(bytes_max: u64) -> Site {
        let (health, watched) = watch::channel(Health::Well);
        let draining = |drain: Drain, log: Log| {
            let append = move |record: &Spooled| log.enqueue(record.partition, record.class, record.bytes.clone());
            tokio::spawn(async move { drain.run_on(watched, append, || {}).await })
        };
        Site::on(bytes_max, None, health, draining).await
    }

    /// With another log than the embedded one, and what drains to it.
    pub(super) async fn on(
        bytes_max: u64,
        log: Option<Log>,
        health: watch::Sender<Health>,
        draining: impl FnOnce(Drain, Log) -> JoinHandle<()>,
    ) -> Site {
        let (data, spooled) = (folder(), folder());
        let shape = Shape::Embedded { folder: data.path().to_owned() };
        let stores = Deployment::open(&shape, Roles::ALL, LogLimits::default(), now).await.unwrap();
        register(&stores).await;
        let config = SpoolConfig { bytes_max, ..super::scene::config(spooled.path()) };
        let (spool, drain) = Spool::open(config, now).unwrap();
        let log = log.unwrap_or_else(|| stores.log.clone());
        let draining = draining(drain, log.clone());
        let stop = CancellationToken::new();
        let edge = Arc::new(edge(&stores, &log, &spool, &stop).await);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let fallback: Fallback = Arc::new(|_| -> Answering { Box::pin(async { http::Response::default() }) });
        let serving = tokio::spawn(serve(listener, Limits::default(), Arc::clone(&edge), fallback, stop.clone()));
        Site { _folders: [data, spooled], stores, log, spool, health, address, edge, serving, draining, stop }
    }

    async fn turns(&self, health: Health, state: State) {
        self.health.send_replace(health);
        until("it turns", || self.spool.state() == state).await;
    }

    async fn send(&self, head: &str, body: &str) -> Reply {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let request = format!("{head}\r\nHost: edge\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut said = String::new();
        tokio::time::timeout(WAIT, stream.read_to_string(&mut said)).await.expect("never a hang").unwrap();
        let (head, body) = said.split_once("\r\n\r\n").unwrap();
        Reply {
            status: head[9..12].parse().unwrap(),
            head: head.to_ascii_lowercase(),
            body: serde_json::from_str(body).unwrap_or_default(),
        }
    }

    pub(super) async fn click(&self) -> Reply {
        let body = json!({ "code": CODE, "landingPage": "https://shop.example/" });
        self.send("POST /track/click HTTP/1.1\r\nContent-Type: application/json", &body.to_string()).await
    }

    pub(super) async fn sale(&self, order: &str) -> Reply {
        let body = json!({ "orderId": order, "orderValue": 9_999, "affiliateCode": CODE });
        let head = format!("POST /track/conversion HTTP/1.1\r\nContent-Type: application/json\r\nX-Api-Key: {SECRET}");
        self.send(&head, &body.to_string()).await
    }

    pub(super) async fn batch(&self, clicks: usize) -> Reply {
        let item = json!({ "type": "click", "code": CODE, "landingPage": "https://shop.example/" });
        let body = Value::Array(vec![item; clicks]);
        self.send("POST /track/batch HTTP/1.1\r\nContent-Type: application/json", &body.to_string()).await
    }

    pub(super) async fn visit(&self) -> Reply {
        self.send(&format!("GET /r/{CODE} HTTP/1.1"), "").await
    }

    /// Clicks and sales, each partition's in the log's order; what the edge says of itself is left out.
    pub(super) async fn logged(&self) -> Vec<Event> {
        let mut records = Vec::new();
        for partition in 0..self.log.partitions() {
            let end = self.log.span(partition).await.unwrap().end;
            let all = self.log.read(partition, 0, usize::try_from(end).unwrap()).await.unwrap();
            assert_eq!(all.len() as u64, end, "all of partition {partition}");
            records.extend(all);
        }
        let events = records.into_iter().map(|record| decode_event(&record.bytes).unwrap());
        events.filter(|event| !matches!(event.body, Body::EdgeCounts(_))).collect()
    }

    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.serving.await.unwrap();
        self.spool.close().await;
        self.draining.await.unwrap();
        self.stores.close().await;
    }
}

async fn register(stores: &Deployment) {
    let fresh = FreshKeys { today: [1; 16], tomorrow: [2; 16], receipt: [3; 16] };
    stores.catalog.rotate_keys(now(), fresh).await.unwrap();
    let persons = &stores.catalog.secrets().person_key;
    let company = NewCompany {
        id: COMPANY,
        program: PROGRAM,
        name: "Shop".to_owned(),
        domain: "shop.example".to_owned(),
        email: "owner@shop.example".to_owned(),
        email_hash: persons.email("owner@shop.example"),
        terms: rules::presets::refuel(PROGRAM, Rate(100_000), 30, schemas::time::TimeMs(0)),
        payout: Payout { schedule: PayoutSchedule::Monthly, minimum_minor: 5_000 },
        keys: vec![NewCredential::of(KeyId(4), CredentialKind::Secret, SECRET)],
        now: now(),
    };
    stores.catalog.register_company(company).await.unwrap();
    let code = Code::parse(CODE).unwrap();
    let link = NewLink {
        id: LinkId(code.route()),
        code,
        company: COMPANY,
        partner: LinkPartner::Addressed {
            email: "partner@example.com".to_owned(),
            email_hash: persons.email("partner@example.com"),
            id_if_new: PartnerId(3),
        },
        destination: "https://shop.example/".to_owned(),
        name: None,
        now: now(),
    };
    stores.catalog.create_link(link).await.unwrap();
}

async fn edge(stores: &Deployment, log: &Log, spool: &Spool, stop: &CancellationToken) -> Edge {
    let (follower, following) = Follower::start(stores.catalog.clone(), now, stop.clone()).await.unwrap();
    let (waiters, answering) = Waiters::start(stores.log.follow_decisions(0), 0, 100, stop.clone());
    tokio::spawn(following);
    tokio::spawn(answering);
    Edge {
        config: EdgeConfig {
            trusted_proxies: TrustedProxies::none(),
            takes_events: true,
            decision_wait: DECISION_WAIT,
            limiter_key: [1; 16],
        },
        log: log.clone(),
        spool: Some(spool.clone()),
        follower,
        waiters,
        ids: Arc::new(EventIds::new(9)),
        clicks: ClickLimiter::new(0, MonotonicClock).unwrap(),
        key_limiter: Arc::new(KeyLimiter::new(0, MonotonicClock).unwrap()),
        agents: Agents::new(1),
        bodies: Budget::default(),
        refused: Arc::new(RefusedCounts::default()),
        now,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_not_seen_by_who_sends_events() {
    let site = Site::start(64 << 20).await;
    assert_eq!(site.click().await.status, 200);
    site.turns(Health::Away, State::Spooling).await;
    let click = site.click().await;
    assert_eq!((click.status, &click.body["data"]["tracked"]), (200, &json!(true)), "{}", click.body);
    let asked = std::time::Instant::now();
    let sale = site.sale("order-1").await;
    assert!(asked.elapsed() < DECISION_WAIT, "nothing waits for a decision that can't come");
    let id = sale.body["data"]["conversionId"].as_str().unwrap().to_owned();
    assert_eq!((sale.status, &sale.body["data"]["status"]), (202, &json!("processing")), "{}", sale.body);
    assert!(sale.head.contains(&format!("location: /conversions/{id}")), "{}", sale.head);
    let visit = site.visit().await;
    assert!(visit.status == 302 && visit.head.contains("rm_click="), "{}", visit.head);
    let batch = site.batch(5).await;
    assert!(batch.body["data"]["results"].as_array().unwrap().iter().all(|item| item["status"] == 200));
    assert_eq!(site.logged().await.len(), 1, "the log is away");
    assert_eq!(site.edge.not_ready(), None, "degraded, and ready");

    site.turns(Health::Well, State::Direct).await;
    assert_eq!(site.click().await.status, 200);
    let logged = site.logged().await;
    let ids: Vec<u128> = logged.iter().map(|event| event.id.0).collect();
    assert_eq!(logged.len(), 10);
    assert!(ids.is_sorted(), "in the order in which they came: {ids:x?}");
    let resent: Vec<bool> = logged.iter().map(|event| event.resent).collect();
    assert_eq!(resent, [vec![false], vec![true; 8], vec![false]].concat());
    let Body::Sale(sold) = &logged[2].body else { panic!("{:?}", logged[2]) };
    assert_eq!(sold.claim.conversion.to_string(), id, "decided under the id that was given");
    site.stop().await;
}

/// What the edge takes the log's readers must be able to read, whatever a visitor's link says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_that_no_store_takes_makes_no_record_that_nobody_reads() {
    let site = Site::start(64 << 20).await;
    let to = "https%3A%2F%2Fshop.example%2F%3Futm_source%3Da%2500b%26utm_medium%3D%2500";
    let visit = site.send(&format!("GET /r/{CODE}?to={to} HTTP/1.1"), "").await;
    assert!(visit.status == 302 && visit.head.contains("rm_click="), "{}", visit.head);
    let logged = site.logged().await;
    let [Event { body: Body::Click(click), .. }] = logged.as_slice() else { panic!("{logged:?}") };
    let said = format!("{click:?}");
    assert!(said.contains("\"ab\"") && !said.contains("\\0"), "{said}");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_spool_refuses_with_503_and_a_redirect_still_redirects() {
    let site = Site::start(128 << 10).await;
    site.turns(Health::Away, State::Spooling).await;
    let mut taken = 0;
    let full = loop {
        let batch = site.batch(50).await;
        match batch.status {
            200 => taken += 50,
            _ => break batch,
        }
    };
    assert!(taken > 100, "{taken}");
    assert_eq!((full.status, &full.body["error"]["code"]), (503, &json!("UNAVAILABLE")));
    assert!(full.head.contains("retry-after: 5"), "{}", full.head);
    while site.click().await.status == 200 {
        taken += 1;
    }
    let visit = site.visit().await;
    assert!(visit.status == 302 && !visit.head.contains("rm_click="), "{}", visit.head);
    assert_eq!(site.sale("order-2").await.status, 202, "there is room for conversions yet");
    let mut sales = 1;
    while site.sale(&format!("more-{sales}")).await.status == 202 {
        sales += 1;
    }
    assert_eq!(site.edge.not_ready(), Some("spool"));
    site.turns(Health::Well, State::Direct).await;
    assert_eq!((site.edge.not_ready(), site.click().await.status), (None, 200));
    assert_eq!(site.logged().await.len(), taken + sales + 1, "exactly what was acknowledged");
    site.stop().await;
}
