//! Two partitions that get the same at the same moment end as if one had come after the other.

mod raced;

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};

use crate::audit::{contradictions, shown};
use crate::books::{Books, settled};
use crate::cluster::{Cluster, Plan};
use crate::drive::{Account, make_link, register};
use crate::http::{Http, Reply, Request};
use crate::stream::{Lane, Shop};
use crate::{on_one_thread, rounds};

const PAIRS: usize = 100;
/// Pairs that are on their way side by side.
const AT_ONCE: usize = 10;
/// Below 20 sales of a code in an hour, where a signal of its own fires.
const PAIRS_A_CODE: usize = 8;

#[test]
fn the_same_order_and_the_same_customer_on_two_partitions_at_once() {
    let pairs = rounds("REFMILL_PAIRS", PAIRS);
    on_one_thread(async {
        let cluster = Cluster::start(Plan { partitions: 8, ..Plan::DISTRIBUTED }).await;
        let scene = Scene::new(&cluster, pairs.div_ceil(PAIRS_A_CODE)).await;
        for first in (0..pairs).step_by(AT_ONCE) {
            let now = (first..pairs.min(first + AT_ONCE)).map(|pair| scene.pair(pair));
            futures(now.collect()).await;
        }
        settled(&cluster).await.expect("it settles");
        let books = Books::read(&cluster).await.expect("books");
        let mut wrong = contradictions(&books);
        wrong.extend((0..pairs).flat_map(|pair| wrong_pair(&books, pair)));
        assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), shown(&wrong));
    });
}

/// One order each, and of the two sales to one customer the second knows of the first.
fn wrong_pair(books: &Books, pair: usize) -> Vec<String> {
    let of = |label: String| -> Vec<_> { books.conversions.iter().filter(|row| row.label == label).collect() };
    let mut wrong = Vec::new();
    let orders = of(format!("order-{pair}")).len();
    if orders != 1 {
        wrong.push(format!("order-{pair} is there {orders} times"));
    }
    let sales: Vec<_> = ["left", "right"].into_iter().flat_map(|side| of(format!("{side}-{pair}"))).collect();
    let known = sales.iter().filter(|row| row.signals.contains("duplicate_customer")).count();
    if sales.len() != 2 || known != 1 {
        let signals: Vec<&str> = sales.iter().map(|row| row.signals.as_str()).collect();
        wrong.push(format!("customer-{pair} bought {} times, known {known} times: {signals:?}", sales.len()));
    }
    wrong
}

struct Scene {
    http: Http,
    edges: [SocketAddr; 2],
    account: Account,
    /// Pairs of lanes on two partitions.
    lanes: Vec<[usize; 2]>,
}

impl Scene {
    async fn new(cluster: &Cluster, codes: usize) -> Scene {
        let http = Http::new();
        let shop =
            Shop { email: "owner@pairs.example".to_owned(), domain: "pairs.example".to_owned(), rate_ppm: 100_000 };
        let mut account = register(&http, cluster, &shop).await;
        let (mut lanes, mut next) = (Vec::new(), 0);
        for _ in 0..codes {
            let left = make(&http, cluster, &mut account, &mut next, |_| true).await;
            let right = make(&http, cluster, &mut account, &mut next, |partition| partition != left.1).await;
            lanes.push([left.0, right.0]);
        }
        let targets = cluster.targets();
        let edges = [0, 1].map(|n| targets.edge(n).expect("an edge"));
        let scene = Scene { http, edges, account, lanes };
        for lane in scene.lanes.as_flattened() {
            scene.click(*lane).await;
        }
        scene
    }

    /// The click that all sales of a code are won by. Its edge may not have heard of the code yet.
    async fn click(&self, lane: usize) {
        let body = json!({ "code": self.account.code(lane), "landingPage": format!("https://pairs.example/{lane}") });
        let visitor = Ipv4Addr::from_bits(0x0b00_0000 + lane as u32);
        let request = Request::post("/track/click").json(&body).visitor(visitor);
        let took = crate::wait::within(std::time::Duration::from_secs(20), async || {
            let reply = self.http.send(self.edges[0], &request).await?;
            if reply.status == 200 { Ok(()) } else { Err(format!("{reply:?}")) }
        });
        took.await.expect("the click is taken");
        let nobody = Request::post("/track/conversion").key(&self.account.key).json(&json!({}));
        let known = crate::wait::within(std::time::Duration::from_secs(20), async || {
            let reply = self.http.send(self.edges[1], &nobody).await?;
            if reply.status == 400 { Ok(()) } else { Err(format!("{reply:?}")) }
        });
        known.await.expect("the other edge knows the key");
    }

    async fn pair(&self, pair: usize) {
        let lanes = self.lanes[pair / PAIRS_A_CODE];
        let order = |side: usize| json!({ "orderId": format!("order-{pair}"), "affiliateCode": self.account.code(lanes[side]) });
        let [left, right] = self.both(order(0), order(1)).await;
        let statuses = [left.status, right.status];
        let good = statuses.iter().filter(|status| **status != 409).count();
        assert!(statuses.contains(&409) && good == 1 || statuses.contains(&202), "{left:?} {right:?}");
        let customer = |side: usize, name: &str| {
            json!({ "orderId": format!("{name}-{pair}"), "affiliateCode": self.account.code(lanes[side]),
                "customerId": format!("customer-{pair}") })
        };
        for reply in self.both(customer(0, "left"), customer(1, "right")).await {
            assert!([200, 202].contains(&reply.status), "{reply:?}");
        }
    }

    async fn both(&self, left: Value, right: Value) -> [Reply; 2] {
        let send = async |edge: usize, mut body: Value| {
            body["orderValue"] = json!(1_000);
            let request = Request::post("/track/conversion").key(&self.account.key).json(&body);
            self.http.send(self.edges[edge], &request).await.expect("an answer")
        };
        let (left, right) = tokio::join!(send(0, left), send(1, right));
        [left, right]
    }
}

/// A link whose partition is as wanted; its lane and its partition.
async fn make(
    http: &Http,
    cluster: &Cluster,
    account: &mut Account,
    next: &mut usize,
    wanted: impl Fn(u32) -> bool,
) -> (usize, u32) {
    loop {
        let lane = *next;
        *next += 1;
        let (code, partner_email) = (format!("pair-code-{lane}"), format!("partner-{lane}@pairs.example"));
        let link = Lane { shop: 0, code, partner_email, steps: Vec::new() };
        let partition = link.partition(cluster.plan.partitions);
        if wanted(partition) {
            make_link(http, cluster, account, lane, &link).await;
            return (lane, partition);
        }
    }
}

/// All of them, side by side on this thread.
async fn futures(all: Vec<impl Future<Output = ()>>) {
    let mut all: Vec<_> = all.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|context| {
        all.retain_mut(|one| one.as_mut().poll(context).is_pending());
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}
