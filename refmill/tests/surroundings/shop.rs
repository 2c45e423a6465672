//! A company with a partner's link, and what is sent to it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use schemas::{code::Code, ids::LinkId, route::partition_of_link};
use serde_json::{Value, json};

use crate::http::{Reply, Request};
use crate::role::Role;
use crate::wait::{eventually, holds};

/// Until a decision is made and facts are there, on a machine that is busy.
pub(crate) const SETTLED: Duration = crate::wait::SETTLED.saturating_mul(2);

#[derive(Clone, Debug)]
pub(crate) struct Shop {
    key: String,
    domain: String,
    code: String,
}

impl Shop {
    /// A commission of 10 %, of which the partner has four fifths.
    pub(crate) fn open(api: &Role) -> Shop {
        let tag = fresh("shop");
        let domain = format!("{tag}.example");
        let body = json!({ "name": tag, "domain": format!("https://{domain}"), "email": format!("owner@{domain}") });
        let told = api.send(&Request::post("/companies/register", &body)).good();
        let key = told["apiKey"].as_str().expect("a key").to_owned();
        Shop { key, domain, code: String::new() }.with_another_link(api)
    }

    /// The same company by a link of another partner.
    pub(crate) fn with_another_link(&self, api: &Role) -> Shop {
        let body = json!({ "affiliateEmail": format!("{}@example.com", fresh("partner")) });
        let link = api.send(&Request::post("/companies/links", &body).key(&self.key)).good();
        Shop { code: link["code"].as_str().expect("a code").to_owned(), ..self.clone() }
    }

    /// To which of so many partitions its events go.
    pub(crate) fn home(&self, partitions: u32) -> u32 {
        let link = LinkId(Code::parse(&self.code).expect("a code").route());
        partition_of_link(link, partitions)
    }

    /// An edge learns of a link within a moment. Who asks is a click.
    pub(crate) fn await_known(&self, edge: &Role) {
        let path = format!("/r/{}", self.code);
        eventually(SETTLED, "the edge knows the link", || {
            let reply = edge.send(&Request::get(&path));
            holds(reply.status == 302, reply)
        });
    }

    pub(crate) fn click(&self, edge: &Role) -> Reply {
        let body = json!({ "code": self.code, "landingPage": format!("https://{}/pricing", self.domain) });
        edge.send(&Request::post("/track/click", &body))
    }

    /// 99.99 dollars under an order id of its own.
    pub(crate) fn sale(&self, edge: &Role) -> Reply {
        let body = json!({ "orderId": fresh("order"), "orderValue": 9999, "affiliateCode": self.code });
        edge.send(&Request::post("/track/conversion", &body).key(&self.key))
    }

    /// One click and one sale, each sent again under its own id until it is acknowledged; the answer to the sale.
    #[track_caller]
    pub(crate) fn insist(&self, edge: &Role) -> Reply {
        let landing = format!("https://{}/pricing", self.domain);
        let click = json!({ "code": self.code, "landingPage": landing, "eventId": fresh("click") });
        let click = Request::post("/track/click", &click);
        let sale = json!({ "orderId": fresh("order"), "orderValue": 9999, "affiliateCode": self.code });
        let sale = Request::post("/track/conversion", &sale).key(&self.key);
        let acknowledged = |request: &Request| {
            eventually(SETTLED, "it is acknowledged", || {
                let reply = edge.send(request);
                if reply.is_put_off() { Err(format!("{reply:?}")) } else { Ok(reply) }
            })
        };
        assert_eq!(acknowledged(&click).good()["tracked"], true);
        acknowledged(&sale)
    }

    /// A click and a sale that is decided at once.
    #[track_caller]
    pub(crate) fn click_and_sale(&self, edge: &Role) {
        assert_eq!(self.click(edge).good()["tracked"], true);
        let sale = self.sale(edge).good();
        assert_eq!((&sale["commissionAmount"], &sale["affiliatePayout"]), (&json!(1000), &json!(800)), "{sale}");
    }

    pub(crate) fn read(&self, api: &Role, path: &str) -> Reply {
        api.send(&Request::get(path).key(&self.key))
    }

    /// A conversion that is decided, as its company sees it.
    #[track_caller]
    pub(crate) fn decided(&self, api: &Role, sale: &Value) -> Value {
        let path = format!("/conversions/{}", sale["conversionId"].as_str().expect("an id"));
        eventually(SETTLED, "the sale is decided", || {
            let reply = self.read(api, &path);
            let data = reply.json()["data"].take();
            if reply.status == 200 && data["status"] != "processing" { Ok(data) } else { Err(reply.text) }
        })
    }

    /// Waits until the dashboard says so many clicks and sales, which it reads from facts.
    #[track_caller]
    pub(crate) fn dashboard_says(&self, api: &Role, clicks: usize, sales: usize) {
        eventually(SETTLED, "the dashboard follows", || {
            let reply = self.read(api, "/companies/dashboard");
            let data = reply.json()["data"].take();
            holds(data["totalClicks"] == clicks && data["totalConversions"] == sales, (clicks, sales, reply.text))
        });
    }
}

fn fresh(start: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{start}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
