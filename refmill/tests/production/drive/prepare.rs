//! Companies, partners and links, made through the API as their owners make them.

use std::collections::BTreeMap;

use serde_json::json;

use crate::cluster::Cluster;
use crate::http::{Http, Request};
use crate::stream::{Lane, Shop, Stream};

/// A company as it is known to its owner.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// `cmp_…`
    pub(crate) company: String,
    pub(crate) key: String,
    /// By lane: the code, and `aff_…` whose it is.
    pub(crate) links: BTreeMap<usize, (String, String)>,
}

impl Account {
    pub(crate) fn code(&self, lane: usize) -> &str {
        &self.links[&lane].0
    }

    pub(crate) fn partner(&self, lane: usize) -> &str {
        &self.links[&lane].1
    }
}

pub(super) async fn all(http: &Http, cluster: &Cluster, stream: &Stream) -> Vec<Account> {
    let mut accounts = Vec::new();
    for shop in &stream.shops {
        accounts.push(register(http, cluster, shop).await);
    }
    for (number, lane) in stream.lanes.iter().enumerate() {
        make_link(http, cluster, &mut accounts[lane.shop], number, lane).await;
    }
    accounts
}

pub(crate) async fn register(http: &Http, cluster: &Cluster, shop: &Shop) -> Account {
    let rate = format!("{}.{:06}", shop.rate_ppm / 1_000_000, shop.rate_ppm % 1_000_000);
    let body = json!({ "name": "Acme Store", "domain": format!("https://{}", shop.domain), "email": shop.email,
        "commissionRate": serde_json::from_str::<serde_json::Value>(&rate).expect("a number") });
    let api = cluster.targets().api(0).expect("an API runs");
    let data = http.send(api, &Request::post("/companies/register").json(&body)).await.expect("an answer").good();
    let text = |name: &str| data[name].as_str().expect("a text").to_owned();
    Account { company: text("id"), key: text("apiKey"), links: BTreeMap::new() }
}

pub(crate) async fn make_link(http: &Http, cluster: &Cluster, of: &mut Account, number: usize, lane: &Lane) {
    let api = cluster.targets().api(0).expect("an API runs");
    let body = json!({ "affiliateEmail": lane.partner_email, "code": lane.code });
    let request = Request::post("/companies/links").key(&of.key).json(&body);
    let data = http.send(api, &request).await.expect("an answer").good();
    let text = |name: &str| data[name].as_str().expect("a text").to_owned();
    of.links.insert(number, (text("code"), text("affiliateId")));
}
