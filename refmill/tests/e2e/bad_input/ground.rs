use serde_json::{Value, json};

use super::Recorded;
use crate::account::{Company, Link, click_body, fresh, sale_body, with};
use crate::clock::{Clock, MINUTE};
use crate::http::Request;
use crate::server::{Launch, Server};
use crate::site::Site;

/// What the rows of the table are about.
pub(super) struct Ground {
    pub(super) server: Server,
    clock: Clock,
    pub(super) company: Company,
    pub(super) link: Link,
    pub(super) receipt: String,
    pub(super) token: String,
    pub(super) revoked_key: String,
    pub(super) postback_key: String,
    pub(super) affiliate_token: String,
    pub(super) used_link: String,
    /// A sale of 5,000 that is refunded by 1,000 under `r-1`.
    pub(super) order: Value,
    pub(super) sold: String,
    /// A sale that was reviewed, and approved.
    pub(super) resolved: String,
    pub(super) stranger: Company,
    pub(super) foreign_receipt: String,
    pub(super) paused: Company,
    pub(super) paused_link: Link,
}

impl Ground {
    pub(super) fn new(site: &Site) -> Ground {
        let clock = Clock::new(site);
        let server = clock.drives(Launch::new()).start(site);
        let mut company = server.company();
        let link = server.link(&company);
        let token = server.sign_in(&company.email, "company");
        let post = |path: &str| server.send(&Request::post(path).token(&token)).good();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let revoked_key = std::mem::replace(&mut company.key, text(&post("/companies/rotate-key")["apiKey"]));
        let postback_key = text(&post("/companies/postback-key")["postbackKey"]);
        let receipt = server.click(&company, &link);

        let order = with(sale_body(&link), json!({ "orderValue": 5000, "metadata": { "plan": "pro" } }));
        let sold = text(&server.sale_with(&company, &order).good()["conversionId"]);
        server.refund_with(&company, &sold, &json!({ "refundId": "r-1", "amount": 1000 })).good();
        let own = json!({ "customerEmail": link.partner_email });
        let held = server.sale_with(&company, &with(sale_body(&link), own)).good();
        let resolved = text(&held["conversionId"]);
        let review = Request::new("PATCH", format!("/companies/conversions/{resolved}")).key(&company.key);
        server.send(&review.json(&json!({ "action": "approve" }))).good();

        let stranger = server.company();
        let foreign_receipt = server.click(&stranger, &server.link(&stranger));
        let paused = server.company();
        let paused_link = server.link(&paused);
        server.click(&paused, &paused_link);
        server.send(&Request::post("/companies/pause").key(&paused.key)).good();
        let used_link = server.magic_link(&link.partner_email, "affiliate");
        let verified = server.send(&Request::post("/auth/verify").json(&json!({ "token": used_link }))).good();
        let affiliate_token = text(&verified["token"]);
        Ground {
            server,
            clock,
            company,
            link,
            receipt,
            token,
            revoked_key,
            postback_key,
            affiliate_token,
            used_link,
            order,
            sold,
            resolved,
            stranger,
            foreign_receipt,
            paused,
            paused_link,
        }
    }

    /// Everything that can be read of the three companies, once all that was sent is in it.
    pub(super) fn recorded(&self) -> Recorded {
        let marker = self.server.company();
        self.server.click(&marker, &self.server.link(&marker));
        self.server.dashboard_says(&marker, 1, 0);
        let read =
            |company: &Company, path: &str| (format!("{} {path}", company.id), self.server.read_as(company, path));
        let mut lists = Vec::new();
        for company in [&self.company, &self.stranger, &self.paused] {
            for path in ["dashboard", "settings", "links?perPage=100", "outcomes"] {
                lists.push(read(company, &format!("/companies/{path}")));
            }
            let sales = self.server.send(&Request::get("/companies/conversions?perPage=100").key(&company.key)).json();
            lists.push((format!("{} sales", company.id), sales));
            lists.push(read(company, "/balances"));
        }
        for id in [&self.sold, &self.resolved] {
            lists.push(read(&self.company, &format!("/conversions/{id}")));
        }
        let clicks = Request::get(format!("/links/{}/clicks", self.link.code)).key(&self.company.key);
        lists.push(("clicks".to_owned(), self.server.send(&clicks).json()));
        Recorded::new(lists)
    }

    /// What was there before the table does what it did.
    pub(super) fn everything_still_works(&self) {
        let Ground { server, company, link, .. } = self;
        server.click(company, link);
        let body = with(sale_body(link), json!({ "clickId": self.receipt }));
        let sale = server.sale_with(company, &body).good();
        assert_eq!((&sale["outcome"], &sale["affiliatePayout"]), (&json!("attributed"), &json!(800)));
        let rest = json!({ "refundId": fresh("rest") });
        assert_eq!(server.refund_with(company, &self.sold, &rest).good()["refundedAmount"], 5000);
        let settings = server.send(&Request::get("/companies/settings").token(&self.token)).good();
        assert_eq!((&settings["commissionRate"], &settings["status"]), (&json!(0.10), &json!("active")));
        // A paused program goes on to pay for earlier clicks.
        assert_eq!(server.sale(&self.paused, &self.paused_link)["affiliatePayout"], 800);
    }

    /// The last row: it takes a quarter of an hour.
    pub(super) fn late_link_is_refused(&self) {
        let late = self.server.magic_link(&self.company.email, "company");
        self.clock.advance(15 * MINUTE + 1);
        let request = Request::post("/auth/verify").json(&json!({ "token": late }));
        let row = super::row("an expired magic link", request, 401, "the magic link is unknown, expired or used");
        assert_eq!(row.check(&self.server.send(&row.request)), Ok(()));
    }

    pub(super) fn click(&self, more: Value) -> Request {
        Request::post("/track/click").json(&with(click_body(&self.company, &self.link), more))
    }

    pub(super) fn sale(&self, more: Value) -> Request {
        let body = json!({ "orderId": fresh("never"), "orderValue": 100, "affiliateCode": self.link.code });
        Request::post("/track/conversion").key(&self.company.key).json(&with(body, more))
    }
}
