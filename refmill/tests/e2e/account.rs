//! Companies, partners, links, and what they send.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::http::{Reply, Request};
use crate::server::Server;
use crate::wait::{SETTLED, eventually};

#[derive(Clone, Debug)]
pub(crate) struct Company {
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) publishable: String,
    pub(crate) email: String,
    pub(crate) domain: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) code: String,
    pub(crate) partner_email: String,
}

/// A word that nothing else in this process has.
pub(crate) fn fresh(start: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{start}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The body of a click on one of a company's pages.
pub(crate) fn click_body(company: &Company, link: &Link) -> Value {
    json!({ "code": link.code, "landingPage": format!("https://{}/pricing", company.domain) })
}

/// The body of a sale of 99.99 dollars under an order id of its own.
pub(crate) fn sale_body(link: &Link) -> Value {
    json!({ "orderId": fresh("order"), "orderValue": 9999, "affiliateCode": link.code })
}

/// The first with the second's fields in it.
pub(crate) fn with(mut body: Value, more: Value) -> Value {
    let (Some(fields), Value::Object(more)) = (body.as_object_mut(), more) else { panic!("two objects") };
    fields.extend(more);
    body
}

impl Server {
    /// A company with a commission of 10 %.
    pub(crate) fn company(&self) -> Company {
        let tag = fresh("shop");
        let (email, domain) = (format!("owner-{tag}@example.com"), format!("{tag}.example"));
        let body = json!({ "name": "Acme Store", "domain": format!("https://{domain}"), "email": email });
        let data = self.send(&Request::post("/companies/register").json(&body)).good();
        let text = |name: &str| data[name].as_str().expect("a text").to_owned();
        Company { id: text("id"), key: text("apiKey"), publishable: text("publishableKey"), email, domain }
    }

    /// A link of a partner of its own.
    pub(crate) fn link(&self, company: &Company) -> Link {
        let partner_email = format!("{}@example.com", fresh("partner"));
        let request = Request::post("/companies/links").key(&company.key);
        let data = self.send(&request.json(&json!({ "affiliateEmail": partner_email }))).good();
        Link { code: data["code"].as_str().expect("a code").to_owned(), partner_email }
    }

    pub(crate) fn click_with(&self, body: &Value) -> Reply {
        self.send(&Request::post("/track/click").json(body))
    }

    /// A click of somebody new; gives its receipt.
    #[track_caller]
    pub(crate) fn click(&self, company: &Company, link: &Link) -> String {
        let data = self.click_with(&click_body(company, link)).good();
        assert_eq!(data["tracked"], true, "{data}");
        data["clickId"].as_str().expect("a receipt").to_owned()
    }

    pub(crate) fn sale_with(&self, company: &Company, body: &Value) -> Reply {
        self.send(&Request::post("/track/conversion").key(&company.key).json(body))
    }

    /// A decided sale of 99.99 dollars.
    #[track_caller]
    pub(crate) fn sale(&self, company: &Company, link: &Link) -> Value {
        self.sale_with(company, &sale_body(link)).good()
    }

    pub(crate) fn refund_with(&self, company: &Company, conversion: &str, body: &Value) -> Reply {
        let path = format!("/conversions/{conversion}/refund");
        self.send(&Request::post(path).key(&company.key).json(body))
    }

    /// The data that a company's key reads at a path.
    #[track_caller]
    pub(crate) fn read_as(&self, company: &Company, path: &str) -> Value {
        self.send(&Request::get(path).key(&company.key)).good()
    }

    /// Waits until the company's dashboard says so many clicks and conversions.
    pub(crate) fn dashboard_says(&self, company: &Company, clicks: u64, conversions: u64) -> Value {
        eventually(SETTLED, "the dashboard follows", || {
            let data = self.read_as(company, "/companies/dashboard");
            let counts = (data["totalClicks"].as_u64(), data["totalConversions"].as_u64());
            if counts == (Some(clicks), Some(conversions)) { Ok(data) } else { Err(data.to_string()) }
        })
    }

    /// A decided conversion as its company sees it.
    pub(crate) fn decided(&self, company: &Company, conversion: &str) -> Value {
        eventually(SETTLED, "the conversion is decided", || {
            let data = self.read_as(company, &format!("/conversions/{conversion}"));
            if data["status"] == "processing" { Err(data.to_string()) } else { Ok(data) }
        })
    }

    /// Signs in through the mail in the outbox. `role` is `company` or `affiliate`.
    pub(crate) fn sign_in(&self, email: &str, role: &str) -> String {
        let token = self.magic_link(email, role);
        let data = self.send(&Request::post("/auth/verify").json(&json!({ "token": token }))).good();
        data["token"].as_str().expect("a token").to_owned()
    }

    /// Asks for a magic link and reads its token from the mail.
    pub(crate) fn magic_link(&self, email: &str, role: &str) -> String {
        let before = mails(&self.outbox);
        let request = Request::post("/auth/magic-link").json(&json!({ "email": email, "type": role }));
        self.send(&request).good();
        eventually(SETTLED, "the mail is in the outbox", || {
            let new = mails(&self.outbox);
            let token = new.difference(&before).find_map(|path| token_in(path, email));
            token.ok_or_else(|| format!("no mail to {email} in {}", self.outbox.display()))
        })
    }
}

fn mails(outbox: &Path) -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir(outbox).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "eml")).collect()
}

fn token_in(mail: &Path, email: &str) -> Option<String> {
    let text = std::fs::read_to_string(mail).ok()?.replace("\r\n", "\n");
    let is_to =
        |line: &str| line.to_lowercase().starts_with("to:") && line.to_lowercase().contains(&email.to_lowercase());
    if !text.lines().any(is_to) {
        return None;
    }
    let body = text.replace("=\n", "").replace("=3D", "=");
    let (_, after) = body.split_once("token=")?;
    let token: String = after.chars().take_while(|c| c.is_ascii_alphanumeric() || "._~-".contains(*c)).collect();
    (!token.is_empty()).then_some(token)
}
