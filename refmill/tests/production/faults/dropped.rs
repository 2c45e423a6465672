//! Facts stay behind for so long that the log drops what they are made of.

use std::time::Duration;

use super::points::{host, led};
use crate::books::settled;
use crate::cluster::{Cluster, Plan};
use crate::hands::{Company, Hands, Link, with_budget};
use crate::on_one_thread;
use crate::proxy::{Proxy, Speech};
use crate::role::Does;
use crate::wait::{eventually, holds};

const PLAN: Plan = Plan { edges: 0, processors: 1, apis: 0, partitions: 1, session_ms: 1_000, ..Plan::DISTRIBUTED };
const PLENTY_MINOR: i64 = 1_000_000;
const PLANNED_WITHIN: Duration = Duration::from_secs(20);

/// The conversions come to facts all the same, clicks that are nowhere any more are counted, and the partition goes on.
#[test]
fn facts_older_than_the_log_lack_clicks_alone_and_it_is_counted() {
    on_one_thread(async {
        let mut cluster = Cluster::prepare(PLAN).await;
        let (number, url) = (cluster.those(Does::Process)[0], cluster.servers().clickhouse.clone());
        let way = Proxy::to(host(&url), Speech::Plain).await;
        cluster.roles[number].set("--clickhouse", &led(&url, &way));
        cluster.start_role(number).await;
        let hands = Hands::on(&cluster).await;
        let of = hands.company(|program| with_budget(program, PLENTY_MINOR)).await;
        let link = hands.link(of, |_| true).await;
        let first = visit(&hands, of, &link, "first").await;
        settled(&cluster).await.expect("it settles");

        way.shut();
        visit(&hands, of, &link, "dropped").await;
        let (from, to) = planned_to_the_end(&cluster, &hands).await;
        cluster.kill_role(number);
        cluster.place().drop_events(0, i64::try_from(to).expect("an offset")).await;
        way.open();
        cluster.start_role(number).await;
        let last = visit(&hands, of, &link, "last").await;
        settled(&cluster).await.expect("it settles");

        let clicks = numbers(&cluster, "SELECT event FROM clicks FINAL ORDER BY log_offset").await;
        assert_eq!(clicks, [first, last]);
        let changes = "SELECT toUInt64(sum(conversions)), toUInt64(sum(revenue_minor)) FROM conversion_changes FINAL";
        assert_eq!(numbers(&cluster, changes).await, [3, 3_000], "every sale is there");
        assert_eq!(cluster.roles[number].count("refmill_facts_lost_offsets_total").await, to - from);
        let said = cluster.roles[number].said();
        assert!(said.contains("facts lack the clicks of these offsets: the log has dropped them"), "{said}");
        hands.close().await;
    });
}

/// A click and a sale that it wins; the click's event. Where it is in the log nobody can say before: ticks come between.
async fn visit(hands: &Hands, of: Company, link: &Link, order: &str) -> u128 {
    let click = hands.click(link, hands.receipt(link));
    let event = click.id.0;
    hands.append(vec![click, hands.sale(of, order, 1_000, Some(link), None)]).await;
    event
}

/// Until all is decided and planned, which nobody can write: from where on, and to where.
async fn planned_to_the_end(cluster: &Cluster, hands: &Hands) -> (u64, u64) {
    eventually(PLANNED_WITHIN, "all is planned", async || {
        let end = hands.stores.log.span(0).await.map_err(|error| error.to_string())?.end;
        let open = hands.stores.ledger.open_plans(0).await.map_err(|error| error.to_string())?;
        let Some((first, last)) = open.first().zip(open.last()) else { return Err("nothing is planned".to_owned()) };
        let conversions = cluster.place().sql("SELECT count(*) FROM ledger.conversions").await?;
        holds(last.to == end && conversions[0][0] == "2", (&open, end)).map(|()| (first.from, last.to))
    })
    .await
}

async fn numbers(cluster: &Cluster, question: &str) -> Vec<u128> {
    let rows = cluster.place().facts(question).await.expect("facts");
    rows.into_iter().flatten().map(|number| number.parse().expect("a number")).collect()
}
