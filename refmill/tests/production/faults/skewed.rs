//! Edges whose clocks are a day wrong. A click's time is its edge's stamp, but at most its append time; a conversion without a
//! time of its own comes after every click before it in the log, and a receipt is good whoever signed and whoever brings it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use schemas::time::DAY_MS;
use serde_json::{Value, json};
use stores::catalog::FreshKeys;

use crate::audit::{audit, contradictions};
use crate::books::{Books, settled};
use crate::cluster::{Cluster, Plan};
use crate::drive::{Account, Load, make_link, register};
use crate::hands::{Hands, now};
use crate::http::{Http, Reply, Request};
use crate::on_one_thread;
use crate::role::{Does, LONG_DECISION_WAIT_MS};
use crate::stream::{Lane, Shop, Step, Stream, When};
use crate::wait::eventually;

const KNOWN_WITHIN: Duration = Duration::from_secs(20);

/// What an edge's clock says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    True,
    DayAhead,
    DayBehind,
}
use Clock::{DayAhead, DayBehind, True};

const CLOCKS: [Clock; 3] = [True, DayAhead, DayBehind];

/// Clicks on one link in this order, and then a sale.
struct Case {
    clicks: &'static [Clock],
    sale: Clock,
    /// Which of the clicks' receipts it brings.
    brings: Option<usize>,
    /// Which of them wins.
    wins: usize,
}

const CASES: [Case; 10] = [
    Case { clicks: &[True, DayBehind], sale: True, brings: None, wins: 0 },
    Case { clicks: &[DayAhead, True], sale: True, brings: None, wins: 1 },
    Case { clicks: &[True, DayAhead], sale: True, brings: None, wins: 1 },
    Case { clicks: &[DayBehind, DayAhead], sale: DayAhead, brings: None, wins: 1 },
    Case { clicks: &[DayBehind], sale: True, brings: None, wins: 0 },
    Case { clicks: &[DayAhead], sale: DayBehind, brings: None, wins: 0 },
    Case { clicks: &[DayAhead], sale: True, brings: Some(0), wins: 0 },
    Case { clicks: &[DayAhead], sale: DayBehind, brings: Some(0), wins: 0 },
    Case { clicks: &[DayBehind], sale: DayAhead, brings: Some(0), wins: 0 },
    Case { clicks: &[True, DayBehind], sale: True, brings: Some(1), wins: 1 },
];

#[test]
fn an_edge_a_day_ahead_and_one_a_day_behind_decide_nothing_else() {
    on_one_thread(async {
        let mut cluster = Cluster::prepare(Plan { edges: CLOCKS.len(), ..Plan::DISTRIBUTED }).await;
        let waits = waits(&cluster);
        for (edge, clock) in cluster.those(Does::Ingest).into_iter().zip(CLOCKS) {
            let role = &mut cluster.roles[edge];
            role.set("--decision-wait-ms", LONG_DECISION_WAIT_MS);
            if clock != True {
                let by = if clock == DayAhead { "+1d" } else { "-1d" };
                role.set_variable("LD_PRELOAD", &format!("{} {}", waits.display(), library().display()));
                role.set_variable("FAKETIME", by);
                role.set_variable("FAKETIME_DONT_FAKE_MONOTONIC", "1");
            }
        }
        for does in [Does::Process, Does::Api] {
            cluster.start_all(does).await;
        }
        make_a_day_older(&cluster).await;
        cluster.start_all(Does::Ingest).await;
        // A whole stream through all three. What is said to have happened at a time is left out: see below.
        let mut stream = Stream::new(131, 12, 12);
        for step in stream.lanes.iter_mut().flat_map(|lane| &mut lane.steps) {
            if let Step::Sale(order) = step {
                order.when = When::Now;
            }
        }
        let run = Load::run(&cluster, stream).await;
        audit(&cluster, &[run]).await;
        case_by_case(&cluster).await;
    });
}

/// Keys of days past are kept two days, so a deployment that is no newer has yesterday's, by which an edge hashes whose clock is
/// there.
async fn make_a_day_older(cluster: &Cluster) {
    let hands = Hands::on(cluster).await;
    let fresh = FreshKeys { today: [1; 16], tomorrow: [2; 16], receipt: [3; 16] };
    hands.stores.catalog.rotate_keys(now().plus_ms(-DAY_MS), fresh).await.expect("keys");
    hands.close().await;
}

async fn case_by_case(cluster: &Cluster) {
    let scene = Scene::new(cluster).await;
    let mut wanted = BTreeMap::new();
    for (number, case) in CASES.iter().enumerate() {
        wanted.insert(format!("order-{number}"), scene.play(number, case).await);
    }
    let at = |clock| {
        scene.sell(CASES.len() - 1, clock, "told late", json!({ "occurredAt": jiff::Timestamp::now().to_string() }))
    };
    // By its clock this has not happened yet: it says so, and takes nothing.
    let refused = at(DayBehind).await;
    assert!(refused.status == 400 && refused.text.contains("occurredAt"), "{refused:?}");
    let taken = at(DayAhead).await;
    assert!([200, 202].contains(&taken.status), "{taken:?}");
    settled(cluster).await.expect("it settles");
    let wrong = contradictions(&Books::read(cluster).await.expect("books"));
    assert!(wrong.is_empty(), "{wrong:?}");
    let told = winners(cluster).await;
    for (order, click) in wanted {
        assert_eq!(told.get(&order), Some(&Some(click)), "{order}: {:?}", told.keys());
    }
    assert!(told["told late"].is_some(), "{told:?}");
}

struct Scene {
    http: Http,
    edges: Vec<SocketAddr>,
    account: Account,
}

impl Scene {
    async fn new(cluster: &Cluster) -> Scene {
        let http = Http::new();
        let shop =
            Shop { email: "owner@skewed.example".to_owned(), domain: "skewed.example".to_owned(), rate_ppm: 100_000 };
        let mut account = register(&http, cluster, &shop).await;
        for lane in 0..CASES.len() {
            let (code, partner_email) = (format!("skewed-{lane}"), format!("partner-{lane}@skewed.example"));
            make_link(&http, cluster, &mut account, lane, &Lane { shop: 0, code, partner_email, steps: Vec::new() })
                .await;
        }
        let edges = cluster.those(Does::Ingest).into_iter().map(|edge| cluster.roles[edge].address.expect("it runs"));
        Scene { http, edges: edges.collect(), account }
    }

    /// The click that has to win.
    async fn play(&self, lane: usize, case: &Case) -> String {
        let mut receipts = Vec::new();
        for (number, clock) in case.clicks.iter().enumerate() {
            receipts.push(self.click(lane, number, *clock).await);
        }
        let more = case.brings.map_or(json!({}), |which| json!({ "clickId": receipts[which] }));
        let reply = self.sell(lane, case.sale, &format!("order-{lane}"), more).await;
        let outcome = &reply.data()["outcome"];
        assert!(reply.status == 200 && *outcome == json!("attributed"), "{lane}: {reply:?}");
        receipts.swap_remove(case.wins)
    }

    /// An edge may not have heard of the code yet.
    async fn click(&self, lane: usize, number: usize, clock: Clock) -> String {
        let page = format!("https://skewed.example/{lane}/{number}");
        let body = json!({ "code": self.account.code(lane), "landingPage": page });
        let visitor = Ipv4Addr::from_bits(0x0c00_0000 + (lane * 16 + number) as u32);
        let request = Request::post("/track/click").json(&body).visitor(visitor);
        let taken = eventually(KNOWN_WITHIN, "the click is taken", async || {
            let reply = self.http.send(self.edge(clock), &request).await?;
            if reply.status == 200 { Ok(reply.data()) } else { Err(format!("{clock:?}: {reply:?}")) }
        });
        taken.await["clickId"].as_str().expect("a click id").to_owned()
    }

    async fn sell(&self, lane: usize, clock: Clock, order: &str, more: Value) -> Reply {
        let mut body = json!({ "orderId": order, "orderValue": 1_000, "affiliateCode": self.account.code(lane) });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let request = Request::post("/track/conversion").key(&self.account.key).json(&body);
        eventually(KNOWN_WITHIN, "the edge knows key and code", async || {
            let reply = self.http.send(self.edge(clock), &request).await?;
            if [401, 404].contains(&reply.status) { Err(format!("{clock:?}: {reply:?}")) } else { Ok(reply) }
        })
        .await
    }

    fn edge(&self, clock: Clock) -> SocketAddr {
        self.edges[CLOCKS.iter().position(|known| *known == clock).expect("one of them")]
    }
}

/// By order: the click that its explanation says has won.
async fn winners(cluster: &Cluster) -> BTreeMap<String, Option<String>> {
    let rows = cluster.place().sql("SELECT label, explanation FROM ledger.conversions").await.expect("conversions");
    let told = rows.into_iter().map(|row| {
        let explanation: Value = serde_json::from_str(&row[1]).expect("JSON");
        let candidates = explanation["candidates"].as_array().expect("candidates");
        let won = candidates.iter().find(|candidate| candidate["verdict"] == json!("won"));
        (row[0].clone(), won.and_then(|won| won["clickId"].as_str()).map(str::to_owned))
    });
    told.collect()
}

/// Kafka's client waits until a time of the wall clock by a call that the shifted clock does not know, and so would wait a day
/// or not at all. This leads it to one that it knows.
const WAITS: &str = r"
#include <errno.h>
#include <pthread.h>
#include <threads.h>
int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until) {
    int said = pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until);
    return said == 0 ? thrd_success : said == ETIMEDOUT ? thrd_timedout : thrd_error;
}
";

fn waits(cluster: &Cluster) -> PathBuf {
    let (source, library) = (cluster.beside("waits.c"), cluster.beside("waits.so"));
    std::fs::write(&source, WAITS).expect("a file");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
    assert!(built.expect("cc runs").success(), "{} is built", library.display());
    library
}

/// Where Debian, or an installation by hand, puts it.
fn library() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let places = folders.chain(["/usr/lib".into(), "/usr/lib64".into(), "/usr/local/lib".into()]);
    let mut libraries = places.map(|place| place.join("faketime/libfaketimeMT.so.1"));
    libraries.find(|library| library.exists()).expect("libfaketimeMT.so.1: scripts/test installs it")
}
