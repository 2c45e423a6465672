//! An API without a spool whose log does not take what it appends.

use std::time::{Duration, Instant};

use serde_json::json;

use super::points::host;
use crate::books::settled;
use crate::cluster::{Cluster, Plan};
use crate::drive::Load;
use crate::http::{Http, Reply, Request};
use crate::on_one_thread;
use crate::proxy::{Proxy, Speech};
use crate::role::Does;
use crate::stream::{Kind, Stream};
use crate::wait::{eventually, holds};

const PLAN: Plan = Plan { edges: 1, processors: 1, partitions: 1, ..Plan::DISTRIBUTED };

/// It waits for the log for 2 s, on a busy machine. After 8 s nobody waits for it any more.
const ANSWERS_WITHIN: Duration = Duration::from_secs(7);
const BACK_WITHIN: Duration = Duration::from_secs(30);

/// Kafka hears nothing, and then there is no Kafka. What was on its way then is applied once it is back, and once.
#[test]
fn an_api_whose_log_takes_nothing_says_so_in_time() {
    on_one_thread(async {
        let mut cluster = Cluster::prepare(PLAN).await;
        let api = cluster.those(Does::Api)[0];
        let way = Proxy::to(host(&cluster.servers().kafka), Speech::Kafka).await;
        cluster.roles[api].set("--kafka", &way.address.to_string());
        for number in 0..cluster.roles.len() {
            cluster.start_role(number).await;
        }
        let run = Load::run(&cluster, Stream::of_one_kind("unheard", Kind::Plain, 2)).await;
        let key = &run.accounts[0].key;
        let orders: Vec<&String> = run.journal.orders.values().filter_map(|sent| sent.conversion.as_ref()).collect();
        let refund = async |order: usize| -> Result<Reply, String> {
            let body = json!({ "refundId": format!("refund-{order}"), "amount": 100 });
            let path = format!("/conversions/{}/refund", orders[order]);
            let address = cluster.roles[api].address.expect("it runs");
            Http::new().send(address, &Request::post(path).key(key).json(&body)).await
        };
        for (order, ends) in [Proxy::deafen, Proxy::shut].into_iter().enumerate() {
            ends(&way);
            let asked = Instant::now();
            let reply = refund(order).await.expect("an answer");
            assert!(asked.elapsed() < ANSWERS_WITHIN, "{:?}: {reply:?}", asked.elapsed());
            assert_eq!((reply.status, &reply.json()["error"]["code"]), (503, &json!("UNAVAILABLE")), "{reply:?}");
            assert!(reply.text.contains("the log does not answer; whether it was taken is seen later"), "{reply:?}");
            way.open();
            let again = eventually(BACK_WITHIN, "it is well again", async || {
                let reply = refund(order).await?;
                holds(reply.status != 503, &reply).map(|()| reply)
            });
            let again = again.await;
            assert_eq!((again.status, &again.json()["error"]["code"]), (409, &json!("DUPLICATE")), "{again:?}");
        }
        settled(&cluster).await.expect("it settles");
        let refunds = cluster.place().sql("SELECT count(*), sum(amount_minor) FROM ledger.refunds").await;
        assert_eq!(refunds.expect("refunds")[0], ["2", "200"], "each once");
    });
}
