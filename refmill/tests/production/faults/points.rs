//! `kill -9` at exact points: right before a server hears of a step, and right after it has done it.
//!
//! The processor reaches its servers by ways that know what passes by. No switch in the product says where it is.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use schemas::event::Body;

use crate::audit::audit;
use crate::cluster::{Cluster, Plan};
use crate::drive::Load;
use crate::proxy::{Moment, Proxy, Speech, Trap, What};
use crate::role::Does;
use crate::servers::Servers;
use crate::stream::{Kind, Stream};
use crate::wait::within;
use crate::{on_one_thread, rounds};

const KILLS_EACH: usize = 3;
const SPRINGS_WITHIN: Duration = Duration::from_secs(40);
/// A step that leads nowhere, or waits for a processor that is away, does not keep the next one from being let pass.
const STEP_WAIT: Duration = Duration::from_millis(1_200);
const STEP_EVERY: Duration = Duration::from_millis(100);
const STEPS_A_KILL_MAX: usize = 30;
/// After a second without an answer Kafka counts as away.
const CLICKS_ARE_LATE_BY: Duration = Duration::from_millis(700);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Postgres,
    ClickHouse,
    Redis,
    Kafka,
}

/// What leads to a step, by the number of its load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Feed {
    Usual,
    /// Sales of codes that need no click: customers' partitions decide them, and those of the codes send them on.
    Typed,
    Backdated,
    BeforeTheirClick,
}

/// A step of the processor, and what of it passes by.
struct Point {
    name: &'static str,
    way: Way,
    what: What,
    /// After this, on the way to Kafka.
    behind: Option<What>,
    feed: Feed,
}

impl Point {
    const fn new(name: &'static str, way: Way, parts: &'static [&'static str], feed: Feed) -> Point {
        Point { name, way, what: What { parts, unless: None, event: None }, behind: None, feed }
    }
}

const COMMIT: &str = "COMMIT";
const DECIDED: &[&str] = &["UPDATE ledger.progress SET next", COMMIT];
const FORWARD: What =
    What { parts: &[".events"], unless: None, event: Some(|event| event.first_appended_at.is_some()) };
const SETTLE: What =
    What { parts: &[".events"], unless: None, event: Some(|event| matches!(event.body, Body::Settle(_))) };
/// Parking deletes, too, what was parked under that id before.
const UNPARK: What = What {
    parts: &["DELETE FROM ledger.parked WHERE", COMMIT],
    unless: Some("INSERT INTO ledger.parked ("),
    event: None,
};

const POINTS: [Point; 12] = [
    Point::new("plan", Way::Postgres, &["INSERT INTO ledger.plans", COMMIT], Feed::Usual),
    Point::new("insert", Way::ClickHouse, &["insert_deduplication_token"], Feed::Usual),
    Point::new("mark", Way::Postgres, &["UPDATE ledger.plans SET marked = true", COMMIT], Feed::Usual),
    Point::new("ledger commit and offset", Way::Postgres, DECIDED, Feed::Usual),
    Point::new("touches", Way::Redis, &["EVALSHA"], Feed::Usual),
    Point::new("publish", Way::Kafka, &[".decisions"], Feed::Typed),
    Point { what: FORWARD, ..Point::new("forward", Way::Kafka, &[], Feed::Typed) },
    Point { behind: Some(FORWARD), ..Point::new("commit behind a forward", Way::Postgres, DECIDED, Feed::Typed) },
    Point::new("park", Way::Postgres, &["INSERT INTO ledger.parked (", COMMIT], Feed::Backdated),
    Point { what: SETTLE, ..Point::new("settle", Way::Kafka, &[], Feed::Backdated) },
    Point { what: UNPARK, ..Point::new("commit of a settle", Way::Postgres, &[], Feed::Backdated) },
    Point::new("late click's note", Way::Postgres, &["INSERT INTO ledger.late_notes", COMMIT], Feed::BeforeTheirClick),
];

/// Each point three times before and three times after it; with `REFMILL_POINT_KILLS=50` each so often.
#[test]
fn killed_before_and_after_each_step_nothing_is_lost_or_doubled() {
    let each = rounds("REFMILL_POINT_KILLS", KILLS_EACH);
    on_one_thread(async {
        let mut scene = Scene::new(each).await;
        let mut missed = Vec::new();
        for kill in 0..POINTS.len() * 2 * each {
            let point = &POINTS[kill / 2 % POINTS.len()];
            let moment = if kill % 2 == 0 { Moment::Before } else { Moment::After };
            if !scene.kill_at(point, moment).await {
                missed.push(format!("{} {moment:?}", point.name));
            }
        }
        // What an edge put on its disk meanwhile comes to the log before it is looked whether all is decided.
        scene.slow.slow_down(Duration::ZERO);
        let mut runs = Vec::new();
        for load in scene.loads {
            runs.push(load.finish().await);
        }
        audit(&scene.cluster, &runs).await;
        assert!(missed.is_empty(), "these never came about: {missed:?}");
    });
}

struct Scene {
    cluster: Cluster,
    /// The roles that are killed, and the ways that each goes by. One works while the other starts.
    victims: Vec<(usize, Ways)>,
    loads: [Load; 4],
    slow: Proxy,
}

impl Scene {
    async fn new(each: usize) -> Scene {
        let mut cluster = Cluster::prepare(Plan { edges: 1, session_ms: 1_000, ..Plan::DISTRIBUTED }).await;
        let (late_edge, slow) =
            (cluster.add(Does::LateIngest), Proxy::slow(host(&cluster.servers().kafka), Speech::Kafka).await);
        cluster.roles[late_edge].set("--kafka", &slow.address.to_string());
        let mut victims = Vec::new();
        for victim in cluster.those(Does::Process) {
            let ways = Ways::of(cluster.servers()).await;
            ways.lead(&mut cluster, victim);
            victims.push((victim, ways));
        }
        for number in 0..cluster.roles.len() {
            cluster.start_role(number).await;
        }
        slow.slow_down(CLICKS_ARE_LATE_BY);
        let usual = Load::begin(&cluster, Stream::new(91, 24, 6 + each * 3)).await;
        let of_kind = async |tag, kind, sales| Load::begin(&cluster, Stream::of_one_kind(tag, kind, sales)).await;
        let typed = of_kind("typed", Kind::Plain, each * 40).await;
        let backdated = of_kind("backdated", Kind::Backdated, each * 40).await;
        let late = of_kind("late", Kind::BeforeTheirClick, each * 20).await;
        late.expect_late_clicks();
        let need_no_click = "INSERT INTO catalog.terms (program, version, effective_from_ms, body)
            SELECT terms.program, 2, effective_from_ms, replace(replace(body, '\"code_needs_click\":true', '\"code_needs_click\":false'),
                '\"version\":1', '\"version\":2')
            FROM catalog.terms JOIN catalog.companies USING (program) WHERE companies.id = ";
        for load in [&typed, &backdated] {
            load.pass_clicks().await;
        }
        let company = crate::audit::company(&typed.accounts()[0].company).cast_signed();
        cluster.place().sql(&format!("{need_no_click}{company}")).await.expect("other terms");
        Scene { cluster, victims, loads: [usual, typed, backdated, late], slow }
    }

    /// Whether the point was reached, by whoever reaches it first.
    async fn kill_at(&mut self, point: &Point, moment: Moment) -> bool {
        let mut set = Vec::new();
        for (victim, ways) in &self.victims {
            set.push(ways.set(point, moment, self.cluster.roles[*victim].pid().expect("it runs")));
        }
        let load = &self.loads[point.feed as usize];
        let (mut wanted, mut let_pass, mut since) = (load.done(), 0, Instant::now());
        let began = since;
        let sprung = within(SPRINGS_WITHIN, async || {
            if set.iter().any(|way| way.has_sprung()) {
                return Ok(());
            }
            let is_due = load.done() >= wanted || since.elapsed() > STEP_WAIT;
            if is_due && since.elapsed() > STEP_EVERY && let_pass < STEPS_A_KILL_MAX {
                (wanted, let_pass, since) = (load.done() + 1, let_pass + 1, Instant::now());
                load.let_pass(1);
            }
            Err(String::new())
        });
        let sprung = sprung.await.is_ok();
        let seen = if sprung { "killed" } else { "never came about" };
        eprintln!("{} {moment:?}, {let_pass} steps in {:.1?}: {seen}", point.name, began.elapsed());
        self.victims.iter().for_each(|(_, ways)| ways.disarm());
        // Both, where both came there at once.
        for (victim, ways) in &self.victims {
            if ways.way(point.way).has_sprung() {
                self.cluster.roles[*victim].ended().await;
                self.cluster.roles[*victim].spawn();
            }
        }
        sprung
    }
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

    /// The way on which it goes off in the end.
    fn set(&self, point: &Point, moment: Moment, victim: u32) -> &Proxy {
        let way = self.way(point.way);
        let trap = Trap { what: point.what, moment, victim, then: None };
        match point.behind {
            None => way.set(trap),
            Some(what) => {
                let then = Some(way.later(trap));
                self.kafka.set(Trap { what, moment: Moment::Before, victim, then });
            }
        }
        way
    }

    fn disarm(&self) {
        for way in [&self.postgres, &self.clickhouse, &self.redis, &self.kafka] {
            way.disarm();
        }
    }
}

/// The first host and port that a URL names.
pub(super) fn host(url: &str) -> SocketAddr {
    address(url).parse().expect("an address in numbers")
}

pub(super) fn led(url: &str, by: &Proxy) -> String {
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
