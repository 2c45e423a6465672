//! Every field that takes text, each with a canary of its own.

use serde_json::{Value, json};

use super::search::Needles;
use crate::account::{Company, Link, with};
use crate::http::Request;
use crate::server::Server;

/// Who every request seems to come from: the first is an IPv4 address and the second an IPv6 one.
const PROXY: std::net::Ipv4Addr = std::net::Ipv4Addr::LOCALHOST;

struct Sender<'a> {
    server: &'a Server,
    needles: Needles,
    requests: usize,
    answered_well: usize,
}

pub(super) fn send_everywhere(server: &Server) -> Needles {
    let mut sender = Sender { server, needles: Needles::default(), requests: 0, answered_well: 0 };
    let company = sender.company();
    let link = sender.links(&company);
    sender.people(&company, &link);
    let receipt = sender.clicks(&company, &link);
    sender.sales(&company, &link, &receipt);
    sender.batches(&company, &link);
    sender.paths(&company, &link, &receipt);
    assert!(sender.requests > 60 && sender.answered_well > 20, "{} of {}", sender.answered_well, sender.requests);
    // Everything has come to the facts once a click that came after it has.
    let marker = server.company();
    server.click(&marker, &server.link(&marker));
    server.dashboard_says(&marker, 1, 0);
    sender.needles
}

impl Sender<'_> {
    /// Sends it as if from a canary's address, with canaries in every header.
    fn send(&mut self, request: Request) -> Value {
        let (v4, v6) = (self.needles.address_v4_again(), self.needles.address_v6_again());
        let from = if self.requests.is_multiple_of(2) { v4.to_string() } else { v6.to_string() };
        let email = self.needles.email("header");
        let request = request
            .header("X-Forwarded-For", &format!("{v4}, {from}"))
            .header("Forwarded", &format!("for={v4}"))
            .header("X-Real-IP", &from)
            .header("User-Agent", &format!("Mozilla/5.0 (X11; Linux x86_64) Chrome/142.0 ({email}; {v4})"))
            .header("Referer", &format!("https://{v4}/{email}?from={email}"))
            .header("Origin", &format!("https://{v4}"))
            .header("Cookie", &format!("who={email}"))
            .header("From", &email);
        let reply = self.server.send(&request.from(PROXY));
        self.requests += 1;
        self.answered_well += usize::from(reply.status < 400);
        reply.data()
    }

    /// A text with an e-mail and an address in it.
    fn text(&mut self, field: &str) -> String {
        format!(
            "for {} at {}, [{}]",
            self.needles.email(field),
            self.needles.address_v4_again(),
            self.needles.address_v6_again()
        )
    }

    fn company(&mut self) -> Company {
        let (email, name) = (self.needles.email("owner"), self.text("company-name"));
        let body = json!({ "name": name, "domain": "https://shop.example", "email": email });
        let data = self.send(Request::post("/companies/register").json(&body));
        let text = |name: &str| data[name].as_str().expect("a text").to_owned();
        let company = Company {
            id: text("id"),
            key: text("apiKey"),
            publishable: text("publishableKey"),
            email,
            domain: "shop.example".to_owned(),
        };
        for domain in [
            self.text("domain"),
            format!("https://{}@shop.example", self.needles.email("domain")),
            self.needles.address_v4_again().to_string(),
        ] {
            let email = self.needles.email("owner");
            self.send(
                Request::post("/companies/register").json(&json!({ "name": "A", "domain": domain, "email": email })),
            );
        }
        let settings =
            json!({ "widgetConfig": { "text": self.text("widget"), "deep": [{ "a": self.text("widget") }] } });
        self.send(Request::new("PUT", "/companies/settings").key(&company.key).json(&settings));
        for field in ["payoutSchedule", "commissionRate", "attributionWindow"] {
            let text = self.text(field);
            self.send(Request::new("PUT", "/companies/settings").key(&company.key).json(&json!({ field: text })));
        }
        company
    }

    fn links(&mut self, company: &Company) -> Link {
        let partner_email = self.needles.email("partner");
        let body = json!({ "affiliateEmail": partner_email, "name": self.text("link-name") });
        let make = |body: &Value| Request::post("/companies/links").key(&company.key).json(body);
        let code = self.send(make(&body))["code"].as_str().expect("a code").to_owned();
        let destination = format!(
            "https://shop.example/{}?who={}",
            self.needles.email("destination"),
            self.needles.email("destination")
        );
        let address = format!("https://shop.example/{}", self.needles.address_v4_again());
        for more in [
            json!({ "destination": destination }),
            json!({ "destination": address }),
            json!({ "code": self.text("code") }),
        ] {
            let body = with(json!({ "affiliateEmail": self.needles.email("partner") }), more);
            self.send(make(&body));
        }
        Link { code, partner_email }
    }

    fn people(&mut self, company: &Company, link: &Link) {
        for role in ["company", "affiliate", "nobody"] {
            let email = self.needles.email("magic-link");
            self.send(Request::post("/auth/magic-link").json(&json!({ "email": email, "type": role })));
        }
        let (token, role) = (self.text("token"), self.text("role"));
        self.send(Request::post("/auth/verify").json(&json!({ "token": token })));
        self.send(Request::post("/auth/magic-link").json(&json!({ "email": company.email, "type": role })));
        self.server.sign_in(&company.email, "company");
        let affiliate = self.server.sign_in(&link.partner_email, "affiliate");
        let name = self.text("partner-name");
        self.send(Request::new("PUT", "/affiliates/settings").token(&affiliate).json(&json!({ "name": name })));
        for body in [
            json!({ "companyId": self.text("company-id") }),
            json!({ "companyId": company.id, "code": self.text("code") }),
        ] {
            self.send(Request::post("/affiliates/programs").token(&affiliate).json(&body));
        }
    }

    fn clicks(&mut self, company: &Company, link: &Link) -> String {
        let page = format!(
            "https://{}@{}/{}/{}?q={}#{}",
            self.needles.email("page-user").replace('@', "%40"),
            company.domain,
            self.needles.email("page-path"),
            self.needles.address_v4_again(),
            self.needles.email("page-query"),
            self.needles.email("page-fragment"),
        );
        let good = json!({ "code": link.code, "landingPage": page });
        let mut receipt = String::new();
        for field in [
            "referrer",
            "fingerprint",
            "utmSource",
            "utmMedium",
            "utmCampaign",
            "eventId",
            "unknown",
            "code",
            "landingPage",
        ] {
            // An event id has at most 64 characters.
            let text = if field == "eventId" { self.needles.email(field) } else { self.text(field) };
            let data = self.send(Request::post("/track/click").json(&with(good.clone(), json!({ field: text }))));
            receipt = data["clickId"].as_str().map_or(receipt, str::to_owned);
        }
        let referrer = format!("https://{}/{}", self.needles.address_v4_again(), self.needles.email("referrer"));
        self.send(Request::post("/track/click").json(&with(good.clone(), json!({ "referrer": referrer }))));
        let host = format!("https://[{}]/", self.needles.address_v6_again());
        self.send(
            Request::post("/track/click").json(&with(good.clone(), json!({ "landingPage": host, "referrer": host }))),
        );
        let encoded = self.needles.email("encoded").replace('@', "%40");
        self.send(Request::post("/track/click").json(&with(good.clone(), json!({ "utmSource": encoded }))));
        let broken = format!("{{\"code\": {}", self.text("broken"));
        self.send(Request::post("/track/click").raw("text/plain", broken));
        receipt
    }

    fn sales(&mut self, company: &Company, link: &Link, receipt: &str) {
        let mut conversions = Vec::new();
        for field in [
            "orderId",
            "customerId",
            "customerEmail",
            "metadata",
            "unknown",
            "currency",
            "affiliateCode",
            "clickId",
            "occurredAt",
            "orderValue",
        ] {
            let value = match field {
                "customerEmail" => json!(self.needles.email(field)),
                "metadata" => json!({ "who": self.text(field), self.needles.email("key"): [self.text(field)] }),
                _ => json!(self.text(field)),
            };
            let order = json!({ "orderId": self.text("order"), "orderValue": 9999, "affiliateCode": link.code, "clickId": receipt });
            let data = self
                .send(Request::post("/track/conversion").key(&company.key).json(&with(order, json!({ field: value }))));
            conversions.extend(data["conversionId"].as_str().map(str::to_owned));
        }
        // A person's click, so that the sale below waits for review.
        self.server.click(company, link);
        let own = json!({ "orderId": "own", "orderValue": 9999, "affiliateCode": link.code, "customerEmail": link.partner_email });
        let held = self.send(Request::post("/track/conversion").key(&company.key).json(&own));
        assert!(conversions.len() >= 5 && held["status"] == "pending", "{conversions:?} {held}");
        let held = held["conversionId"].as_str().expect("an id").to_owned();
        for action in [self.text("action"), "approve".to_owned()] {
            let path = format!("/companies/conversions/{held}");
            self.send(Request::new("PATCH", path).key(&company.key).json(&json!({ "action": action })));
        }
        for id in [conversions[0].clone(), held] {
            let body = json!({ "refundId": self.text("refund"), "amount": 100, "reason": self.text("reason") });
            self.send(Request::post(format!("/conversions/{id}/refund")).key(&company.key).json(&body));
        }
    }

    fn batches(&mut self, company: &Company, link: &Link) {
        let page = format!("https://{}/{}", company.domain, self.needles.email("page-path"));
        let items = json!([
            { "type": "click", "code": link.code, "landingPage": page, "utmSource": self.text("utm"), "fingerprint": self.text("finger") },
            { "type": "conversion", "orderId": self.text("order"), "orderValue": 5, "affiliateCode": link.code, "customerId": self.text("id") },
            { "type": self.text("type") },
            self.text("item"),
        ]);
        self.send(Request::post("/track/batch").key(&company.key).json(&items));
        let broken = self.text("broken");
        self.send(Request::post("/track/batch").raw("application/x-ndjson", format!("{broken}\n{}\n", items[0])));
    }

    /// Canaries in paths, queries, keys and tokens.
    fn paths(&mut self, company: &Company, link: &Link, receipt: &str) {
        let key = self
            .server
            .send(&Request::post("/companies/postback-key").token(&self.server.sign_in(&company.email, "company")));
        let key = key.good()["postbackKey"].as_str().expect("a key").to_owned();
        let mut word = |field: &str| format!("{}-{}", self.needles.email(field), self.needles.address_v4_again());
        let to = format!(
            "https%3A%2F%2F{}%2F{}%3Fwho%3D{}%26utm_source%3D{}",
            company.domain,
            word("to"),
            word("to"),
            word("to")
        );
        let postback = format!(
            "/postback?click_id={receipt}&amount=1.00&currency=USD&key={key}&txid={}&sub={}",
            word("txid"),
            word("sub")
        );
        let paths = [
            format!("/r/{}?to={to}", link.code),
            format!("/r/{}", word("code")),
            format!("/r/{}?to={}", link.code, word("to")),
            postback,
            format!(
                "/postback?click_id={}&amount={}&currency={}&key={}&txid=1",
                word("click"),
                word("amount"),
                word("currency"),
                word("key")
            ),
            format!("/links/{}/clicks", word("code")),
            format!("/conversions/{}", word("conversion")),
            format!("/companies/conversions?status={}&page={}", word("status"), word("page")),
            format!("/companies/dashboard?days={}&currency={}", word("days"), word("currency")),
            format!("/{}?{}", word("path"), word("query")),
            format!("/track/{}", word("path")),
        ];
        for path in paths {
            self.send(Request::get(path.clone()).key(&company.key));
            self.send(Request::new("HEAD", path).key(&company.key));
        }
        let (key, token) = (self.text("key"), self.text("token"));
        self.send(Request::get("/companies/settings").key(&key));
        self.send(Request::get("/companies/settings").token(&token));
        self.send(Request::post("/track/conversion").key(&token).json(&json!({ "orderId": key })));
    }
}

impl Needles {
    /// One of a handful of addresses, as a household would come again.
    fn address_v4_again(&mut self) -> std::net::Ipv4Addr {
        self.known_v4().unwrap_or_else(|| self.address_v4())
    }

    fn address_v6_again(&mut self) -> std::net::Ipv6Addr {
        self.known_v6().unwrap_or_else(|| self.address_v6())
    }
}
