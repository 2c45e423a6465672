use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::{Kind, aim::Target, connection::Connection};

const BROWSER: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/// Clicks that are sent at once before the orders.
const CLICKS_AT_ONCE: u64 = 500;

/// What is sent. The same number gives the same request, and no two numbers or runs the same order.
pub(crate) struct Events {
    pub(crate) kind: Kind,
    pub(crate) batch: u64,
    pub(crate) codes: Vec<String>,
    pub(crate) key: Option<String>,
    /// Sets this run's orders apart from all others'.
    pub(crate) run: u64,
    /// A click's for each order.
    pub(crate) receipts: Vec<String>,
}

impl Events {
    /// The request of this number.
    pub(crate) fn request(&self, number: u64) -> anyhow::Result<Request<Full<Bytes>>> {
        let numbers = number * self.batch..(number + 1) * self.batch;
        let (path, body) = match (self.batch, self.kind) {
            (1, Kind::Clicks) => ("/track/click", self.click(number)),
            (1, Kind::Orders) => ("/track/conversion", self.order(number)),
            (_, Kind::Clicks) => ("/track/batch", numbers.map(|number| self.click(number)).collect()),
            (_, Kind::Orders) => ("/track/batch", numbers.map(|number| self.order(number)).collect()),
        };
        self.post(path, number, &body)
    }

    /// Sends as many clicks as there will be orders; their receipts come back in the order of the codes.
    pub(crate) async fn clicks_before(&self, target: &Target, orders: u64) -> anyhow::Result<Vec<String>> {
        let mut connection = Connection::to(target.clone());
        let mut receipts = Vec::new();
        for from in (0..orders).step_by(CLICKS_AT_ONCE as usize) {
            let clicks = (from..orders.min(from + CLICKS_AT_ONCE)).map(|number| self.click(number)).collect();
            let (status, answer) = connection.ask(self.post("/track/batch", from, &clicks)?).await?;
            ensure!(status == StatusCode::OK, "clicks were answered {status}: {}", String::from_utf8_lossy(&answer));
            let answer: Value = serde_json::from_slice(&answer)?;
            for result in answer["data"]["results"].as_array().context("a batch is answered with results")? {
                let receipt = result["data"]["clickId"].as_str();
                receipts.push(receipt.with_context(|| format!("a click was not taken: {result}"))?.to_owned());
            }
        }
        Ok(receipts)
    }

    fn post(&self, path: &str, number: u64, body: &Value) -> anyhow::Result<Request<Full<Bytes>>> {
        let [_, a, b, c] = u32::try_from(spread(number) >> 32)?.to_be_bytes();
        let mut request = Request::post(path)
            .header(header::USER_AGENT, BROWSER)
            .header("x-forwarded-for", format!("100.{a}.{b}.{c}"));
        if let Some(key) = &self.key {
            request = request.header("x-api-key", key);
        }
        Ok(request.body(Full::from(body.to_string()))?)
    }

    fn code(&self, number: u64) -> &str {
        &self.codes[(number % self.codes.len() as u64) as usize]
    }

    fn click(&self, number: u64) -> Value {
        json!({
            "type": "click",
            "code": self.code(number),
            "landingPage": format!("https://demo-store.example/p/{}", spread(number) % 500),
            "referrer": "https://blog.example/post",
            "utmSource": "newsletter",
        })
    }

    fn order(&self, number: u64) -> Value {
        json!({
            "type": "conversion",
            "orderId": format!("bench-{}-{number}", self.run),
            "orderValue": 1_000 + spread(number) % 20_000,
            "currency": "USD",
            "affiliateCode": self.code(number),
            "clickId": self.receipts.get(number as usize),
            "customerId": format!("customer-{}-{number}", self.run),
        })
    }
}

/// Numbers far apart for numbers in a row.
fn spread(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn events(kind: Kind, batch: u64, run: u64) -> Events {
        let receipts = (0..100).map(|number| format!("receipt-{number}")).collect();
        Events { kind, batch, codes: vec!["A10".to_owned(), "B10".to_owned()], key: None, run, receipts }
    }

    #[test]
    fn no_order_is_sent_twice() {
        let mut ids = HashSet::new();
        for events in [events(Kind::Orders, 1, 1), events(Kind::Orders, 1, 2)] {
            for number in 0..100 {
                let order = events.order(number);
                assert!(ids.insert(order["orderId"].to_string()), "{order}");
                assert_eq!(order["clickId"], json!(format!("receipt-{number}")));
                assert_eq!(order["affiliateCode"], json!(["A10", "B10"][(number % 2) as usize]));
            }
        }
    }

    #[test]
    fn a_batch_goes_where_batches_go() {
        for (kind, batch, path) in [
            (Kind::Clicks, 1, "/track/click"),
            (Kind::Orders, 1, "/track/conversion"),
            (Kind::Clicks, 2, "/track/batch"),
            (Kind::Orders, 100, "/track/batch"),
        ] {
            let request = events(kind, batch, 1).request(3).expect("a request can be made");
            assert_eq!(request.uri().path(), path, "{kind:?} {batch}");
        }
    }
}
