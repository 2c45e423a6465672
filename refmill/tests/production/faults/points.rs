//! `kill -9` at exact points: right before a server hears of a step, and right after it has done it.
//!
//! The processor reaches its servers by ways that know what passes by. No switch in the product says where it is.

use std::net::SocketAddr;
use std::time::Duration;

use crate::audit::audit;
use crate::cluster::{Cluster, Plan};
use crate::drive::Load;
use crate::proxy::{Moment, Proxy, Speech, Trap};
use crate::role::Does;
use crate::servers::Servers;
use crate::stream::Stream;
use crate::wait::within;
use crate::{on_one_thread, rounds};

const KILLS_EACH: usize = 3;
const SPRINGS_WITHIN: Duration = Duration::from_secs(40);
const STEPS: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Postgres,
    ClickHouse,
    Redis,
    Kafka,
}

/// A step of the processor, and what of it passes by.
struct Point {
    name: &'static str,
    way: Way,
    parts: &'static [&'static str],
}

const MOVE_ON: &str = "UPDATE ledger.progress SET next";
const COMMIT: &str = "COMMIT";

const POINTS: [Point; 9] = [
    Point { name: "plan", way: Way::Postgres, parts: &["INSERT INTO ledger.plans", COMMIT] },
    Point { name: "insert", way: Way::ClickHouse, parts: &["insert_deduplication_token"] },
    Point { name: "mark", way: Way::Postgres, parts: &["UPDATE ledger.plans SET marked = true", COMMIT] },
    Point { name: "ledger commit and offset", way: Way::Postgres, parts: &[MOVE_ON, COMMIT] },
    Point { name: "touches", way: Way::Redis, parts: &["EVALSHA"] },
    Point { name: "publish", way: Way::Kafka, parts: &[".decisions"] },
    // Of what a processor appends to the log of events: settles, what it sends on to another partition, and ticks.
    Point { name: "forward or settle", way: Way::Kafka, parts: &[".events"] },
    Point { name: "park", way: Way::Postgres, parts: &["INSERT INTO ledger.parked ", COMMIT] },
    Point { name: "unpark", way: Way::Postgres, parts: &["DELETE FROM ledger.parked ", COMMIT] },
];

#[test]
fn killed_before_and_after_each_step_nothing_is_lost_or_doubled() {
    let each = rounds("REFMILL_POINT_KILLS", KILLS_EACH);
    on_one_thread(async {
        let mut cluster = Cluster::prepare(Plan { processors: 1, session_ms: 1_000, ..Plan::DISTRIBUTED }).await;
        let ways = Ways::of(cluster.servers()).await;
        let victim = cluster.those(Does::Process)[0];
        ways.lead(&mut cluster, victim);
        for number in 0..cluster.roles.len() {
            cluster.start_role(number).await;
        }
        let kills = POINTS.len() * 2 * each;
        let load = Load::begin(&cluster, Stream::new(91, 24, 12 + kills * STEPS / 24)).await;
        let mut missed = Vec::new();
        for kill in 0..kills {
            let point = &POINTS[kill / 2 % POINTS.len()];
            let moment = if kill % 2 == 0 { Moment::Before } else { Moment::After };
            if !ways.kill_at(&mut cluster, &load, victim, point, moment).await {
                missed.push(format!("{} {moment:?}", point.name));
            }
        }
        let run = load.finish().await;
        audit(&cluster, &[run]).await;
        assert!(missed.is_empty(), "these never came about: {missed:?}");
    });
}

struct Ways {
    postgres: Proxy,
    clickhouse: Proxy,
    redis: Proxy,
    kafka: Proxy,
}

impl Ways {
    async fn of(servers: &Servers) -> Ways {
        Ways {
            postgres: Proxy::to(host(&servers.postgres), Speech::Postgres).await,
            clickhouse: Proxy::to(host(&servers.clickhouse), Speech::Plain).await,
            redis: Proxy::to(host(&servers.redis), Speech::Plain).await,
            kafka: Proxy::to(host(&servers.kafka), Speech::Kafka).await,
        }
    }

    fn way(&self, way: Way) -> &Proxy {
        match way {
            Way::Postgres => &self.postgres,
            Way::ClickHouse => &self.clickhouse,
            Way::Redis => &self.redis,
            Way::Kafka => &self.kafka,
        }
    }

    /// This role goes by these ways from its next start on.
    fn lead(&self, cluster: &mut Cluster, role: usize) {
        let (servers, postgres) = (cluster.place().servers.clone(), cluster.place().postgres());
        let led = [
            ("--postgres", led(&postgres, &self.postgres)),
            ("--clickhouse", led(&servers.clickhouse, &self.clickhouse)),
            ("--redis", led(&servers.redis, &self.redis)),
            ("--kafka", led(&servers.kafka, &self.kafka)),
        ];
        for (flag, url) in led {
            cluster.roles[role].set(flag, &url);
        }
    }

    /// Whether the point was reached; the role runs again in any case.
    async fn kill_at(&self, cluster: &mut Cluster, load: &Load, victim: usize, point: &Point, moment: Moment) -> bool {
        let way = self.way(point.way);
        let parts = point.parts.iter().map(|part| part.as_bytes().to_vec()).collect();
        way.set(Trap { parts, moment, victim: cluster.roles[victim].pid().expect("it runs") });
        let mut let_pass = 0;
        let sprung = within(SPRINGS_WITHIN, async || {
            if way.has_sprung() {
                return Ok(());
            }
            // A step may not lead there: more of them do.
            if let_pass < 4 * STEPS && load.is_idle() {
                load.let_pass(STEPS / 2);
                let_pass += STEPS / 2;
            }
            Err(String::new())
        });
        let sprung = sprung.await.is_ok();
        eprintln!("{} {moment:?}: {}", point.name, if sprung { "killed" } else { "never came about" });
        way.disarm();
        if sprung {
            cluster.roles[victim].ended().await;
        } else {
            cluster.kill_role(victim);
        }
        cluster.start_role(victim).await;
        sprung
    }
}

/// The first host and port that a URL names.
fn host(url: &str) -> SocketAddr {
    address(url).parse().expect("an address in numbers")
}

fn led(url: &str, by: &Proxy) -> String {
    url.replacen(address(url), &by.address.to_string(), 1)
}

fn address(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    rest.split(['/', ',', '?']).next().expect("a host")
}

#[test]
fn the_address_in_a_url() {
    let check = |url: &str, wanted: &str| assert_eq!(address(url), wanted, "{url}");
    check("127.0.0.1:9092", "127.0.0.1:9092");
    check("kafka://127.0.0.1:9092,127.0.0.1:9093", "127.0.0.1:9092");
    check("postgres://refmill@127.0.0.1:5432/x?sslmode=disable", "127.0.0.1:5432");
    check("redis://127.0.0.1:6379/0", "127.0.0.1:6379");
    check("http://127.0.0.1:8123", "127.0.0.1:8123");
}
